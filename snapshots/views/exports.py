"""The rows of the three pages as files: what the page's own address would show, all of its pages."""

from array import array
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.limits import allow
from dashboard.teams.access.guard import MemberRequest, still_may
from dashboard.teams.core import audit
from dashboard.teams.models import EventKind
from snapshots.lists import change_list, snapshot_list, volume_groups, volume_list
from snapshots.lists import export as exports
from snapshots.lists.export import Place, Stream, TooManyExports, keys_of
from snapshots.lists.export_rows import CHANGES, SNAPSHOTS, volumes_of
from snapshots.lists.export_writers import CONTENT_TYPES, MOST_ROWS, Export
from snapshots.lists.params import DEFAULT_PAGE_SIZE
from snapshots.text.labels import grouped
from snapshots.verdicts.sql import DataAges
from snapshots.views.changes import list_page
from snapshots.views.common.page_state import nothing_to_list
from snapshots.views.snapshots import list_page as lists
from snapshots.views.volumes import list_page as volumes

# How many rows the file will have, for whoever waits for it.
ROWS_HEADER = "X-Export-Rows"
# What one member may make: each reads all keys, and most write a row into the audit.
MOST_OF_PERSON, OF_PERSON_SECONDS = 300, 60 * 60
# How often the same export of the same member is written there.
MOST_TOLD, TOLD_SECONDS = 3, 10 * 60
NOTHING: "array[int]" = array("q")


@require_safe
def list_export(request: MemberRequest, team: str, kind: str) -> HttpResponseBase:
    """The snapshots of a list address. `kind`: xlsx, csv or json."""
    return _answer(request, kind, _snapshots)


@require_safe
def volumes_export(request: MemberRequest, team: str, kind: str) -> HttpResponseBase:
    """The volumes of an address of the volumes page, with their verdicts."""
    return _answer(request, kind, _volumes)


@require_safe
def changes_export(request: MemberRequest, team: str, kind: str) -> HttpResponseBase:
    """The lines of an address of the changes page."""
    return _answer(request, kind, _changes)


def _snapshots(request: MemberRequest) -> Export:
    view = lists.read_view(request)
    return Export(
        team=view.team,
        source=SNAPSHOTS,
        keys=NOTHING if _is_bare(view) else keys_of(snapshot_list.ordered(view.team, view.filters, view.now)),
        environments=view.environments,
        asked=view.shown,
        query=view.filters.query(page_size=DEFAULT_PAGE_SIZE).removeprefix("?"),
        at=view.now,
    )


def _volumes(request: MemberRequest) -> Export:
    view = volumes.read_view(request)
    ages = DataAges.of(view.environments, view.now)
    team_hours = view.policy.target_hours if view.policy else None
    return Export(
        team=view.team,
        source=volumes_of(view.environments, ages, team_hours),
        keys=NOTHING if _is_bare(view) else _volume_keys(view, ages),
        environments=view.environments,
        asked=view.shown,
        query=view.filters.query(page_size=DEFAULT_PAGE_SIZE).removeprefix("?"),
        at=view.now,
    )


def _volume_keys(view: volumes.View, ages: DataAges) -> "array[int]":
    narrowed = volume_list.narrowed(view.environments, view.filters, ages)
    shown = volume_list.shown(narrowed, view.filters, ages)
    if view.filters.group:
        return array("q", (disk.pk for block in volume_groups.blocks_of(shown) for disk in block.disks))
    return keys_of(volume_list.ordered(shown, view.filters, oldest_first=view.policy is None))


def _changes(request: MemberRequest) -> Export:
    view = list_page.read_view(request)
    rows = change_list.filtered(view.team, view.environments, view.filters, view.line)
    return Export(
        team=view.team,
        source=CHANGES,
        keys=NOTHING if _is_bare(view) else keys_of(rows.newest_first()),
        environments=view.environments,
        asked=view.shown,
        query=view.filters.query().removeprefix("?"),
        at=view.now,
    )


def _is_bare(view: lists.View | volumes.View | list_page.View) -> bool:
    """Whether the page shows no rows at all, as the team has no key or no environment."""
    return nothing_to_list(view.membership, view.environments) is not None


def _answer(request: MemberRequest, kind: str, make: Callable[[MemberRequest], Export]) -> HttpResponseBase:
    try:
        place = Place(request.team)
    except TooManyExports:
        text = _("Too many exports are being made at once. Wait until one of them is done, then try again.")
        return _too_many(request, text, exports.RETRY_SECONDS)
    person = f"export:{request.membership.pk}"
    if request.method != "HEAD" and not (use := allow(person, MOST_OF_PERSON, OF_PERSON_SECONDS)):
        text = _("You have made %(most)d exports within an hour. Try again later.") % {"most": MOST_OF_PERSON}
        return _too_many(request, text, use.wait)
    export = make(request)
    if len(export.keys) > MOST_ROWS.get(kind, len(export.keys)):
        return _too_many_rows(request, len(export.keys), MOST_ROWS[kind])
    headers = {
        "Content-Type": CONTENT_TYPES[kind],
        "Content-Disposition": content_disposition_header(True, export.file_name(kind)) or "",
        ROWS_HEADER: str(len(export.keys)),
    }
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    _record(request, export, kind)
    stream = Stream(export, kind, place, lambda: still_may(request))
    return StreamingHttpResponse(stream, headers=headers)


def _record(request: MemberRequest, export: Export, kind: str) -> None:
    """Write an export into the audit; the same one of the same member no more than three times in ten minutes."""
    same = f"export-told:{request.membership.pk} {export.source.name} {kind} {export.query}"
    if allow(same, MOST_TOLD, TOLD_SECONDS):
        detail, target = _told(export, kind), export.source.name
        audit.record(
            EventKind.EXPORTED, team=export.team, actor=request.user, target=target, detail=detail, request=request
        )


def _told(export: Export, kind: str) -> str:
    facts = {"kind": kind.upper(), "number": len(export.keys), "query": export.query or "–"}
    return _("%(kind)s, rows: %(number)d, filter: %(query)s") % facts


def _too_many(request: MemberRequest, text: str, seconds: int) -> HttpResponse:
    response = _refuse(request, _("Too many exports"), text, HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(seconds)
    return response


def _too_many_rows(request: MemberRequest, rows: int, most: int) -> HttpResponse:
    text = _("%(rows)s rows match. An Excel file holds at most %(most)s: narrow the filters, or export as CSV.")
    text %= {"rows": grouped(rows), "most": grouped(most)}
    return _refuse(request, _("Too many rows for Excel"), text, HTTPStatus.BAD_REQUEST)


def _refuse(request: MemberRequest, title: str, text: str, status: HTTPStatus) -> HttpResponse:
    return render(request, "snapshots/export_refused.html", {"title": title, "text": text}, status=status)
