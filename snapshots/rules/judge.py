"""The judge: calculates from a volume's runs when each verdict begins. Pure functions.

If a row is uncertain (absent from the newest list, first seen while it was copied, in an unknown state), both cases are
calculated; if they differ, the verdict is unknown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from snapshots.rules.rhythms import rhythm_of
from snapshots.rules.runs import COPYING, Run
from snapshots.rules.schedules import SCHEDULES, deadlines_between, due_after, grace, period
from snapshots.rules.states import USABLE_STATE
from snapshots.rules.thresholds import USUAL_TARGET, after_tries, not_before, target_thresholds, without_usable
from snapshots.rules.verdict import ALWAYS, Thresholds, Verdict, earliest, worst_of

LEAST_PATIENCE = timedelta(minutes=15)


class Volume(NamedTuple):
    """What is known of a volume, which was made between `created_after` and `created_before` (None: not known).

    `ended`: schedule -> since when it is intentionally stopped; `longest`: its longest run. `is_hidden`: no list that
    was requested with the current key had one of its snapshots. `rhythm`: the schedule of its manual snapshots that a
    member confirmed. It can make a verdict worse, never better.
    """

    runs: Sequence[Run]
    created_after: datetime | None = None
    created_before: datetime | None = None
    target: timedelta | None = None
    longest: timedelta = timedelta()
    ended: Mapping[str, datetime] = {}
    is_hidden: bool = False
    rhythm: str = ""


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
    """The verdict's inputs from a list of runs, independent of the current time."""

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
    """Judge a volume from its runs, its targets and its stopped schedules."""
    answers = tuple(_answers(volume))
    thresholds, unknown_states = _thresholds(volume, answers), 0
    if any(run.is_in_doubt for run in volume.runs):
        thresholds = _both_ways(volume, volume.runs)
        unknown_states = _deciding_states(volume, thresholds.unknown or ALWAYS)
    if volume.is_hidden:
        thresholds, unknown_states = Thresholds(unknown=ALWAYS), 0
    usable = [run for run in volume.runs if run.is_usable and not run.is_candidate]
    of_target = patience(volume.target, answers)
    unknown_types = _deciding_types(volume, answers)
    return Judgement(thresholds, answers, _newest(usable), len(usable), of_target, unknown_states, unknown_types)


def patience(target: timedelta | None, answers: Iterable[Answer]) -> timedelta:
    """How long a problem is still said after the data that showed it: a quarter of the shortest promise.

    A rhythm does not count: with a shorter patience, problems of the others would be unknown earlier.
    """
    periods = [period(answer.schedule) for answer in answers if not rhythm_of(answer.schedule)]
    periods = periods or [target or USUAL_TARGET]
    return max(LEAST_PATIENCE, min(periods) / 4)


def _thresholds(volume: Volume, answers: Sequence[Answer]) -> Thresholds:
    usable = [run for run in volume.runs if run.is_usable]
    ranges = [(run.began_after, run.began_before) for run in usable]
    may_be_newer, are_newer = _tries(volume.runs, usable)
    parts = [answer.thresholds for answer in answers]
    parts.append(
        _of_tries(
            lambda tries: target_thresholds(ranges, volume.target, _running(tries), volume.longest),
            may_be_newer,
            are_newer,
        )
    )
    if usable and _deciding_types(volume, answers):
        parts.append(Thresholds(unknown=ALWAYS))
    if not usable:
        parts.append(without_usable(volume.created_after, volume.created_before, volume.target))
    return worst_of(parts)


def _answers(volume: Volume) -> Iterable[Answer]:
    for schedule in filter(None, (*SCHEDULES, volume.rhythm)):
        runs = [run for run in volume.runs if schedule in run.schedules]
        ended_at = volume.ended.get(schedule)
        if runs and not _has_ended(runs, ended_at):
            yield _answer(schedule, runs, volume.longest)


def _has_ended(runs: Iterable[Run], ended_at: datetime | None) -> bool:
    """A member marked it as intentionally stopped, and there was no new run since."""
    return ended_at is not None and all(run.first_seen_at <= ended_at for run in runs)


def _answer(schedule: str, runs: Sequence[Run], longest: timedelta) -> Answer:
    usable = [run for run in runs if run.is_usable]
    newest = _newest(usable)
    tries, are_newer = _tries(runs, usable)
    young, old = _deadlines(schedule, runs, usable)
    began = [run.began_before for run in runs]
    return Answer(
        schedule,
        _of_tries(lambda tries: after_tries(schedule, tries, young, old, longest), tries, are_newer),
        first_began=min(began),
        last_began=max(began),
        newest=newest,
        due=due_after(schedule, newest.began_before) if newest else None,
        deadline=old,
        tries=len(tries),
        failed=sum(run.has_failed for run in tries),
        running=_newest(_running(tries)),
        completed=any(run.was_completed for run in runs),
    )


def _tries(runs: Iterable[Run], usable: Iterable[Run]) -> tuple[list[Run], list[Run]]:
    """The runs in progress or failed that may be newer than the newest usable one, and those that certainly are."""
    ranges = [(run.began_after or ALWAYS, run.began_before) for run in usable]
    after, before = (max(each) for each in zip(*ranges, strict=True)) if ranges else (ALWAYS, ALWAYS)
    unusable = (run for run in runs if run.is_being_made or run.has_failed)
    tries = sorted((run for run in unusable if run.began_before > after), key=_order)
    return tries, [run for run in tries if (run.began_after or ALWAYS) >= before]


def _of_tries(
    thresholds: Callable[[Sequence[Run]], Thresholds], may_be_newer: Sequence[Run], are_newer: Sequence[Run]
) -> Thresholds:
    """Judge the tries since the newest usable run, both ways if some of them may be older than it."""
    found = thresholds(may_be_newer)
    return found if len(are_newer) == len(may_be_newer) else _where_both_agree(found, thresholds(are_newer))


def _running(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if run.is_being_made]


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
    """Count the runs of unknown interval types, if neither schedule nor target says when one is due; 0 otherwise.

    Also beside a rhythm, which is one of the manual snapshots alone.
    """
    if volume.target is not None or any(not rhythm_of(answer.schedule) for answer in answers):
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
    """Combine two cases: a problem begins when both have one, with the better case's verdict; else it is unknown."""
    problems = [better.first_problem, worse.first_problem]
    doubts = [better.unknown, worse.unknown, worse.new if not better.new else None]
    agreed = None if None in problems else max(filter(None, problems))

    def since(moment: datetime | None) -> datetime | None:
        return not_before(agreed, moment) if agreed else None

    return replace(
        better,
        none=since(better.none),
        late=since(better.late),
        stuck=since(better.stuck),
        failing=since(better.failing),
        unknown=earliest([*doubts, *problems]),
    )


def _newest(runs: Iterable[Run]) -> Run | None:
    return max(runs, key=_order, default=None)


def _order(run: Run) -> tuple[datetime, datetime]:
    """Sort undated runs first: a snapshot that existed before monitoring started may have any age."""
    return (run.began_before if run.began_after is not None else ALWAYS, run.began_before)
