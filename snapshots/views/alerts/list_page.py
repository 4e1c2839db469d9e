"""What is wrong in a team's environments, the worst first: for each member also what this member has not seen yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest, may
from snapshots.lists import problem_filters, problem_list
from snapshots.lists.problem_filters import ENDED, KINDS, ProblemFilters
from snapshots.lists.problem_list import MOST_ENDED, Current, Group, MenuCounts, mark_of
from snapshots.models import Environment
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.views.alerts.channel_line import ChannelLine, channel_line
from snapshots.views.alerts.rows import AlertRow, EndedRow, Scene, ended_row, key_of, row_of
from snapshots.views.common.components import Chip, Choice, Empty, FilterGroup, Pager, chip
from snapshots.views.common.data_age import as_of
from snapshots.views.common.list_page import (
    View,
    answer,
    answer_refresh,
    count_of,
    environment_chips,
    environment_group,
    numbered_pager,
    search_chips,
)
from snapshots.views.common.page_state import never_fetched
from snapshots.views.common.volume_filter import day_chips, time_group

# More are one bar.
MOST_SEGMENTS = 20


@dataclass(frozen=True, slots=True)
class Strip:
    """How far the member is with the open groups. `text` and `time` say it; `parts`: one for each group, ticked or not.

    `left`: how many are unseen; `mark`: which they are.
    """

    text: str
    time: str
    done: int
    number: int
    left: int
    mark: str

    @property
    def parts(self) -> Sequence[bool]:
        return [place < self.done for place in range(self.number)] if self.number <= MOST_SEGMENTS else []

    @property
    def progress(self) -> str:
        return _("%(done)s of %(number)s ticked off") % {"done": grouped(self.done), "number": grouped(self.number)}


@dataclass(frozen=True, slots=True)
class Ended:
    """The section of those that ended: its heading, its note, its rows.

    `url`: where all of them are. A page of all of them has a pager in its place, and their number.
    """

    title: str
    note: str
    rows: Sequence[EndedRow]
    url: str = ""
    pager: Pager | None = None
    number: int = 0


class AlertsView(View[ProblemFilters]):
    """One address of the alerts page."""

    saved_as = "alerts"
    addresses = ("snapshots:alerts",)
    page_template = "snapshots/alerts/list.html"
    fragment_template = "snapshots/alerts/_results.html"
    refreshed_template = "snapshots/alerts/_refreshed.html"
    hidden_fields = ("show", "since_time", "page_size")
    parse = staticmethod(problem_filters.parse)

    @property
    def search_label(self) -> str:
        return _("Filter by volume, note or ticket")

    @property
    def is_of_ended(self) -> bool:
        return self.filters.show == ENDED

    @cached_property
    def ticks(self) -> Sequence[tuple[int, int, datetime]]:
        return problem_list.ticks_of(self.membership)

    @property
    def inputs(self) -> object:
        """Beside the rows: the member's ticks, and the channels.

        Times of acknowledgements are whole minutes, as the cache's key is.
        """
        return ([(problem, kind) for problem, kind, _at in self.ticks], self.channels)

    @cached_property
    def channels(self) -> ChannelLine:
        return channel_line(self.team, self.now)

    @cached_property
    def current(self) -> Current:
        if self.is_of_ended:
            return Current([], [])
        found = problem_list.find_current(self.team, self.filters, self.membership, self.now)
        # An environment may have been removed since these were read.
        return Current(*([one for one in groups if one.environment_id in self.places] for groups in found))

    @cached_property
    def places(self) -> dict[int, Environment]:
        return {one.pk: one for one in self.environments}

    @cached_property
    def scene(self) -> Scene:
        own = {one.environment_id for groups in self.current for one in groups if one.is_of_environment}
        return Scene(self.membership, self.places, problem_list.replaced_by(own), self.now)

    def key_of(self, group: Group) -> str:
        return key_of(group, self.places[group.environment_id])

    def group_of(self, key: str) -> Group | None:
        """The open group of this name, as it is now."""
        groups = [*self.current.open, *self.current.quiet]
        return next((group for group in groups if self.key_of(group) == key), None)

    def rows(self, groups: Sequence[Group]) -> list[AlertRow]:
        return [row_of(one, self.scene) for one in groups]

    @property
    def strip(self) -> Strip | None:
        """None where nothing is open."""
        number, unseen = len(self.current.open), self.current.unseen
        if not number:
            return None
        text, time = _strip_text(self, number, len(unseen))
        return Strip(text, time, number - len(unseen), number, len(unseen), mark_of(unseen))

    def context(self, *, is_fragment: bool) -> dict[str, object]:
        ended = _ended(self)
        current = self.current
        return {
            "title": _("Alerts"),
            "count_text": _count_text(self, ended),
            "strip": self.strip,
            "channels": self.channels,
            "chips": self.chips(),
            "empty": self.nothing or _empty(self),
            "is_of_ended": self.is_of_ended,
            "rows": self.rows(current.open),
            "rows_note": _open_note(current.open),
            "none_open": _none_open(self),
            "unsure": _unsure(self),
            "quiet": self.rows(current.quiet),
            "quiet_note": grouped(len(current.quiet)),
            "ended": ended,
            "pager": ended.pager,
            "may_acknowledge": may(self.membership, "snapshots:alerts_acknowledge", "POST"),
            # The forms act on what is shown.
            "acts_query": self.links.query,
            "groups": self.menus(),
            "from_date": self.filters.from_date.isoformat() if self.filters.from_date else "",
            "to_date": self.filters.to_date.isoformat() if self.filters.to_date else "",
        }

    def chips(self) -> list[Chip]:
        return list(_chips(self))

    def menus(self) -> list[FilterGroup]:
        counts = problem_list.menu_counts(self.team, self.filters, self.now)
        return [
            environment_group(self, counts.environments),
            _kinds(self, counts),
            time_group(self, self.filters.since_time),
        ]


@require_safe
def alerts(request: MemberRequest, team: str) -> HttpResponse:
    """The team's problems; for htmx the results alone."""
    return answer(request, AlertsView.read(request))


@require_POST
def refresh(request: MemberRequest, team: str) -> HttpResponse:
    """Ask the provider about the page's environments; answer with age line and rows."""
    return answer_refresh(request, AlertsView)


def _strip_text(view: AlertsView, number: int, unseen: int) -> tuple[str, str]:
    if not unseen:
        last = max((at for _problem, _kind, at in view.ticks), default=view.now)
        text = ngettext("%(n)s problem is open.", "%(n)s problems are open.", number) % {"n": grouped(number)}
        return _("All looked at, %(time)s.") % {"time": times.clock(last, view.now)}, text
    since = view.membership.seen_until
    began = [line.began_at for group in view.current.unseen for line in group.lines if not line.is_seen]
    if since is not None and min(began) > since:
        text = ngettext("%(n)s new since you last looked", "%(n)s new since you last looked", unseen)
        return text % {"n": grouped(unseen)}, _("%(time)s UTC") % {"time": times.stamp(since, view.now)}
    return ngettext("%(n)s unseen", "%(n)s unseen", unseen) % {"n": grouped(unseen)}, ""


def _ended(view: AlertsView) -> Ended:
    if view.is_of_ended:
        return _ended_page(view)
    rows = problem_list.ended(view.team, view.filters, view.now)
    found = [one for one in problem_list.in_groups(rows[:MOST_ENDED]) if one.environment_id in view.places]
    shown = [ended_row(one, view.scene) for one in found]
    title = _("Ended in this time") if view.filters.has_time else _("Ended today")
    note = grouped(len(shown)) if view.filters.has_time else _("%(n)s, since 00:00 UTC") % {"n": grouped(len(shown))}
    return Ended(title, note, shown, view.links.to(show=ENDED))


def _ended_page(view: AlertsView) -> Ended:
    rows, filters = problem_list.ended(view.team, view.filters, view.now), view.filters
    total = rows.count()
    number = min(filters.page, max(1, -(-total // filters.page_size)))
    start = (number - 1) * filters.page_size
    found = problem_list.in_groups(rows[start : start + filters.page_size])
    shown = [ended_row(one, view.scene) for one in found if one.environment_id in view.places]
    has_next = start + filters.page_size < total
    pager = numbered_pager(view.links, number=number, size=filters.page_size, total=total, has_next=has_next)
    return Ended(_("Ended"), _("the last first"), shown, pager=pager, number=total)


def _count_text(view: AlertsView, ended: Ended) -> str:
    if ended.pager:
        return ngettext("%(n)s ended problem", "%(n)s ended problems", ended.number) % {"n": grouped(ended.number)}
    number, quiet, over = len(view.current.open), len(view.current.quiet), len(ended.rows)
    parts = [
        ngettext("%(n)s open problem", "%(n)s open problems", number) % {"n": grouped(number)},
        _("%(n)s acknowledged") % {"n": grouped(quiet)},
        (_("%(n)s ended") if view.filters.has_time else _("%(n)s ended today")) % {"n": grouped(over)},
    ]
    return " · ".join(parts)


def _open_note(groups: Sequence[Group]) -> str:
    """How many, and of what."""
    places = sum(one.is_of_environment for one in groups)
    volumes = sum(one.number for one in groups if not one.is_of_environment)
    parts = [
        ngettext("%(n)s volume", "%(n)s volumes", volumes) % {"n": grouped(volumes)} if volumes else "",
        ngettext("%(n)s environment", "%(n)s environments", places) % {"n": grouped(places)} if places else "",
    ]
    said = {"number": grouped(len(groups)), "of": ", ".join(filter(None, parts))}
    return _("%(number)s, worst first; %(of)s") % said if groups else ""


def _none_open(view: AlertsView) -> str:
    """What to say instead of the open ones, if there are none."""
    if view.current.open or view.is_of_ended:
        return ""
    if view.filters.is_narrowed:
        return _("No open problem matches the filters.")
    last = problem_list.last_end(view.team)
    if last is None:
        return _("No open problems. None was recorded yet.")
    return _("No open problems. The last one ended %(time)s UTC.") % {"time": times.stamp(last, view.now)}


def _unsure(view: AlertsView) -> str:
    """Say of how many environments it is not known whether their problems ended."""
    number = sum(bool(as_of(one, view.now)) for one in view.shown)
    if not number:
        return ""
    return ngettext(
        "%(n)s environment can’t be checked now; problems in it are not shown as ended.",
        "%(n)s environments can’t be checked now; problems in them are not shown as ended.",
        number,
    ) % {"n": grouped(number)}


def _empty(view: AlertsView) -> Empty | None:
    return None if view.was_fetched else never_fetched(view.environments, view.shown)


def _chips(view: AlertsView) -> Iterator[Chip]:
    filters, links = view.filters, view.links
    if view.is_of_ended:
        yield chip(_("Shown"), _("all ended"), links.to(show=""))
    yield from environment_chips(view)
    for kind in filters.kinds:
        yield chip(_("Status"), str(KINDS[kind].label), links.without("kinds", kind))
    yield from day_chips(view)
    if filters.since_time:
        yield chip(_("Since"), f"{times.stamp(filters.since_time, view.now)} UTC", links.to(since_time=None))
    yield from search_chips(view)


def _kinds(view: AlertsView, counts: MenuCounts) -> FilterGroup:
    chosen = view.filters.kinds
    choices = [
        Choice(code, str(kind.label), count_of(counts.kinds, kind.value), code in chosen)
        for code, kind in KINDS.items()
    ]
    return FilterGroup("kind", _("Status"), "checkbox", choices, len(chosen))
