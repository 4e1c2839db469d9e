"""The rows of the list pages as files: what the page's own address would show, all of its pages."""

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
from snapshots.lists import change_list, leftovers, problem_list, report, snapshot_list, volume_groups, volume_list
from snapshots.lists import export as exports
from snapshots.lists.export import Place, Stream, TooManyExports, keys_of
from snapshots.lists.export_rows import CHANGES, PROBLEMS, SNAPSHOTS, Source, leftovers_of, report_of, volumes_of
from snapshots.lists.export_writers import CONTENT_TYPES, MOST_ROWS, Export
from snapshots.lists.params import DEFAULT_PAGE_SIZE, FilterBase
from snapshots.text.labels import grouped
from snapshots.text.verdict_labels import short_name
from snapshots.text.verdict_reason import why
from snapshots.verdicts.sql import DataAges
from snapshots.views.alerts.list_page import AlertsView
from snapshots.views.changes.list_page import ChangesView
from snapshots.views.common.list_page import View
from snapshots.views.leftovers.list_page import LeftoversView
from snapshots.views.reports import page as report_page
from snapshots.views.snapshots.list_page import SnapshotsView
from snapshots.views.volumes.list_page import VolumesView

# How many rows the file will have, for the page that waits for it.
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


@require_safe
def leftovers_export(request: MemberRequest, team: str, kind: str) -> HttpResponseBase:
    """The snapshots of an address of the leftovers page, with their reasons."""
    return _answer(request, kind, _leftovers)


@require_safe
def alerts_export(request: MemberRequest, team: str, kind: str) -> HttpResponseBase:
    """The problems of an address of the alerts page."""
    return _answer(request, kind, _problems)


@require_safe
def reports_export(request: MemberRequest, team: str, kind: str) -> HttpResponseBase:
    """The volumes of a report with their figures, in the order of its page."""
    return _answer(request, kind, _report)


def _report(request: MemberRequest) -> Export:
    asked = report_page.read(request, "")
    lines = report.make(request.team, asked.environments, asked.range, asked.now).ordered(asked.filters.sort)
    return Export(
        team=request.team,
        source=report_of(lines),
        keys=array("q", (line.pk for line in lines)),
        environments=asked.environments,
        asked=asked.environments,
        query=asked.query,
        words=asked.range.words,
        at=asked.now,
    )


def _snapshots(request: MemberRequest) -> Export:
    view = SnapshotsView.read(request)
    query = view.links.first_query(page_size=DEFAULT_PAGE_SIZE)
    return _export(view, query, SNAPSHOTS, lambda: keys_of(snapshot_list.ordered(view.team, view.filters, view.now)))


def _volumes(request: MemberRequest) -> Export:
    view = VolumesView.read(request)
    ages = DataAges.of(view.environments, view.now)
    source = volumes_of(view.environments, ages, view.team_hours, label=short_name, why=why)
    query = view.links.first_query(page_size=DEFAULT_PAGE_SIZE)
    return _export(view, query, source, lambda: _volume_keys(view, ages))


def _volume_keys(view: VolumesView, ages: DataAges) -> "array[int]":
    narrowed = volume_list.narrowed(view.environments, view.filters, ages)
    shown = volume_list.shown(narrowed, view.filters, ages)
    if view.filters.group:
        return array("q", (disk.pk for block in volume_groups.blocks_of(shown) for disk in block.disks))
    return keys_of(volume_list.ordered(shown, view.filters, oldest_first=view.policy is None))


def _changes(request: MemberRequest) -> Export:
    view = ChangesView.read(request)
    rows = change_list.filtered(view.team, view.environments, view.filters, view.line)
    return _export(view, view.links.first_query(), CHANGES, lambda: keys_of(rows.newest_first()))


def _leftovers(request: MemberRequest) -> Export:
    view = LeftoversView.read(request)
    query = view.links.first_query(page_size=DEFAULT_PAGE_SIZE)
    return _export(view, query, leftovers_of(view.rules), lambda: keys_of(leftovers.ordered(view.rules)))


def _problems(request: MemberRequest) -> Export:
    view = AlertsView.read(request)
    query = view.links.first_query(page_size=DEFAULT_PAGE_SIZE)
    return _export(view, query, PROBLEMS, lambda: _problem_keys(view))


def _problem_keys(view: AlertsView) -> "array[int]":
    keys = array("q", (pk for groups in view.current for group in groups for pk in group.pks))
    return keys + keys_of(problem_list.ended(view.team, view.filters, view.now))


def _export(view: View[FilterBase], query: str, source: Source, keys: Callable[[], "array[int]"]) -> Export:
    """The rows of a page. Where the team has no key or no environment, the page shows none."""
    return Export(
        team=view.team,
        source=source,
        keys=keys() if view.nothing is None else NOTHING,
        environments=view.environments,
        asked=view.shown,
        query=query.removeprefix("?"),
        words=view.filters.words,
        at=view.now,
    )


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
    """Record an export in the audit; the same one by the same member at most three times in ten minutes."""
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
