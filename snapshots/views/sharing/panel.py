"""Shared links for members: the panel on a snapshot's page, and the lines of every list."""

from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.backends.prepared import Prepared
from dashboard.teams.access.guard import MemberRequest, may
from snapshots.models import ShareLink, ShareLinkQuerySet, Snapshot
from snapshots.sharing import links as sharing
from snapshots.text import labels, times
from snapshots.text.usable import Usability, usability
from snapshots.views.common.components import Choice

FORM_BYTES = 16
OF_SNAPSHOT = Prepared(lambda snapshot: ShareLink.objects.filter(snapshot=snapshot))


@dataclass(frozen=True, slots=True)
class LinkLine:
    public_id: str
    name: str
    url: str
    place: str
    by: str
    ends: str
    requests: int
    requested: str
    shows_environment: bool


@dataclass(frozen=True, slots=True)
class SharePanel:
    """The panel of a snapshot's page for members who may share it. Without `form_id` the team allows no shared links.

    `is_offered`: False for a snapshot that can never be restored; its links stay and show its state.
    """

    make_url: str
    form_id: str
    days: list[Choice]
    links: list[LinkLine]
    of: str
    is_offered: bool


def share_panel(request: MemberRequest, snapshot: Snapshot, path: str, now: datetime) -> SharePanel | None:
    """Return the panel; None if the member may not share, or there is nothing to share or to revoke.

    `path` is the environment's in URLs.
    """
    if not may(request.membership, "snapshots:share_make", "POST"):
        return None
    # Nearly no snapshot has one, and this query is the cheaper one.
    has_any = bool(OF_SNAPSHOT.all(snapshot=snapshot.pk))
    found = sharing.links_for(request.membership).filter(snapshot=snapshot)
    links = lines(found, request.team.slug, now) if has_any else []
    is_offered = usability(snapshot) is not Usability.NEVER
    if not (is_offered or links):
        return None
    detail = reverse("snapshots:list", args=[request.team.slug]) + f"{path}/{snapshot.snapshot_id}/"
    return SharePanel(
        make_url=f"{detail}share/",
        form_id=token_urlsafe(FORM_BYTES) if request.team.allows_shared_links else "",
        days=[Choice(str(days), _days(days), checked=days == sharing.USUAL_DAYS) for days in sharing.DAYS],
        links=links,
        of=f"{path}/{snapshot.snapshot_id}",
        is_offered=is_offered,
    )


def lines(links: ShareLinkQuerySet, team_slug: str, now: datetime) -> list[LinkLine]:
    home = reverse("snapshots:list", args=[team_slug])
    return [_line(link, home, now) for link in links]


def _line(link: ShareLink, home: str, now: datetime) -> LinkLine:
    snapshot, environment = link.snapshot, link.snapshot.environment
    return LinkLine(
        public_id=link.public_id,
        name=labels.title(snapshot.name, snapshot.snapshot_id),
        url=f"{home}{environment.path}/{snapshot.snapshot_id}/",
        place=environment.place,
        by=_("by %(who)s, %(when)s") % {"who": link.made_by, "when": times.stamp(link.made_at, now)},
        ends=_("expires %(time)s UTC") % {"time": times.stamp(link.expires_at, now)},
        requests=link.uses,
        requested=_requested(link, now),
        shows_environment=link.shows_environment,
    )


def _requested(link: ShareLink, now: datetime) -> str:
    if link.last_used_at is None:
        return _("not requested yet")
    text = ngettext("requested once, %(time)s UTC", "requested %(n)d times, last %(time)s UTC", link.uses)
    return text % {"n": link.uses, "time": times.stamp(link.last_used_at, now)}


def _days(days: int) -> str:
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
