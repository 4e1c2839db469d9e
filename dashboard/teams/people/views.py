"""The people and audit pages of a team."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership, Role
from dashboard.teams.people import invitations
from dashboard.teams.people.forms import AuditForm, InviteForm, RoleForm
from dashboard.teams.people.members import LastAdmin, change_role, is_last_admin, remove
from dashboard.teams.people.tabs import tabs_of

EVENTS_PER_PAGE = 50
GET_OR_POST = ["GET", "HEAD", "POST"]


@require_safe
def settings(request: MemberRequest, team: str) -> HttpResponse:
    """Redirect to the first tab that the member may open."""
    return HttpResponseRedirect(tabs_of(request)[0].url)


@require_http_methods(GET_OR_POST)
def people(request: MemberRequest, team: str) -> HttpResponse:
    """Show the members; an admin's form invites someone and shows the link once."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _show_people(request, form)
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    try:
        invitations.check_mails(request.team, email, request)
        invitation, token = invitations.invite(request.team, email, role, actor=request.user, request=request)
    except ValidationError as refusal:
        form.add_error("email", refusal)
        return _show_people(request, form)
    link = invitations.link_of(token)
    made = {"invitation": invitation, "link": link, "mailed": invitations.mail_link(invitation)}
    return _show_people(request, InviteForm(), made)


@require_POST
def set_role(request: MemberRequest, team: str, member: int) -> HttpResponse:
    changed = _member(request, member)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Unknown role."))
        return _to_people(request)
    role = Role(form.cleaned_data["role"])
    if _done(request, lambda: change_role(changed, role, actor=request.user, request=request)):
        said = _("%(email)s is now %(role)s.") % {"email": changed.user.email, "role": role.label}
        messages.success(request, said)
    return _to_people(request)


@require_http_methods(GET_OR_POST)
def remove_member(request: MemberRequest, team: str, member: int) -> HttpResponse:
    """Ask first, then remove a member; members who remove themselves leave."""
    leaver = _member(request, member)
    if leaver == request.membership:
        return HttpResponseRedirect(reverse("teams:leave", args=[request.team.slug]))
    if request.method != "POST":
        return render(request, "teams/remove.html", {"member": leaver, "team": request.team})
    if _done(request, lambda: remove(leaver, actor=request.user, request=request)):
        messages.success(request, _("%(email)s is no longer in the team.") % {"email": leaver.user.email})
    return _to_people(request)


@require_http_methods(GET_OR_POST)
def leave(request: MemberRequest, team: str) -> HttpResponse:
    """Ask first, then leave the team."""
    if request.method != "POST":
        return render(
            request, "teams/leave.html", {"team": request.team, "is_last_admin": is_last_admin(request.membership)}
        )
    if not _done(request, lambda: remove(request.membership, actor=request.user, request=request)):
        return _to_people(request)
    messages.success(request, _("You left the team %(team)s.") % {"team": request.team.name})
    return HttpResponseRedirect(reverse("snapshots:home"))


@require_POST
def revoke_invitation(request: MemberRequest, team: str, invitation: int) -> HttpResponse:
    revoked = get_object_or_404(request.team.invitations, pk=invitation)
    invitations.revoke(revoked, actor=request.user, request=request)
    messages.success(request, _("The invitation for %(email)s was revoked.") % {"email": revoked.email})
    return _to_people(request)


@require_safe
def audit(request: MemberRequest, team: str) -> HttpResponse:
    """Show the audit, newest first."""
    form = AuditForm(request.GET)
    events = request.team.audit_events.select_related("actor").order_by("-at", "-id")
    if form.is_valid() and form.cleaned_data["kind"]:
        events = events.filter(kind=form.cleaned_data["kind"])
    if form.is_valid() and form.cleaned_data["person"]:
        events = events.about(form.cleaned_data["person"])
    page = Paginator(events, EVENTS_PER_PAGE).get_page(request.GET.get("page"))
    narrowed = bool(form.changed_data)
    return render(request, "teams/audit.html", {"form": form, "page": page, "team": request.team, "narrowed": narrowed})


def _member(request: MemberRequest, pk: int) -> Membership:
    return get_object_or_404(request.team.memberships.select_related("user", "team"), pk=pk)


def _done(request: MemberRequest, change: Callable[[], None]) -> bool:
    """Change the team's members, or show why not. Raises Http404 for a member who was just removed."""
    try:
        change()
    except LastAdmin:
        messages.error(request, _("A team needs at least one admin. Make someone else an admin first."))
        return False
    except Membership.DoesNotExist:
        raise Http404 from None
    return True


def _to_people(request: MemberRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("teams:people", args=[request.team.slug]))


def _show_people(request: MemberRequest, form: InviteForm, made: dict[str, object] | None = None) -> HttpResponse:
    context = {
        "team": request.team,
        "members": request.team.memberships.select_related("user").order_by("user__email"),
        "open_invitations": request.team.invitations.pending().select_related("made_by").order_by("-made_at"),
        "roles": Role.choices,
        "form": form,
        "made": made,
        "sends_mail": invitations.sends_mail(),
    }
    return render(request, "teams/people.html", context)
