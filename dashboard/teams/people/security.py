"""The security page: whether a team requires a second factor."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.core.audit import record
from dashboard.teams.mfa.adapter import has_second_factor, is_secured
from dashboard.teams.models import EventKind, Team, User


class SecurityForm(forms.Form):
    required = forms.BooleanField(label=gettext_lazy("Everyone in this team needs a second factor"), required=False)


@require_http_methods(["GET", "HEAD", "POST"])
def security(request: MemberRequest, team: str) -> HttpResponse:
    """Show members without a second factor; the form makes it required."""
    form = SecurityForm(request.POST if request.method == "POST" else None)
    own = has_second_factor(request, request.user)
    if not form.is_valid():
        return _show(request, own)
    if form.cleaned_data["required"] and not own:
        messages.error(request, _("Add a second factor to your own account first, or you would lock yourself out."))
    elif require(request.team, form.cleaned_data["required"], actor=request.user, request=request):
        messages.success(request, _("Saved. This takes effect immediately."))
    return HttpResponseRedirect(reverse("teams:security", args=[request.team.slug]))


@transaction.atomic
def require(team: Team, required: bool, *, actor: User, request: HttpRequest | None = None) -> bool:
    """Set whether a team's members need a second factor. Returns False if nothing changed."""
    if not Team.objects.filter(pk=team.pk, requires_second_factor=not required).update(requires_second_factor=required):
        return False
    detail = "second factor required" if required else "second factor no longer required"
    record(EventKind.TEAM_CHANGED, team=team, actor=actor, detail=detail, request=request)
    return True


def _show(request: MemberRequest, own: bool) -> HttpResponse:
    members = request.team.memberships.select_related("user").annotate(secured=is_secured("user"))
    without = [member.user for member in members.order_by("user__email") if not member.secured]
    context = {"team": request.team, "own": own, "without": without, "count": len(members)}
    return render(request, "teams/security.html", context)
