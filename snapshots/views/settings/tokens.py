"""Access tokens: create one, which is shown once, and revoke it. Members see their own, admins everyone's."""

from secrets import token_urlsafe

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.teams.access import issue_tokens
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.mfa.adapter import is_secured
from dashboard.teams.models import AccessToken, Role, Team
from snapshots.api.operations import ROOT
from snapshots.lists.volume_filters import STATUSES

FORM_ID_BYTES = 32
PROBLEMS = {"status": [name for name, verdict in STATUSES.items() if verdict.is_problem]}
# How many expired or revoked tokens are shown.
MOST_ENDED = 20


class TokenForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Purpose"),
        max_length=60,
        widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires after"),
        coerce=int,
        initial=90,
        widget=forms.Select(attrs={"class": "field"}),
    )
    environments = forms.MultipleChoiceField(
        label=gettext_lazy("Environments"), required=False, widget=forms.CheckboxSelectMultiple
    )
    form_id = forms.RegexField(r"^[\w-]{43}\Z", widget=forms.HiddenInput)

    def __init__(self, team: Team, values: object = None) -> None:
        super().__init__(values, initial={"form_id": token_urlsafe(FORM_ID_BYTES)})  # type: ignore[arg-type]
        self.fields["days"].choices = [  # type: ignore[attr-defined]
            (days, ngettext("%(n)d day", "%(n)d days", days) % {"n": days}) for days in issue_tokens.DAYS
        ]
        shown = team.environments.order_by("service_code", "name")
        self.fields["environments"].choices = [(each.path, each.place) for each in shown]  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
def tokens_page(request: MemberRequest, team: str) -> HttpResponse:
    """Show the tokens; on POST create one and show it once."""
    form = TokenForm(request.team, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _show(request, form)
    try:
        token, text = issue_tokens.make(request.membership, **form.cleaned_data, request=request)
    except issue_tokens.SentAlready:
        messages.info(
            request, _("The form was sent twice. Its token was shown the first time; if you don’t have it, revoke it.")
        )
        return HttpResponseRedirect(_url(request.team))
    except issue_tokens.TooManyTokens:
        sentence = _("The team has %(most)d active access tokens. Revoke one first.")
        form.add_error(None, sentence % {"most": issue_tokens.MOST_ALIVE})
        return _show(request, form)
    return _show(request, TokenForm(request.team), {"token": token, "text": text})


@require_POST
def revoke(request: MemberRequest, team: str, access_token: int) -> HttpResponse:
    """Revoke a token: one's own, or as an admin any."""
    token = get_object_or_404(_seen_by(request), pk=access_token)
    if issue_tokens.revoke(token, actor=request.user, request=request):
        messages.success(request, _("Token “%(name)s” was revoked.") % {"name": token.name})
    return HttpResponseRedirect(_url(request.team))


def _seen_by(request: MemberRequest) -> QuerySet[AccessToken]:
    found = AccessToken.objects.filter(team=request.team).select_related("team")
    return found if request.membership.role == Role.ADMIN else found.filter(maker=request.membership)


def _url(team: Team) -> str:
    return reverse("snapshots:tokens", args=[team.slug])


def _show(request: MemberRequest, form: TokenForm, made: dict[str, object] | None = None) -> HttpResponse:
    seen = _seen_by(request).order_by("-made_at", "-pk")
    alive = seen.filter(pk__in=AccessToken.objects.alive())
    living = list(alive.annotate(is_secured=is_secured("maker__user")))
    context = {
        "title": _("Access tokens"),
        "form": form,
        "made": made,
        "living": living,
        "rests": issue_tokens.rests() if request.team.requires_second_factor else "",
        "ended": [(token, _why_ended(token)) for token in seen.exclude(pk__in=[t.pk for t in living])[:MOST_ENDED]],
        "sees_all": request.membership.role == Role.ADMIN,
        "examples": [
            _curl("/environments"),
            _curl(f"/teams/{request.team.slug}/volumes?{urlencode(PROBLEMS, doseq=True)}"),
        ],
    }
    return render(request, "snapshots/settings/tokens.html", context)


def _curl(path: str) -> str:
    return f'curl -fsS -H "MC-Api-Key: $TOKEN" "{settings.SITE_URL.rstrip("/")}{ROOT}{path}"'


def _why_ended(token: AccessToken) -> str:
    if token.revoked_at:
        return _("revoked %(at)s UTC") % {"at": f"{token.revoked_at:%Y-%m-%d %H:%M}"}
    if token.expires_at <= timezone.now():
        return _("expired %(at)s UTC") % {"at": f"{token.expires_at:%Y-%m-%d %H:%M}"}
    return _("revoked: its creator is no longer a member")
