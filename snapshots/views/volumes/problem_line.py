"""A volume's problems as a time line: the open one with its steps and a picture, then those that ended.

The page is cached while nothing changes, so it tells up to which list it holds, and never how long ago that is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.utils.translation import gettext as _

from snapshots.models import Environment, Problem, Snapshot, Volume
from snapshots.rules.states import Kind as StateKind
from snapshots.rules.states import kind_of
from snapshots.text import problem_labels, times
from snapshots.text.labels import Badge
from snapshots.text.verdict_labels import target_text
from snapshots.verdicts.watched_time import Watch
from snapshots.views.common.components import Fact

MOST_ENDED = 10
WIDTH, RUN_WIDTH = 680, 6
# When each run began at the latest, and whether it failed.
Runs = Sequence[tuple[datetime, bool]]
# What lies before the beginning: at least a fifth of the problem's length; up to three times as much, if that shows the
# last runs before it.
LEAD, MOST_LEAD, RUNS_BEFORE = 5, 3, 2
MOST_TICKS, TICK_ROOM = 6, 50
STEPS_OF_TICKS = [timedelta(hours=hours) for hours in (1, 2, 6, 12, 24, 48, 168, 720, 2160, 8760)]


class Entry(NamedTuple):
    """Something that happened: when, its badge, what it means, and what somebody wrote about it."""

    when: str
    iso: str
    badge: Badge | None
    text: str
    note: str = ""
    ticket: str = ""


class Bar(NamedTuple):
    """A part of a lane of the picture; `tone` is its class, `word` is drawn in it if there is room."""

    x: int
    width: int
    tone: str
    word: str = ""


class Tick(NamedTuple):
    x: int
    word: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The lanes, drawn on one axis in UTC."""

    label: str
    statuses: Sequence[Bar]
    quiet: Bar | None
    runs: Sequence[Bar]
    unknown: Sequence[Bar]
    ticks: Sequence[Tick]
    starts_open: int | None
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class OneProblem:
    """A problem as its volume's page shows it."""

    pk: int
    badge: Badge
    began: str
    path: str
    length: str
    entries: Sequence[Entry]
    facts: Sequence[Fact]
    end: str = ""
    picture: Picture | None = None


class ProblemLine(NamedTuple):
    """The open problem, and the newest that ended."""

    open: OneProblem | None
    ended: Sequence[OneProblem]

    @property
    def is_empty(self) -> bool:
        return self.open is None and not self.ended


def problem_line(volume: Volume, environment: Environment, snapshots: Sequence[Snapshot], now: datetime) -> ProblemLine:
    """`snapshots`: the volume's newest, for the lane of runs."""
    newest = list(Problem.objects.filter(volume=volume).newest_first()[: MOST_ENDED + 1])
    ended = [_shown(each, now) for each in newest if not each.is_open]
    current = next((each for each in newest if each.is_open), None)
    if current is None:
        return ProblemLine(None, ended)
    until = max(environment.listed_at or now, current.began_at)
    ahead = timedelta(seconds=environment.clock_ahead)
    runs = [(each.taken_before - ahead, kind_of(each.state) is StateKind.FAILED) for each in snapshots]
    picture = _Canvas(current, until, runs).picture(environment)
    return ProblemLine(_shown(current, now, picture), ended)


def _shown(problem: Problem, now: datetime, picture: Picture | None = None) -> OneProblem:
    badges = [problem_labels.badge(Problem.Kind[kind.upper()]) for kind, _at in problem.steps]
    return OneProblem(
        pk=problem.pk,
        badge=badges[-1],
        began=problem_labels.began(problem, now),
        path=" → ".join(badge.word for badge in badges) if len(badges) > 1 else "",
        length=problem_labels.length(problem.ended_at - problem.began_at) if problem.ended_at else "",
        entries=list(_entries(problem, badges, now)),
        facts=list(_facts(problem)),
        end=str(problem_labels.ENDS.get(problem.end, "")),
        picture=picture,
    )


def _entries(problem: Problem, badges: Sequence[Badge], now: datetime) -> Iterator[Entry]:
    for place, (kind, at) in enumerate(problem.steps):
        is_first, is_last = place == 0, place == len(problem.steps) - 1
        facts = problem.facts if is_last and problem.is_open else problem.facts_at_begin if is_first else {}
        moment = datetime.fromisoformat(at)
        when = problem_labels.began(problem, now) if is_first else times.stamp(moment, now)
        text = problem_labels.step(Problem.Kind[kind.upper()], facts, now)
        yield Entry(when, times.iso(moment), badges[place], text)
    if problem.acknowledged_at is not None and problem.acknowledged_until is not None:
        text = _("%(person)s acknowledged it until %(time)s.") % {
            "person": problem.acknowledged_by,
            "time": times.stamp(problem.acknowledged_until, now),
        }
        at = problem.acknowledged_at
        yield Entry(times.stamp(at, now), times.iso(at), None, text, problem.note, problem.ticket)
    if problem.ended_at is not None:
        end = str(problem_labels.ENDS.get(problem.end, ""))
        yield Entry(times.stamp(problem.ended_at, now), times.iso(problem.ended_at), None, end)


def _facts(problem: Problem) -> Iterator[Fact]:
    before, after = problem.facts_at_begin, problem.facts
    yield Fact(_("Usable when it began"), str(before.get("usable", "—")))
    yield Fact(_("Usable now") if problem.is_open else _("Usable when it ended"), str(after.get("usable", "—")))
    hours = after.get("target_hours")
    yield Fact(_("Target"), target_text(timedelta(hours=hours)) if isinstance(hours, int) else _("none"))


class _Canvas:
    """Places moments on the picture's axis, which ends with the newest list."""

    def __init__(self, problem: Problem, until: datetime, runs: Runs) -> None:
        began, span = problem.began_at, max(until - problem.began_at, timedelta(hours=1))
        self.problem, self.until, self.runs = problem, until, runs
        before = sorted(at for at, _failed in runs if at <= began)[-RUNS_BEFORE:]
        reached = [began - span / LEAD, *before, *([problem.began_after] if problem.began_after else [])]
        self.since = max(min(reached) - span / 50, began - MOST_LEAD * span)

    def x(self, moment: datetime) -> int:
        share = (moment - self.since) / (self.until - self.since)
        return round(WIDTH * min(1.0, max(0.0, share)))

    def bar(self, start: datetime, end: datetime, tone: str, word: str = "") -> Bar:
        left, right = self.x(start), self.x(end)
        width = max(2, right - left)
        return Bar(left, width, tone, word if width > 9 * len(word) + 12 else "")

    def picture(self, environment: Environment) -> Picture:
        ahead = timedelta(seconds=environment.clock_ahead)
        problem = self.problem
        silences = [(first - ahead, last - ahead) for first, last in Watch.of(environment).silences]
        acknowledged, until = problem.acknowledged_at, problem.acknowledged_until
        is_range = problem.began_after != problem.began_at
        statuses = list(self._statuses())
        kinds = [problem_labels.badge(Problem.Kind[kind.upper()]).word for kind, _at in problem.steps]
        return Picture(
            label=_("Status from %(first)s to %(last)s UTC: %(kinds)s")
            % {
                "first": times.stamp(self.since, self.until),
                "last": times.stamp(self.until, self.until),
                "kinds": ", ".join(kinds),
            },
            statuses=statuses,
            quiet=self.bar(acknowledged, min(until, self.until), "quiet") if acknowledged and until else None,
            runs=[
                Bar(self.x(at), RUN_WIDTH, "failed" if bad else "taken") for at, bad in self.runs if at >= self.since
            ],
            unknown=[self.bar(first, last, "unknown") for first, last in silences if last > self.since],
            ticks=list(self._ticks()),
            starts_open=self.x(problem.began_at) if is_range else None,
        )

    def _statuses(self) -> Iterator[Bar]:
        steps = [(kind, datetime.fromisoformat(at)) for kind, at in self.problem.steps]
        before = self.problem.began_after or self.problem.began_at
        yield self.bar(self.since, min(before, self.problem.began_at), "before")
        ends = [at for _kind, at in steps[1:]] + [self.until]
        for (kind, at), end in zip(steps, ends, strict=True):
            badge = problem_labels.badge(Problem.Kind[kind.upper()])
            yield self.bar(at, end, badge.tone, f"{badge.mark} {badge.word}")

    def _ticks(self) -> Iterator[Tick]:
        span = self.until - self.since
        every = next((step for step in STEPS_OF_TICKS if span / step <= MOST_TICKS), STEPS_OF_TICKS[-1])
        start = datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC)
        moment = start + every * ((self.since - start) // every + 1)
        while self.x(moment) < WIDTH - TICK_ROOM:
            word = times.day(moment, self.until) if every >= timedelta(days=1) else times.stamp(moment, self.until)
            yield Tick(self.x(moment), word)
            moment += every
