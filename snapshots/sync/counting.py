"""Count an environment's rows by state, type and volume, so that pages need not count.

A sync counts before it takes the write lock, with what its plan will change.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Environment, Snapshot
from snapshots.sync.bulk_sql import Before
from snapshots.sync.diff import Plan
from snapshots.sync.store_volumes import VolumeCounts, count_volumes, write_counts


class Counts(NamedTuple):
    """What the environment's row and its volumes' rows are to say."""

    facets: dict[str, object]
    volumes: VolumeCounts


class Numbers(NamedTuple):
    """How many listed rows there are, by volume, state and type."""

    by_volume: Counter[str]
    by_state: Counter[str]
    by_type: Counter[str]

    def add(self, volume_id: str, state: str, interval_type: str, number: int) -> None:
        self.by_volume[volume_id] += number
        self.by_state[state] += number
        self.by_type[interval_type] += number


class Planned(NamedTuple):
    """A plan that is not written yet, and the rows that it touches as they are, if counts may depend on them."""

    plan: Plan[SnapshotRecord]
    before: Mapping[int, Before]


def recount(
    environment: Environment, renamed: Collection[str], now: datetime, counted_before: Counts | None = None
) -> None:
    """Store the counts. Call inside a transaction, when the rows are written.

    `renamed`: the volumes that may get another name from their snapshots. `counted_before`: the counts, if they are
    still valid.
    """
    counts = counted_before or count(environment, renamed, now)
    if not write_counts(environment, counts.volumes):
        # `prune` deleted a volume in the meantime.
        counts = count(environment, renamed, now)
        write_counts(environment, counts.volumes)
    environment.facets = counts.facets


def count(environment: Environment, renamed: Collection[str], now: datetime, planned: Planned | None = None) -> Counts:
    """Count the rows, as they will be when a plan is written. Writes nothing."""
    rows = Snapshot.objects.filter(environment=environment)
    numbers = Numbers(Counter(), Counter(), Counter())
    # One scan of the rows for all three, grouped by the database.
    groups = rows.listed().values_list("volume_id", "state", "interval_type").annotate(number=Count("pk"))
    for volume_id, state, interval_type, number in groups.order_by().iterator():
        numbers.add(volume_id, state, interval_type, number)
    gone = rows.no_longer_listed().count()
    if planned is not None:
        gone += _change(numbers, planned)
    # Without those that are 0 now.
    by_volume, by_state, by_type = (+each for each in numbers)
    facets: dict[str, object] = {
        "listed": by_volume.total(),
        "gone": gone,
        "no_volume": by_volume.pop("", 0),
        "state": by_state,
        "interval_type": by_type,
    }
    return Counts(facets, count_volumes(environment, by_volume, renamed, now))


def _change(numbers: Numbers, planned: Planned) -> int:
    """Apply a plan to the numbers. Returns by how many rows more are no longer listed."""
    plan, gone = planned.plan, 0
    changed = {pk: record for pk, record in plan.changed if pk in planned.before}
    back, missing = {*plan.returned, *plan.there}, set(plan.missing)
    for record in plan.added:
        numbers.add(record.volume_id, record.state, record.interval_type, 1)
    for pk, row in planned.before.items():
        will_be = changed.get(pk, row)
        is_listed = pk not in missing and (row.listed or pk in back)
        numbers.add(row.volume_id, row.state, row.interval_type, -row.listed)
        numbers.add(will_be.volume_id, will_be.state, will_be.interval_type, int(is_listed))
        gone += row.listed - is_listed
    return gone
