"""A strip as pages show it: drawn as paths, one for each kind of mark, and the same in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from snapshots.models import Environment, Volume
from snapshots.text import times
from snapshots.text.glossary import MARKS
from snapshots.verdicts.last_30_days import DAYS, Kind, Mark, Strip, runs_of_days, strip_of
from snapshots.verdicts.watched_time import Watch

STEP, WIDTH, HEIGHT = 8, 5, 18
LEAST_BAR = 3
MOST_RANGES = 6
# Most volumes of a team have the same days: their strip is drawn once. 2 KB each.
MOST_STRIPS = 2_000
LABELS: dict[Kind, str | Promise] = {
    Kind.TAKEN: gettext_lazy("taken"),
    Kind.FAILED: gettext_lazy("failed"),
    Kind.MISSED: gettext_lazy("missed"),
    Kind.NONE_DUE: gettext_lazy("nothing overdue"),
    Kind.NOT_WATCHED: gettext_lazy("not watched"),
}
LETTERS = {Kind.TAKEN: "T", Kind.FAILED: "F", Kind.MISSED: "M", Kind.NONE_DUE: "_", Kind.NOT_WATCHED: "."}


@dataclass(frozen=True, slots=True)
class Path:
    """All marks of one kind, as one SVG path."""

    kind: str
    d: str
    label: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class ShownStrip:
    """`sentence` is the text below the strip; `label` its accessible name and tooltip.

    `days` has one letter for each day, the oldest first.
    """

    paths: tuple[Path, ...]
    sentence: str
    label: str
    days: str
    width: int = DAYS * STEP - (STEP - WIDTH)
    height: int = HEIGHT


def shown_strip(volume: Volume, environment: Environment, now: datetime) -> ShownStrip:
    """A volume's last 30 days as its page and its row show them."""
    ahead = timedelta(seconds=environment.clock_ahead)
    # Nothing is due of a deleted volume.
    known = [moment for moment in (environment.data_at, volume.deleted_at) if moment is not None]
    data_at = min(known) if environment.data_at else None
    strip = strip_of(volume, today=(now + ahead).date(), watch=Watch.of(environment), data_at=data_at)
    return _shown(strip, get_language())


@lru_cache(MOST_STRIPS)
def _shown(strip: Strip, _language: str | None) -> ShownStrip:
    letters = "".join(LETTERS[mark.kind] for mark in strip.marks)
    return ShownStrip(paths(strip.marks), sentence(strip), label(strip), letters)


def legend() -> list[Path]:
    """One mark of each kind, with its word and what it means."""
    return [Path(kind.value, _drawn(Mark(date.min, kind), 0), str(LABELS[kind]), str(MARKS[kind])) for kind in Kind]


def paths(marks: Sequence[Mark]) -> tuple[Path, ...]:
    drawn: dict[str, str] = {}
    for place, mark in enumerate(marks):
        drawn[mark.kind.value] = drawn.get(mark.kind.value, "") + _drawn(mark, place * STEP)
    return tuple(Path(kind, d) for kind, d in drawn.items())


def _drawn(mark: Mark, left: int) -> str:
    """Return one mark as path commands: each kind has another shape, not only another colour."""
    if mark.kind is Kind.TAKEN:
        return _box(left, WIDTH, max(LEAST_BAR, round(HEIGHT * mark.share)))
    if mark.kind is Kind.FAILED:
        return _box(left, WIDTH, 8) + f"M{left} 3h{WIDTH}v3h-{WIDTH}z"
    if mark.kind is Kind.MISSED:
        return f"M{left + 0.75} .75h{WIDTH - 1.5}v{HEIGHT - 1.5}h-{WIDTH - 1.5}z"
    if mark.kind is Kind.NONE_DUE:
        return _box(left, WIDTH, 2)
    return _box(left, 2, 2) + _box(left + 4, 2, 2)


def _box(left: int, width: int, height: int) -> str:
    return f"M{left} {HEIGHT}v-{height}h{width}v{height}z"


def sentence(strip: Strip) -> str:
    """The strip in a few words: "27 of 30 daily runs OK", "no run worked since 22 Nov"."""
    if not strip.schedules:
        return _of_no_schedule(strip)
    known = strip.known
    if not known:
        return _("no run due since monitoring started")
    failed = [mark for mark in strip.marks if mark.count.failed]
    if failed and not any(mark.count.made for mark in strip.marks):
        return _("no run worked since %(day)s") % {"day": _day(failed[0].day)}
    return _ratio(strip.schedules, known)


def _of_no_schedule(strip: Strip) -> str:
    taken = sum(mark.count.made for mark in strip.marks)
    numbers = {"n": taken, "days": DAYS}
    if strip.is_whole:
        return ngettext("%(n)d taken in %(days)d days", "%(n)d taken in %(days)d days", taken) % numbers
    # What was taken while nobody watched may have been deleted before we saw it.
    if not taken:
        return _("none known of %(days)d days") % numbers
    return ngettext("at least %(n)d in %(days)d days", "at least %(n)d in %(days)d days", taken) % numbers


def _ratio(schedules: Sequence[str], known: Sequence[Mark]) -> str:
    due, made = sum(mark.count.due for mark in known), sum(mark.count.made for mark in known)
    numbers = {"made": min(made, due), "due": due}
    if tuple(schedules) == ("DAILY",):
        return ngettext("%(made)d of %(due)d daily run OK", "%(made)d of %(due)d daily runs OK", due) % numbers
    if tuple(schedules) == ("WEEKLY",):
        return ngettext("%(made)d of %(due)d weekly run OK", "%(made)d of %(due)d weekly runs OK", due) % numbers
    if tuple(schedules) == ("MONTHLY",):
        return ngettext("%(made)d of %(due)d monthly run OK", "%(made)d of %(due)d monthly runs OK", due) % numbers
    return ngettext("%(made)d of %(due)d run OK", "%(made)d of %(due)d runs OK", due) % numbers


def label(strip: Strip) -> str:
    """Everything that the strip shows, in words: "Last 30 days: taken on 27 days; missed on 3 days (22–24 Nov)"."""
    parts = [_part(kind, marks) for kind in Kind if (marks := strip.of_kind(kind))]
    return _("Last %(days)d days: %(parts)s") % {"days": DAYS, "parts": "; ".join(parts)}


def _part(kind: Kind, marks: Sequence[Mark]) -> str:
    days = len(marks)
    text = ngettext("%(what)s on %(n)d day", "%(what)s on %(n)d days", days) % {"what": LABELS[kind], "n": days}
    if kind in (Kind.FAILED, Kind.MISSED):
        return f"{text} ({', '.join(_ranges(marks))})"
    return text


def _ranges(marks: Sequence[Mark]) -> Iterable[str]:
    ranges = list(runs_of_days(marks))
    for first, last in ranges[:MOST_RANGES]:
        yield _day(first) if first == last else f"{_day(first)}–{_day(last)}"
    if len(ranges) > MOST_RANGES:
        yield "…"


def _day(day: date) -> str:
    moment = datetime.combine(day, time.min, UTC)
    return times.day(moment, moment)
