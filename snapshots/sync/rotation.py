"""Find out which missing snapshots were rotated: the oldest of their type, while newer ones stay.

A schedule keeps N snapshots and deletes the oldest for each new one (CloudStack's `SnapshotManagerImpl`). The provider
does not say which were deleted by a schedule, and a deletion must never count as rotation: at most as many count as
rotated as were recently created.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from snapshots.models import Environment, Snapshot
from snapshots.rules.runs import AFTER_COMPLETION
from snapshots.rules.schedules import period, schedules_of

BATCH = 400


class Peer(NamedTuple):
    """A snapshot among those of its volume and type."""

    pk: int
    volume_id: str
    taken_key: datetime
    first_seen_at: datetime
    state: str
    usable_at: datetime | None
    listed: bool
    missing_since: datetime | None

    @property
    def was_completed(self) -> bool:
        return self.usable_at is not None or self.state in AFTER_COMPLETION

    @property
    def completed_at(self) -> datetime:
        return self.usable_at or self.first_seen_at

    @property
    def may_be_gone(self) -> bool:
        return not self.listed or self.missing_since is not None


class Leaving(NamedTuple):
    """The values of a missing snapshot that identify its peers. `gone_at`: the first list without it."""

    volume_id: str
    interval_type: str
    gone_at: datetime


def find_rotated(environment: Environment, leaving: Mapping[int, Leaving]) -> set[int]:
    """Return the missing rows that rotation explains, by primary key."""
    by_type: dict[str, list[Leaving]] = defaultdict(list)
    for row in leaving.values():
        if row.volume_id and schedules_of(row.interval_type):
            by_type[row.interval_type].append(row)
    found: set[int] = set()
    for interval_type, rows in by_type.items():
        window = _window(interval_type)
        volumes = sorted({row.volume_id for row in rows})
        for peers in _peers(environment, interval_type, volumes, min(row.gone_at for row in rows) - window):
            found |= rotated(peers, leaving.keys(), window=window, began=environment.first_listed_at)
    return found


def rotated(peers: Iterable[Peer], leaving: Collection[int], *, window: timedelta, began: datetime | None) -> set[int]:
    """Return the missing snapshots that rotation explains, among one volume's snapshots of one type.

    New snapshots are those that completed within the window before, and after monitoring `began`; each snapshot that
    already disappeared within the window accounts for one of them.
    """
    complete = sorted((peer for peer in peers if peer.was_completed), key=lambda peer: (peer.taken_key, peer.pk))
    staying = [peer for peer in complete if peer.pk not in leaving and not peer.may_be_gone]
    gone = [peer.missing_since for peer in complete if peer.pk in leaving and peer.missing_since is not None]
    if not staying or not gone:
        return set()
    last = max(gone)
    since = last - window
    earliest = max(since, began) if began else since
    came = sum(peer.completed_at > earliest and peer.first_seen_at <= last for peer in complete)
    went = sum(not peer.listed and peer.missing_since is not None and peer.missing_since > since for peer in complete)
    older = [peer.pk for peer in complete[: complete.index(staying[0])] if peer.pk in leaving]
    return set(older[: max(0, came - went)])


def _window(interval_type: str) -> timedelta:
    """Return the window: long enough for the snapshot that caused the rotation, too short for the one before it."""
    return min(period(schedule) for schedule in schedules_of(interval_type)) * 3 / 4


def _peers(
    environment: Environment, interval_type: str, volumes: Sequence[str], since: datetime
) -> Iterator[list[Peer]]:
    """Return for each volume its snapshots of the type: the listed ones, and those that recently disappeared."""
    for start in range(0, len(volumes), BATCH):
        of_team = Snapshot.objects.filter(
            team=environment.team_id, environment=environment, volume_id__in=volumes[start : start + BATCH]
        )
        of_type = of_team.filter(interval_type=interval_type)
        by_volume: dict[str, list[Peer]] = defaultdict(list)
        for rows in (of_type.listed(), of_type.no_longer_listed().filter(missing_since__gt=since)):
            for values in rows.values_list(*Peer._fields):
                peer = Peer(*values)
                by_volume[peer.volume_id].append(peer)
        yield from by_volume.values()
