"""A volume's past for its page: the newest snapshots with the gaps between them, leftovers, changes."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple

from snapshots.models import Change, Environment, Snapshot, Volume
from snapshots.rules.schedules import grace, period
from snapshots.rules.taken_time import UNDATED
from snapshots.rules.verdict import ALWAYS, Verdict
from snapshots.verdicts.inputs import Row
from snapshots.verdicts.status import Part, VolumeStatus

MOST_SNAPSHOTS = 20
MOST_LEFT_OVER = 20
MOST_CHANGES = 20
MOST_UNDATED = 500


class Gap(NamedTuple):
    """A time without a usable snapshot that is longer than allowed; `until` None: it goes on."""

    since: datetime
    until: datetime | None
    length: timedelta


Entry = Snapshot | Gap


def newest(volume: Volume, environment: Environment) -> list[Snapshot]:
    """The volume's newest listed snapshots, one more than are shown."""
    rows = Snapshot.objects.of_volume(environment, volume.volume_id).listed()
    return list(rows.newest_first()[: MOST_SNAPSHOTS + 1])


def allowed(status: VolumeStatus) -> timedelta | None:
    """How far apart usable snapshots may be: by the shortest schedule, else by the target; None: nothing is asked."""
    spans = [period(part.schedule) + grace(part.schedule) for part in status.parts]
    return min(spans) if spans else status.target


def with_gaps(snapshots: Sequence[Snapshot], status: VolumeStatus) -> Iterator[Entry]:
    """The snapshots, newest first, and before each the gap that follows it."""
    gaps = _gaps(snapshots, status)
    for one in snapshots:
        while gaps and _is_maybe_usable(one) and one.taken_before <= gaps[-1].since:
            yield gaps.pop()
        yield one
    yield from reversed(gaps)


def _gaps(snapshots: Sequence[Snapshot], status: VolumeStatus) -> list[Gap]:
    """The times in which no listed snapshot can have been taken that is usable, the oldest first.

    Up to the data's moment, not the page's: what came since is not known. Of a deleted volume nothing is due.
    """
    most = allowed(status)
    ranges = [(one.taken_after or ALWAYS, one.taken_before) for one in snapshots if _is_maybe_usable(one)]
    if most is None or not ranges:
        return []
    # Those without a known time stand last in the list: the newest of them may not be on this page.
    if undated := _newest_undated(status):
        ranges.append((ALWAYS, undated))
    ranges.sort(key=itemgetter(1), reverse=True)
    later = None if status.verdict is Verdict.DELETED else status.at
    found = []
    for after, before in ranges:
        if later is not None and after is not ALWAYS and later - before > most:
            found.append(Gap(before, None if later == status.at else later, later - before))
        later = after if later is None else min(later, after)
    return found[::-1]


def _newest_undated(status: VolumeStatus) -> datetime | None:
    """The latest moment at which a snapshot may have been taken of which only that is known."""
    volume = status.volume
    undated = Snapshot.objects.of_volume(status.environment, volume.volume_id).listed().filter(taken_key=UNDATED)
    return max((one.taken_before for one in undated[:MOST_UNDATED] if _is_maybe_usable(one)), default=None)


def _is_maybe_usable(snapshot: Snapshot) -> bool:
    run = _row(snapshot).run()
    return run.is_usable or run.is_in_doubt


def left_overs(volume: Volume, environment: Environment, parts: Sequence[Part]) -> list[Snapshot]:
    """Rows that are still being made although a newer one of their schedule is usable: nothing waits for them.

    For those of no schedule, a newer one of any type.
    """
    rows = Snapshot.objects.of_volume(environment, volume.volume_id).listed()
    # Usable ones are the majority; leftovers were never seen complete.
    never_complete = rows.filter(usable_at__isnull=True).newest_first()[: 10 * MOST_LEFT_OVER]
    usable_at = {part.schedule: part.newest_after for part in parts}
    found = [one for one in never_complete if _is_left_over(one, usable_at, volume.newest_after)]
    return found[:MOST_LEFT_OVER]


def _is_left_over(one: Snapshot, usable_at: dict[str, datetime | None], newest_of_any: datetime | None) -> bool:
    run = _row(one).run()
    if not run.is_being_made:
        return False
    newer = [usable_at.get(schedule) for schedule in run.schedules] or [newest_of_any]
    return all(moment is not None and moment > one.taken_before for moment in newer)


def _row(one: Snapshot) -> Row:
    return Row(*(getattr(one, name) for name in Row._fields))


def changes(volume: Volume, environment: Environment) -> list[Change]:
    """What happened to the volume and its snapshots, the newest first."""
    rows = Change.objects.filter(environment=environment, volume_id=volume.volume_id).of_volumes()
    return list(rows.select_related("snapshot").newest_first()[: MOST_CHANGES + 1])
