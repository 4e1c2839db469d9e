"""Which doubt makes a volume's verdict unknown: read from what the judgement stored."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum

from snapshots.verdicts.sql import Reason
from snapshots.verdicts.status import Part, VolumeStatus


class Doubt(Enum):
    """Something unknown about a volume."""

    # Usable ones without a known time may be newer than the newest that has one.
    UNDATED = "undated"
    # No usable one has a known time.
    NO_TIME = "no_time"
    # The newest usable one was taken at some time within a range.
    RANGE = "range"
    # Whether the first run, of which none is usable yet, is overdue.
    FIRST_RUN = "first_run"
    # When the run in progress began, and so whether it began in time.
    RUN_IN_PROGRESS = "run_in_progress"
    # When the volume was created.
    CREATED = "created"
    # The newest list leaves a snapshot out.
    LEFT_OUT = "left_out"
    # It was being copied when it was first listed.
    COPIED = "copied"
    # The dashboard does not know the state, or the interval type, that the provider gives.
    UNKNOWN_STATE = "unknown_state"
    UNKNOWN_TYPE = "unknown_type"


def doubts(status: VolumeStatus) -> list[Doubt]:
    """The doubts because of which nothing can be told now; none where something can, or for another reason."""
    match status.reason:
        case Reason.TIME:
            return list(dict.fromkeys(_of_times(status)))
        case Reason.IN_DOUBT:
            known = status.volume.doubts
            return [doubt for doubt in (Doubt.LEFT_OUT, Doubt.COPIED) if known.get(doubt.value)]
        case Reason.UNKNOWN_STATE:
            return [Doubt.UNKNOWN_STATE]
        case Reason.UNKNOWN_TYPE:
            return [Doubt.UNKNOWN_TYPE]
    return []


def undated(status: VolumeStatus, schedule: str = "") -> int:
    """How many usable ones, of a schedule or of any type, may be newer than the newest that has a known time."""
    return int(status.volume.doubts.get("undated", {}).get(schedule[:1], 0))


def _of_times(status: VolumeStatus) -> Iterator[Doubt]:
    volume, at = status.volume, status.at
    found = [_of_part(part, status) for part in status.parts if _is_open(part.thresholds.unknown, at)]
    if volume.new_from is not None and _is_open(volume.unknown_from, at):
        found.append(Doubt.CREATED)
    # If no schedule is uncertain, it is unknown whether the target is met.
    yield from found or [_of_newest(volume.newest_after, volume.newest_before, undated(status))]


def _is_open(since: datetime | None, at: datetime) -> bool:
    return since is not None and since <= at


def _of_part(part: Part, status: VolumeStatus) -> Doubt:
    if part.newest_before is None:
        return Doubt.FIRST_RUN
    return _of_newest(part.newest_after, part.newest_before, undated(status, part.schedule))


def _of_newest(after: datetime | None, before: datetime | None, others: int) -> Doubt:
    if after is None:
        return Doubt.NO_TIME
    if after == before:
        return Doubt.RUN_IN_PROGRESS
    return Doubt.UNDATED if others else Doubt.RANGE
