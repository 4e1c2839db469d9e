"""What the frame of every page needs: the team, the teams to switch to, the pages, who you are."""

from dataclasses import dataclass, field

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from dashboard.backends.prepared import Prepared
from dashboard.teams.models import Team
from snapshots.views.common.components import TeamLink

TEAMS = Prepared(lambda user: Team.objects.of_user(user))


@dataclass(frozen=True, slots=True)
class Shell:
    signed_in: bool = False
    user_name: str = ""
    team: Team | None = None
    teams: list[TeamLink] = field(default_factory=list)
    pages: list[TeamLink] = field(default_factory=list)


def shell(request: HttpRequest) -> dict[str, object]:
    """Context processor. Lazy: an error page that never prints it asks no database."""
    return {"shell": SimpleLazyObject(lambda: shell_of(request))}


def shell_of(request: HttpRequest) -> Shell:
    """The same at once."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return Shell()
    team = getattr(request, "team", None)
    links = [
        TeamLink(other.name, reverse("snapshots:team_home", args=[other.slug]), current=other == team)
        for other in TEAMS.all(user=user.pk)
    ]
    return Shell(True, user.get_full_name(), team, links, _pages(request, team))


def _pages(request: HttpRequest, team: Team | None) -> list[TeamLink]:
    if team is None:
        return []
    pages = [
        (_("Volumes"), "snapshots:volumes"),
        (_("Snapshots"), "snapshots:list"),
        (_("Changes"), "snapshots:changes"),
        (_("Team"), "teams:settings"),
    ]
    links = [(name, reverse(view, args=[team.slug])) for name, view in pages]
    is_home = request.path == reverse("snapshots:team_home", args=[team.slug])
    return [
        TeamLink(name, url, current=request.path.startswith(url) or (is_home and url == links[0][1]))
        for name, url in links
    ]
