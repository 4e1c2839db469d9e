"""What can be said of a volume, and from when on: pure functions on plain values.

Nothing here knows what time it is. `thresholds` turns what is known of a volume's runs into moments: late from then
on, stuck from then on, ... A verdict only ever gets worse while no new data comes, so the verdict at any moment is
the worst one whose moment has come. `status` does that for one volume, `snapshots.verdicts.sql` the same in SQL.

Where a time is a range, what needs "young enough" counts from its oldest end and what needs "too old" from its
youngest; in between stands "unknown". Where a row is in doubt (left out of the newest list, first met while it is
copied, in a state that is not known), both cases are judged, and where they differ nothing can be told.

Late means that no run began in time. A run that began in time and hangs is stuck: the provider must free it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from snapshots.rules.runs import COPYING, Run
from snapshots.rules.schedules import SCHEDULES, deadlines_between, due_after, grace, period
from snapshots.rules.states import USABLE_STATE

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
LEAST_STUCK = timedelta(hours=1)
LEAST_PATIENCE = timedelta(minutes=15)
# Of volumes without any schedule or target.
USUAL_TARGET = timedelta(hours=24)
# How long after a target ran out a run may take to appear. A run that began by then is waited for.
TARGET_GRACE = timedelta(minutes=30)
DATA_LASTS = timedelta(hours=24)
# Data that is further in the future is no data: our clock is wrong, and how old anything is cannot be told.
MOST_FUTURE = timedelta(minutes=2)


class Verdict(IntEnum):
    """What is said of a volume; the greater is the worse. `DELETED` and `EXCLUDED` stand before any judgement."""

    FRESH = 0
    RUNNING = 1
    NEW = 2
    UNKNOWN = 3
    FAILING = 4
    STUCK = 5
    LATE = 6
    NONE = 7
    EXCLUDED = 8
    DELETED = 9

    @property
    def is_problem(self) -> bool:
        return Verdict.FAILING <= self <= Verdict.NONE


class Volume(NamedTuple):
    """What is known of a volume, which was made between `created_after` and `created_before` (None: not known).

    `ended`: schedule -> since when its end is on purpose; `longest`: its longest run.
    """

    runs: Sequence[Run]
    created_after: datetime | None = None
    created_before: datetime | None = None
    target: timedelta | None = None
    longest: timedelta = timedelta()
    ended: Mapping[str, datetime] = {}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on each verdict holds, unless new data says otherwise; None: never."""

    none: datetime | None = None
    late: datetime | None = None
    stuck: datetime | None = None
    failing: datetime | None = None
    unknown: datetime | None = None
    new: datetime | None = None
    running: datetime | None = None

    def at(self, moment: datetime) -> Verdict:
        """The worst verdict whose moment has come."""
        for verdict, since in self.worst_first():
            if since is not None and since <= moment:
                return verdict
        return Verdict.FRESH

    def worst_first(self) -> tuple[tuple[Verdict, datetime | None], ...]:
        return (
            (Verdict.NONE, self.none),
            (Verdict.LATE, self.late),
            (Verdict.STUCK, self.stuck),
            (Verdict.FAILING, self.failing),
            (Verdict.UNKNOWN, self.unknown),
            (Verdict.NEW, self.new),
            (Verdict.RUNNING, self.running),
        )

    @property
    def first_doubt(self) -> datetime | None:
        """Until then all is good: fresh, under way or new."""
        return _earliest([self.first_problem, self.unknown])

    @property
    def first_problem(self) -> datetime | None:
        return _earliest([self.none, self.late, self.stuck, self.failing])


@dataclass(frozen=True, slots=True)
class Answer:
    """How one schedule of a volume stands, and the facts that say so."""

    schedule: str
    thresholds: Thresholds
    first_began: datetime
    last_began: datetime
    newest: Run | None
    due: datetime | None
    deadline: datetime | None
    tries: int
    failed: int
    running: Run | None
    completed: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that a list of runs says of a volume, whatever time it is."""

    thresholds: Thresholds
    answers: tuple[Answer, ...]
    newest_usable: Run | None
    usable: int
    patience: timedelta
    # How many are in a state that is not known, where nothing but that is why nothing can be told.
    unknown_states: int = 0
    # How many are of an interval type that is not known, where nothing else says when a run is due.
    unknown_types: int = 0


def judge(volume: Volume) -> Judgement:
    """Judge a volume from its runs, its targets and what members said of its schedules."""
    answers = tuple(_answers(volume))
    thresholds, unknown_states = _thresholds(volume, answers), 0
    if any(run.is_in_doubt for run in volume.runs):
        thresholds = _both_ways(volume, volume.runs)
        unknown_states = _deciding_states(volume, thresholds.unknown or ALWAYS)
    usable = [run for run in volume.runs if run.is_usable and not run.is_candidate]
    of_target = patience(volume.target, answers)
    unknown_types = _deciding_types(volume, answers)
    return Judgement(thresholds, answers, _newest(usable), len(usable), of_target, unknown_states, unknown_types)


def status(
    thresholds: Thresholds,
    *,
    patience: timedelta,
    data_at: datetime | None,
    age: timedelta | None,
    doubt: timedelta = timedelta(),
) -> tuple[Verdict, Verdict]:
    """The verdict to show, and the one that the data gave: they differ where the data is too old to say it now.

    `data_at`: when the newest complete list was asked for, None if there is none; `age`: how long ago that was;
    `doubt`: how much later it may have been, where the clocks disagree.
    """
    if data_at is None or age is None:
        return Verdict.UNKNOWN, Verdict.UNKNOWN
    then = thresholds.at(data_at)
    if not is_usable_age(age):
        return Verdict.UNKNOWN, then
    if then.is_problem:
        return (Verdict.UNKNOWN if age > patience else then), then
    # What is good holds until its deadline; whether a run came after the newest list is not known.
    if thresholds.at(data_at + max(age, timedelta()) + doubt) >= Verdict.UNKNOWN:
        return Verdict.UNKNOWN, then
    return then, then


def is_usable_age(age: timedelta) -> bool:
    """Whether data of this age can say anything."""
    return -MOST_FUTURE <= age <= DATA_LASTS


def patience(target: timedelta | None, answers: Iterable[Answer]) -> timedelta:
    """How long a problem is still said after the data that showed it: a quarter of the shortest promise."""
    periods = [period(answer.schedule) for answer in answers] or [target or USUAL_TARGET]
    return max(LEAST_PATIENCE, min(periods) / 4)


def target_thresholds(
    usable: Iterable[tuple[datetime | None, datetime]],
    target: timedelta | None,
    running: Sequence[Run] = (),
    longest: timedelta = timedelta(),
) -> Thresholds:
    """When the newest usable snapshot of any type becomes older than the target. Each is (after, before).

    `running`: the runs in progress that are newer than that snapshot. While the target is kept they do not matter.
    """
    ranges = list(usable)
    if target is None or not ranges:
        return Thresholds()
    dated = [after for after, _ in ranges if after is not None]
    runs_out = max(dated) + target if dated else ALWAYS
    young, old = runs_out + TARGET_GRACE, max(before for _, before in ranges) + target + TARGET_GRACE
    awaited = _awaited(running, young, old, _stuck_limit(target, longest))
    return replace(
        awaited,
        stuck=_not_before(old, awaited.stuck),
        unknown=_not_before(young, awaited.unknown),
        running=_not_before(runs_out, awaited.running),
    )


def _not_before(first: datetime, moment: datetime | None) -> datetime | None:
    return max(first, moment) if moment else None


def _thresholds(volume: Volume, answers: Sequence[Answer]) -> Thresholds:
    usable = [run for run in volume.runs if run.is_usable]
    ranges = [(run.began_after, run.began_before) for run in usable]
    running = [run for run in _newer_than(_newest(usable), volume.runs) if run.is_being_made]
    parts = [answer.thresholds for answer in answers]
    parts.append(target_thresholds(ranges, volume.target, running, volume.longest))
    if usable and _deciding_types(volume, answers):
        parts.append(Thresholds(unknown=ALWAYS))
    if not usable:
        parts.append(without_usable(volume.created_after, volume.created_before, volume.target))
    return _worst_of(parts)


def without_usable(after: datetime | None, before: datetime | None, target: timedelta | None) -> Thresholds:
    """A volume without a usable snapshot is new while it is younger than its target."""
    if after is None or before is None:
        return Thresholds(none=ALWAYS)
    allowed = target or USUAL_TARGET
    return Thresholds(new=ALWAYS, unknown=after + allowed, none=before + allowed)


def _answers(volume: Volume) -> Iterable[Answer]:
    for schedule in SCHEDULES:
        runs = [run for run in volume.runs if schedule in run.schedules]
        ended_at = volume.ended.get(schedule)
        if runs and not _has_ended(runs, ended_at):
            yield _answer(schedule, runs, volume.longest)


def _has_ended(runs: Iterable[Run], ended_at: datetime | None) -> bool:
    """A member said that it stopped on purpose, and no new run has come since."""
    return ended_at is not None and all(run.first_seen_at <= ended_at for run in runs)


def _answer(schedule: str, runs: Sequence[Run], longest: timedelta) -> Answer:
    usable = [run for run in runs if run.is_usable]
    newest = _newest(usable)
    # Of two whose times are not known well enough, either may be the newer.
    earliest = max((run.began_after or ALWAYS for run in usable), default=ALWAYS)
    latest = max((run.began_before for run in usable), default=ALWAYS)
    unusable = [run for run in runs if run.is_being_made or run.has_failed]
    tries = sorted((run for run in unusable if run.began_before > earliest), key=_order)
    young, old = _deadlines(schedule, runs, usable)
    began = [run.began_before for run in runs]
    surely_later = [run for run in tries if (run.began_after or ALWAYS) >= latest]
    thresholds = _after_tries(schedule, tries, young, old, longest)
    if len(surely_later) < len(tries):
        thresholds = _where_both_agree(thresholds, _after_tries(schedule, surely_later, young, old, longest))
    return Answer(
        schedule,
        thresholds,
        first_began=min(began),
        last_began=max(began),
        newest=newest,
        due=due_after(schedule, newest.began_before) if newest else None,
        deadline=old,
        tries=len(tries),
        failed=sum(run.has_failed for run in tries),
        running=_newest(run for run in tries if run.is_being_made),
        completed=any(run.was_completed for run in runs),
    )


def _deadlines(schedule: str, runs: Sequence[Run], usable: Sequence[Run]) -> tuple[datetime, datetime]:
    """When the newest usable run stops to be enough: the earliest moment it may be, and the latest."""
    if usable:
        dated = [run.began_after for run in usable if run.began_after is not None]
        latest = max(run.began_before for run in usable)
        young, old = deadlines_between(schedule, max(dated, default=latest), latest)
        return (young if dated else ALWAYS), old
    if any(run.was_completed for run in runs):
        # It ran once and nothing of that is left to restore from.
        return ALWAYS, ALWAYS
    first = min(runs, key=_order)
    allowed = grace(schedule)
    return (first.began_after or ALWAYS) + allowed, first.began_before + allowed


def _after_tries(schedule: str, tries: Sequence[Run], young: datetime, old: datetime, longest: timedelta) -> Thresholds:
    """What the runs since the newest usable one make of its deadline, which lies between `young` and `old`.

    Once one has failed, the schedule is failing until its deadline: trying again is no success.
    """
    running = [run for run in tries if run.is_being_made]
    awaited = _awaited(running, young, old, _stuck_limit(period(schedule), longest))
    return replace(awaited, failing=ALWAYS if any(run.has_failed for run in tries) else None)


def _awaited(running: Iterable[Run], young: datetime, old: datetime, limit: timedelta) -> Thresholds:
    """What runs in progress make of a deadline that lies between `young` and `old`.

    One that began in time is under way until it is stuck, and never late; one that began later changes nothing.
    """
    in_time = [run for run in running if run.began_after is None or run.began_after <= old]
    if not in_time:
        return Thresholds(late=old, unknown=young)
    stuck = min(_existed_at(run) for run in in_time) + limit
    may_be_stuck = min(min(run.began_after or ALWAYS, _existed_at(run)) for run in in_time) + limit
    is_surely_in_time = any(run.began_before <= young for run in in_time)
    doubts = [None if is_surely_in_time else young, may_be_stuck if may_be_stuck < stuck else None]
    return Thresholds(stuck=stuck, unknown=_earliest(doubts), running=ALWAYS)


def _stuck_limit(every: timedelta, longest: timedelta) -> timedelta:
    """How long a run may take. `every`: how often one is wanted."""
    return max(LEAST_STUCK, every / 4, 3 * longest)


def _existed_at(run: Run) -> datetime:
    """When it had begun for certain."""
    return min(run.began_before, run.first_seen_at)


def _newer_than(newest: Run | None, runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if newest is None or _order(run) > _order(newest)]


def _both_ways(volume: Volume, runs: Sequence[Run]) -> Thresholds:
    found = _where_both_agree(_judged_as(volume, runs, _at_best), _judged_as(volume, runs, _at_worst))
    # One that was in progress and is left out may also have been completed and rotated away since.
    kept = [run for run in runs if not (run.is_candidate and run.is_being_made)]
    return found if len(kept) == len(runs) else _where_both_agree(found, _judged_as(volume, kept, _at_worst))


def _deciding_states(volume: Volume, since: datetime) -> int:
    """Count the runs in unknown states, if without them something could be told from that moment on; 0 otherwise."""
    known = [run for run in volume.runs if not run.is_in_unknown_state]
    unknown = len(volume.runs) - len(known)
    return unknown if unknown and _both_ways(volume, known).at(since) is not Verdict.UNKNOWN else 0


def _deciding_types(volume: Volume, answers: Sequence[Answer]) -> int:
    """Count the runs of unknown interval types, if neither schedule nor target says when one is due; 0 otherwise."""
    if answers or volume.target is not None:
        return 0
    return sum(run.listed and run.is_of_unknown_type for run in volume.runs)


def _judged_as(volume: Volume, runs: Sequence[Run], case: Callable[[Run], Run]) -> Thresholds:
    of_case = volume._replace(runs=[case(run) for run in runs])
    return _thresholds(of_case, tuple(_answers(of_case)))


def _at_best(run: Run) -> Run:
    if run.is_in_unknown_state:
        return run._replace(state=USABLE_STATE)
    copied = run.state == COPYING and run.usable_at is None
    return run._replace(usable_at=run.first_seen_at) if copied else run


def _at_worst(run: Run) -> Run:
    return run._replace(listed=False) if run.is_candidate else run


def _where_both_agree(better: Thresholds, worse: Thresholds) -> Thresholds:
    """A problem is told once both cases have one, in the better case's word; where only one has, it is unknown."""
    problems = [better.first_problem, worse.first_problem]
    doubts = [better.unknown, worse.unknown, worse.new if not better.new else None]
    agreed = None if None in problems else max(filter(None, problems))

    def since(moment: datetime | None) -> datetime | None:
        return _not_before(agreed, moment) if agreed else None

    return replace(
        better,
        none=since(better.none),
        late=since(better.late),
        stuck=since(better.stuck),
        failing=since(better.failing),
        unknown=_earliest([*doubts, *problems]),
    )


def _worst_of(parts: Sequence[Thresholds]) -> Thresholds:
    def first(get: Callable[[Thresholds], datetime | None]) -> datetime | None:
        return _earliest([get(part) for part in parts])

    return Thresholds(
        none=first(lambda part: part.none),
        late=first(lambda part: part.late),
        stuck=first(lambda part: part.stuck),
        failing=first(lambda part: part.failing),
        unknown=first(lambda part: part.unknown),
        new=first(lambda part: part.new),
        running=first(lambda part: part.running),
    )


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _newest(runs: Iterable[Run]) -> Run | None:
    return max(runs, key=_order, default=None)


def _order(run: Run) -> tuple[datetime, datetime]:
    """Dated ones before undated ones, whatever "before" says: what was there at our first look may be of any age."""
    return (run.began_before if run.began_after is not None else ALWAYS, run.began_before)
