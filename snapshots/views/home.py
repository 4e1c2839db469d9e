"""Where you land: the last or only team, or the choice of teams; and where a team starts."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.teams.access.guard import MemberRequest, SignedInRequest
from dashboard.teams.models import Role, Team
from snapshots.views.common.components import TeamLink
from snapshots.views.common.page_state import step_url
from snapshots.views.settings.saved_views import start_url
from snapshots.views.volumes import list_page as volumes


@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """Lead to the last or only team; with several and no last one, to the choice."""
    teams = list(Team.objects.of_user(request.user))
    last = request.session.get("last_team")
    if len(teams) > 1 and last not in {team.slug for team in teams}:
        return HttpResponseRedirect(reverse("snapshots:teams"))
    if not teams:
        return _no_team(request)
    slug = last if len(teams) > 1 else teams[0].slug
    return HttpResponseRedirect(reverse("snapshots:team_home", args=[slug]))


@require_safe
def team_home(request: MemberRequest, team: str) -> HttpResponse:
    """Where a team starts: a missing step of its set-up, the view that an admin chose, else its volumes."""
    url = step_url(request.membership) or (start_url(request.team) if not request.GET else "")
    return HttpResponseRedirect(url) if url else volumes.volumes_page(request, team)


@require_safe
def team_choice(request: SignedInRequest) -> HttpResponse:
    """Your teams."""
    memberships = request.user.memberships.select_related("team").order_by("team__name", "team__pk")
    teams = [
        TeamLink(one.team.name, reverse("snapshots:team_home", args=[one.team.slug]), detail=str(Role(one.role).label))
        for one in memberships
    ]
    if not teams:
        return _no_team(request)
    return render(request, "snapshots/teams.html", {"title": _("Your teams"), "teams": teams})


def _no_team(request: SignedInRequest) -> HttpResponse:
    return render(request, "snapshots/no_team.html", {"title": _("No team yet")})
