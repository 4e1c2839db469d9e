"""What the frame of every page needs: the team, the teams to switch to, the pages, who you are."""

from dataclasses import dataclass, field, replace

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from dashboard.backends.prepared import Prepared
from dashboard.teams.models import Membership, Team
from snapshots.lists.problem_list import unseen_groups
from snapshots.text.labels import grouped
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
        (_("Alerts"), "snapshots:alerts"),
        (_("Snapshots"), "snapshots:list"),
        (_("Changes"), "snapshots:changes"),
        (_("Reports"), "snapshots:reports"),
        (_("Team"), "teams:settings"),
    ]
    links = [TeamLink(name, reverse(view, args=[team.slug])) for name, view in pages]
    links[1] = _with_unseen(links[1], request)
    # The home shows the volumes, and the leftovers are a tab of the reports.
    also_at = {
        "snapshots:volumes": request.path == reverse("snapshots:team_home", args=[team.slug]),
        "snapshots:reports": request.path.startswith(reverse("snapshots:leftovers", args=[team.slug])),
    }
    return [
        replace(link, current=request.path.startswith(link.url) or also_at.get(view, False))
        for link, (_name, view) in zip(links, pages, strict=True)
    ]


def _with_unseen(link: TeamLink, request: HttpRequest) -> TeamLink:
    """Say how many open problems this member has not ticked off."""
    member: Membership | None = getattr(request, "membership", None)
    number = unseen_groups(member, timezone.now()) if member else 0
    if not number:
        return link
    label = _("%(page)s, %(number)s unseen") % {"page": link.name, "number": grouped(number)}
    return replace(link, number=grouped(number), label=label)
