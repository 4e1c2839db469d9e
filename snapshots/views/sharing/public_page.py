"""The public page of a shared link: one snapshot, for anyone with the URL.

It uses no session and no user, sends no request to the provider, and gives the same answer for every invalid link.
"""

import logging
from datetime import datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from dashboard.http.client_address import network_of
from dashboard.limits import allow, wait_of
from snapshots.models import Environment, ShareLink, Snapshot
from snapshots.models.environment import ttl
from snapshots.rules import states
from snapshots.sharing import links, usage
from snapshots.text import labels, times, usable
from snapshots.text.usable import Usability
from snapshots.views.common.components import Fact

# The standard's name, then older ones of Chromium, Safari and Firefox.
PURPOSE_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
MINUTE = 60
WRONG_A_MINUTE = 30
RIGHT_A_MINUTE, WRITTEN_TOGETHER = 600, 50
"""Views per client; a process counts some in memory, so that no view waits for a row."""
ALARM = 300
"""Wrong tries by all clients within a minute that are logged."""

log = logging.getLogger(__name__)


@csrf_exempt  # it takes no form: a POST is refused as a method that is not allowed
@require_safe
def share(request: HttpRequest, link: str) -> HttpResponse:
    """Show the snapshot of an active link. HEAD and prefetch requests are not counted."""
    client = network_of(request)
    wrong = (f"share-wrong:{client}", WRONG_A_MINUTE, MINUTE)
    if wait := wait_of(*wrong):
        return _too_many(wait)
    found = links.find(link)
    if found is None:
        use = allow(*wrong)
        _watch()
        return _ended() if use else _too_many(use.wait)
    use = allow(f"share-right:{client}", RIGHT_A_MINUTE, MINUTE, at_once=WRITTEN_TOGETHER)
    if not use:
        return _too_many(use.wait)
    if request.method == "GET" and not _is_prefetch(request):
        usage.count(found, request)
    return _page("snapshots/sharing/public_page.html", _context(found, timezone.now()))


def _is_prefetch(request: HttpRequest) -> bool:
    """Return whether a browser prefetches the page, before anyone opens the link."""
    purposes = [request.headers.get(name, "").lower() for name in PURPOSE_HEADERS]
    return any("prefetch" in purpose or "preview" in purpose for purpose in purposes)


def _watch() -> None:
    """Log many wrong tries by all clients, at most once a minute."""
    if not allow("share-wrong:", ALARM, MINUTE, at_once=10) and allow("share-alarm:", 1, MINUTE):
        log.warning("%d requests for invalid shared links within a minute.", ALARM)


def _ended() -> HttpResponse:
    return _page("snapshots/sharing/ended.html", {}, HTTPStatus.NOT_FOUND)


def _too_many(wait: int) -> HttpResponse:
    response = _page("snapshots/sharing/too_many.html", {}, HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(wait)
    return response


def _page(template: str, context: dict[str, object], status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    """Render without the request, so that the page cannot contain anything about the reader."""
    return HttpResponse(render_to_string(template, context), status=status)


def _context(link: ShareLink, now: datetime) -> dict[str, object]:
    snapshot, environment = link.snapshot, link.snapshot.environment
    is_current = environment.is_current(now, ttl())
    answer = usable.answer(snapshot, now, is_current=is_current, environment=environment)
    return {
        "name": snapshot.name if snapshot.name.strip() else _("Snapshot without a name"),
        "badge": labels.badge(snapshot.state, listed=snapshot.listed, candidate=snapshot.is_candidate),
        "usability": usable.usability(snapshot).value,
        "answer": answer if snapshot.listed else _gone(snapshot, now),
        "facts": _facts(link, now),
        "as_of": _as_of(environment, now),
        "meaning": _meaning(usable.usability(snapshot)),
    }


def _gone(snapshot: Snapshot, now: datetime) -> str:
    if snapshot.last_seen_at is None:
        return _("No longer listed by the provider.")
    seen = times.stamp(snapshot.last_seen_at, now)
    return _("No longer listed by the provider, last seen %(time)s UTC.") % {"time": seen}


def _facts(link: ShareLink, now: datetime) -> list[Fact]:
    """Return everything that the page shows: no id, and nothing about the team."""
    one = link.snapshot
    taken = times.taken(one.taken_after, one.taken_before, one.taken_source, one.taken_key, now)
    when = taken.exact or _("%(when)s UTC") % {"when": taken.text}
    facts = [
        Fact(_("Taken"), when, extra=taken.origin),
        Fact(_("Type"), states.type_label(one.interval_type)),
        Fact(_("Volume"), one.volume if one.volume.strip() else "—"),
    ]
    if link.shows_environment:
        facts.append(Fact(_("Environment"), one.environment.place))
    expires = _("%(time)s UTC") % {"time": times.stamp(link.expires_at, now)}
    return [*facts, Fact(_("Link works until"), expires)]


def _meaning(found: Usability) -> str:
    """What the answer means to people who do not know the dashboard."""
    meanings = {
        Usability.USABLE: _(
            "Usable means that the provider lists it as completed: a new volume can be created from it in the "
            "provider’s console. The dashboard has not tried to restore it."
        ),
        Usability.NOT_YET: _("It can’t be restored yet."),
        Usability.UNKNOWN: _("It is not known whether it can be restored."),
        Usability.NEVER: _("It can’t be restored."),
    }
    return meanings[found]


def _as_of(environment: Environment, now: datetime) -> str:
    if environment.answered_at is None:
        return _("Not fetched from the provider yet.")
    return _("Status on %(time)s UTC.") % {"time": times.stamp(environment.answered_at, now)}
