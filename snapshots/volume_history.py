"""What a volume's page tells of its past: its newest snapshots with the gaps between them, left-overs, changes."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from snapshots.judged_rows import Row
from snapshots.models import Change, Environment, Snapshot, Volume
from snapshots.schedules import grace, period
from snapshots.standing import Part, Standing
from snapshots.verdicts import Verdict

MOST_SNAPSHOTS = 20
MOST_LEFT_OVER = 20
MOST_CHANGES = 20


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


def allowed(standing: Standing) -> timedelta | None:
    """How far apart usable snapshots may be: by the shortest schedule, else by the target; None: nothing is asked."""
    spans = [period(part.schedule) + grace(part.schedule) for part in standing.parts]
    return min(spans) if spans else standing.target


def with_gaps(snapshots: Sequence[Snapshot], standing: Standing) -> Iterator[Entry]:
    """The snapshots, newest first, and between them the gaps.

    An undated one ends the search: when it was taken is not known.
    """
    most = allowed(standing)
    later: datetime | None = None
    is_open = True
    for one in snapshots:
        if one.taken_after is None:
            is_open = False
        if is_open and _is_usable(one):
            if most is not None and (gap := _gap(one.taken_before, later, standing, most)):
                yield gap
            later = one.taken_after
        yield one


def _gap(earlier: datetime, later: datetime | None, standing: Standing, most: timedelta) -> Gap | None:
    """By the shortest that it may have been: a gap is said only where there was one for sure.

    Up to the data's moment, not the page's: what came since is not known.
    """
    if later is None and standing.said is Verdict.GONE:
        return None
    length = (later or standing.at) - earlier
    return Gap(earlier, later, length) if length > most else None


def _is_usable(snapshot: Snapshot) -> bool:
    return _row(snapshot).run().is_usable


def left_overs(volume: Volume, environment: Environment, parts: Sequence[Part]) -> list[Snapshot]:
    """Rows that are still being made although a newer one of their schedule is usable: nothing waits for them.

    For those of no schedule, a newer one of any type.
    """
    rows = Snapshot.objects.of_volume(environment, volume.volume_id).listed()
    # Usable ones are the many; what is left over was never seen complete.
    never_complete = rows.filter(usable_at__isnull=True).newest_first()[: 10 * MOST_LEFT_OVER]
    usable_at = {part.schedule: part.newest_before for part in parts}
    found = [one for one in never_complete if _is_left_over(one, usable_at, volume.newest_before)]
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
    rows = Change.objects.filter(environment=environment, volume_id=volume.volume_id).one_by_one()
    return list(rows.select_related("snapshot").newest_first()[: MOST_CHANGES + 1])
