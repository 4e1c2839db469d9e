"""What runs and targets mean for a volume: from when it is late, stuck, failing, new or without a usable snapshot.

Where a time is a range, "young enough" counts from its older end and "too old" from its younger one; in between the
verdict is unknown. A run that began in time and does not end is stuck, never late: the provider must act.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from snapshots.rules.runs import Run
from snapshots.rules.schedules import period
from snapshots.rules.verdict import ALWAYS, Thresholds, earliest

LEAST_STUCK = timedelta(hours=1)
# For volumes without a schedule or target.
USUAL_TARGET = timedelta(hours=24)
# How long after a target ran out a run may take to appear. A run that began by then is waited for.
TARGET_GRACE = timedelta(minutes=30)


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
        stuck=not_before(old, awaited.stuck),
        unknown=not_before(young, awaited.unknown),
        running=not_before(runs_out, awaited.running),
    )


def not_before(first: datetime, moment: datetime | None) -> datetime | None:
    return max(first, moment) if moment else None


def without_usable(after: datetime | None, before: datetime | None, target: timedelta | None) -> Thresholds:
    """A volume without a usable snapshot is new while it is younger than its target."""
    if after is None or before is None:
        return Thresholds(none=ALWAYS)
    allowed = target or USUAL_TARGET
    return Thresholds(new=ALWAYS, unknown=after + allowed, none=before + allowed)


def after_tries(schedule: str, tries: Sequence[Run], young: datetime, old: datetime, longest: timedelta) -> Thresholds:
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
    return Thresholds(stuck=stuck, unknown=earliest(doubts), running=ALWAYS)


def _stuck_limit(every: timedelta, longest: timedelta) -> timedelta:
    """How long a run may take. `every`: how often one is wanted."""
    return max(LEAST_STUCK, every / 4, 3 * longest)


def _existed_at(run: Run) -> datetime:
    """When it had begun for certain."""
    return min(run.began_before, run.first_seen_at)
