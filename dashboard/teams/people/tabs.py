"""The tabs of a team's settings."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.teams.access.capabilities import capabilities
from dashboard.teams.access.guard import MemberRequest, may

TABS: tuple[tuple[str, Promise | str], ...] = (
    ("teams:people", _("People")),
    ("teams:security", _("Security")),
    ("teams:audit", _("Audit")),
    ("snapshots:key", _("Key")),
    ("snapshots:environments", _("Environments")),
    ("snapshots:tokens", _("Access tokens")),
    ("snapshots:targets", _("Targets")),
    ("snapshots:exclusions", _("Excluded")),
    ("snapshots:share_links", _("Shared links")),
    ("snapshots:alert_settings", _("Alerts")),
)


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    url: str
    current: bool


def tabs_of(request: MemberRequest) -> list[Tab]:
    """Return the tabs that the member may open, in order; the one with the requested URL is current."""
    urls = [
        (name, reverse(view, args=[request.team.slug]))
        for view, name in TABS
        if view in capabilities() and may(request.membership, view)
    ]
    return [Tab(str(name), url, current=_is_at(request, url)) for name, url in urls]


def _is_at(request: HttpRequest, url: str) -> bool:
    return request.path.startswith(url)
