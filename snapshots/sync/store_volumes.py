"""Store volumes in the mirror: the optional list of volumes, which volumes are deleted, how many snapshots each has.

A volume counts as deleted if two complete lists do not have it, with the same guards as for snapshots, and its
retrieve call answers 404; a volume that is known only from its snapshots, if its retrieve call answers 404. The list is
requested at most every 15 minutes, with its own back-off: its faults do not affect the snapshots.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from dashboard.teams.models.keys import key_mark
from snapshots.cloudca.records import Listing, VolumeRecord
from snapshots.models import Environment, Snapshot, Volume
from snapshots.models.environment import VOLUMES_EVERY
from snapshots.sync import bulk_sql, diff, events
from snapshots.sync.leases import CLOCKS_APART, Claim, locked_for_write
from snapshots.sync.short_writes import in_turns
from snapshots.verdicts.evaluate import judge_volumes

BATCH = 500
# The longest wait after a fault, and after a reply that the key may not read the list.
FAULT_MOST, CLOSED_MOST = timedelta(hours=1), timedelta(hours=6)
# How many volumes one sync requests individually.
MOST_RETRIEVED = 200
FAULT_FIELDS = ("volumes_fault", "volumes_fault_count", "volumes_tried_at", "volumes_next_try_at")
# Model field: attribute of the record.
ENDPOINT_FIELDS = {
    "name": "name",
    "kind": "type",
    "state": "state",
    "instance_id": "instance_id",
    "instance_name": "instance_name",
    "zone_name": "zone_name",
    "size_in_gb": "size_in_gb",
    "created": "created",
}


SAME_OF_NEW = [
    field for field in Volume._meta.concrete_fields if field.attname not in ("id", "volume_id", "snapshot_count")
]
INSERT = bulk_sql.insert_into(
    Volume._meta.db_table, ["volume_id", "snapshot_count", *(field.column or "" for field in SAME_OF_NEW)]
)
# The same for volumes of the list.
SAME_OF_LISTED = [
    field for field in Volume._meta.concrete_fields if field.attname not in ("id", "volume_id", *ENDPOINT_FIELDS)
]
INSERT_LISTED = bulk_sql.insert_into(
    Volume._meta.db_table, ["volume_id", *ENDPOINT_FIELDS, *(field.column or "" for field in SAME_OF_LISTED)]
)
UPDATE_LISTED = (
    f"UPDATE {Volume._meta.db_table} SET {', '.join(f'{name} = %s' for name in ENDPOINT_FIELDS)},"  # noqa: S608
    " from_endpoint = %s, listed = %s WHERE id = %s"
)
RECOUNT = f"UPDATE {Volume._meta.db_table} SET snapshot_count = %s WHERE id = %s"  # noqa: S608 our own identifiers


class Stored(NamedTuple):
    """What a list of volumes may change in a row, and why."""

    pk: int
    volume_id: str
    name: str
    from_endpoint: bool


class RemoteVolume(NamedTuple):
    id: str
    fingerprint: str
    record: VolumeRecord


def volumes_are_due(held: Claim) -> bool:
    """Return whether the list of volumes may be requested: its next try is due, or the key is new."""
    environment = held.environment
    next_try = environment.volumes_next_try_at
    if next_try is None or environment.key_mark != key_mark(held.key):
        return True
    # A time further ahead than it can have been set comes from a clock that was set back since.
    return not held.at < next_try <= held.at + CLOSED_MOST + CLOCKS_APART


def absent_volumes(environment: Environment) -> list[str]:
    """Return the volumes that lists do not have, to be requested by id; the oldest request first."""
    unlisted = Q(from_endpoint=False) | Q(missing_since__isnull=False)
    absent = Volume.objects.filter(unlisted, environment=environment, deleted_at__isnull=True)
    ids = absent.order_by(F("asked_at").asc(nulls_first=True), "missing_since", "pk").values_list(
        "volume_id", flat=True
    )
    return list(ids[:MOST_RETRIEVED])


def visible_volumes(held: Claim) -> set[str]:
    """Return the volumes that the provider lists with this key."""
    environment = Environment.everything.filter(pk=held.environment.pk, volumes_key=key_mark(held.key))
    listed = Volume.objects.filter(environment__in=environment, listed=True, missing_since__isnull=True)
    return set(listed.values_list("volume_id", flat=True))


def note_fault(held: Claim, kind: str) -> None:
    """Store a fault of the list of volumes, and when to try again, after any Retry-After. Raises `Late`."""
    with transaction.atomic():
        environment = locked_for_write(held)
        environment.volumes_fault_count += 1
        environment.volumes_fault = kind
        environment.volumes_tried_at = held.at
        most = FAULT_MOST if environment.knows_volumes else CLOSED_MOST
        wait = VOLUMES_EVERY * int(2 ** min(environment.volumes_fault_count - 1, 16))
        environment.volumes_next_try_at = held.at + min(wait, most)
        environment.save(update_fields=FAULT_FIELDS)


class VolumeCounts(NamedTuple):
    """Each volume's number of listed snapshots, as far as the rows do not say it.

    `new`: rows of volumes that are seen for the first time. `moved`: number and primary key of other volumes.
    `nameless`: volumes that were never listed and are to be named as their newest snapshot.
    """

    new: list[bulk_sql.Values]
    moved: list[tuple[int, int]]
    nameless: list[str]


def count_volumes(
    environment: Environment, counts: Mapping[str, int], renamed: Collection[str], now: datetime
) -> VolumeCounts:
    """Compare the numbers of listed snapshots with the volumes' rows. Writes nothing.

    `renamed`: the volumes that may get another name from their snapshots.
    """
    rows = Volume.objects.filter(environment=environment)
    known = {
        volume_id: rest for volume_id, *rest in rows.values_list("volume_id", "pk", "snapshot_count", "from_endpoint")
    }
    new = [(volume_id, count) for volume_id, count in counts.items() if volume_id not in known]
    moved = [
        (counts.get(volume_id, 0), pk)
        for volume_id, (pk, count, _) in known.items()
        if counts.get(volume_id, 0) != count
    ]
    nameless = sorted(
        {*(volume_id for volume_id, _ in new), *(each for each in renamed if each in known and not known[each][2])}
    )
    return VolumeCounts(_new_rows(environment, new, now), moved, nameless)


def _new_rows(environment: Environment, new: Iterable[tuple[str, int]], now: datetime) -> list[bulk_sql.Values]:
    """Return the rows of volumes that are seen for the first time, with their numbers of snapshots."""
    volume = Volume(team_id=environment.team_id, environment=environment, first_seen_at=now)
    same = [field.get_db_prep_save(getattr(volume, field.attname), connection) for field in SAME_OF_NEW]
    return [(volume_id, count, *same) for volume_id, count in new]


def write_counts(environment: Environment, counts: VolumeCounts) -> bool:
    """Store what `count_volumes` returned. Call inside a transaction, when the snapshots are written.

    Returns whether all of the rows still exist.
    """
    insert_volumes(counts.new)
    updated = update_counts(counts.moved)
    name_after_snapshots(environment, counts.nameless)
    _revive(environment)
    return updated == len(counts.moved)


def insert_volumes(rows: Sequence[bulk_sql.Values]) -> None:
    """Insert the `new` ones of `VolumeCounts`. Call inside a transaction."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(INSERT, rows)


def update_counts(moved: Sequence[tuple[int, int]]) -> int:
    """Store the `moved` ones of `VolumeCounts`, and return how many rows still exist. Call inside a transaction."""
    if not moved:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(RECOUNT, moved)
        found: int = cursor.rowcount
    return found


def _revive(environment: Environment) -> None:
    """Undelete volumes with a snapshot taken after they were marked as deleted."""
    of_volume = Snapshot.objects.of_volume(environment, OuterRef("volume_id"))
    taken_since = of_volume.filter(first_seen_at__gt=OuterRef("deleted_at"), taken_before__gt=OuterRef("deleted_at"))
    gone = Volume.objects.filter(environment=environment, deleted_at__isnull=False)
    gone.filter(Exists(taken_since)).update(deleted_at=None)


def name_after_snapshots(environment: Environment, ids: Sequence[str]) -> None:
    """Name volumes that were never listed as their newest snapshot does."""
    newest = Snapshot.objects.of_volume(environment, OuterRef("volume_id")).exclude(volume="")
    name = Coalesce(Subquery(newest.newest_first().values("volume")[:1]), "name")
    nameless = Volume.objects.filter(environment=environment, from_endpoint=False)
    for start in range(0, len(ids), BATCH):
        nameless.filter(volume_id__in=ids[start : start + BATCH]).update(name=name)


def store_volumes(
    held: Claim,
    listing: Listing[VolumeRecord],
    *,
    received_at: datetime,
    retrieved: Mapping[str, bool] = MappingProxyType({}),
) -> None:
    """Apply the list of volumes, with the same guards as for snapshots. Raises `Late`.

    `retrieved`: for volumes that were requested one by one, whether the provider still has them.
    """
    remote = [RemoteVolume(record.id, _fingerprint(_values(record)), record) for record in listing.rows]
    plan = diff.compare(
        _known(held.environment),
        remote,
        trust=diff.Trust(listing.proves_absence, _key_since(held, received_at)),
        doubt=_doubt_of(held.environment),
        now=received_at,
    )
    added = _listed_rows(held.environment, plan.added, received_at)
    if held.environment.half_written_since:
        # Nothing shows them yet.
        in_turns(held, added, lambda rows: partial(insert_listed, rows))
        added = []
    with transaction.atomic():
        environment = locked_for_write(held)
        insert_listed(added)
        _write(environment, plan, received_at)
        _settle(environment, held, retrieved, {record.id for record in listing.rows}, received_at)
        touched = _touched(environment, plan)
        if environment.data_at is not None and touched:
            judge_volumes(environment, touched, at=environment.data_at)
        if listing.complete:
            environment.volumes_key, environment.volumes_key_since = key_mark(held.key), _key_since(held, received_at)
        _stamp(environment, held, plan, complete=listing.complete)
        environment.save()


def _key_since(held: Claim, now: datetime) -> datetime | None:
    """Return since when volumes are requested with the current key; None if they always were."""
    environment = held.environment
    is_same = environment.volumes_key in ("", key_mark(held.key))
    return environment.volumes_key_since if is_same or environment.volumes_listed_at is None else now


def _known(environment: Environment) -> dict[str, diff.Known]:
    rows = Volume.objects.filter(environment=environment)
    columns = ("volume_id", "pk", "missing_since", "listed", "from_endpoint", *ENDPOINT_FIELDS)
    return {
        # A row created only from snapshots equals no record, so its first listing is always a change.
        volume_id: diff.Known(pk, _fingerprint(values) if from_endpoint else "", missing_since, listed)
        for volume_id, pk, missing_since, listed, from_endpoint, *values in rows.values_list(*columns).iterator(2000)
    }


def _listed_rows(environment: Environment, added: Iterable[RemoteVolume], now: datetime) -> list[bulk_sql.Values]:
    """Return the rows of volumes that are listed for the first time and have no row."""
    volume = Volume(
        team_id=environment.team_id, environment=environment, first_seen_at=now, from_endpoint=True, listed=True
    )
    same = [field.get_db_prep_save(getattr(volume, field.attname), connection) for field in SAME_OF_LISTED]
    return [(remote.id, *_values(remote.record), *same) for remote in added]


def insert_listed(rows: Sequence[bulk_sql.Values]) -> None:
    """Insert the rows. Call inside a transaction."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(INSERT_LISTED, rows)


def _values(record: VolumeRecord) -> Iterator[Any]:
    return (getattr(record, attribute) for attribute in ENDPOINT_FIELDS.values())


def _fingerprint(values: Iterable[object]) -> str:
    return repr(tuple(values))


def _doubt_of(environment: Environment) -> diff.Doubt | None:
    if environment.volumes_suspect_since is None or environment.volumes_suspect_at is None:
        return None
    return diff.Doubt(
        environment.volumes_suspect_since,
        environment.volumes_suspect_checks,
        environment.volumes_suspect_at,
        environment.volumes_suspect_listed,
    )


def _stamp(environment: Environment, held: Claim, plan: diff.Plan[RemoteVolume], *, complete: bool) -> None:
    environment.volumes_fault, environment.volumes_fault_count = "", 0
    environment.volumes_tried_at, environment.volumes_next_try_at = held.at, held.at + VOLUMES_EVERY
    if not complete:
        return
    doubt = plan.doubt
    environment.volumes_listed_at = held.at
    environment.volumes_suspect_since, environment.volumes_suspect_at = (
        (doubt.since, doubt.at) if doubt else (None, None)
    )
    environment.volumes_suspect_checks = doubt.checks if doubt else 0
    environment.volumes_suspect_listed = doubt.listed if doubt else 0


def _write(environment: Environment, plan: diff.Plan[RemoteVolume], now: datetime) -> None:
    if plan.is_empty:
        return
    rows = dict(_stored([pk for pk, _ in plan.changed]))
    # `prune` may have deleted an old row in the meantime; the next list adds it again.
    pairs = [(rows[pk], remote) for pk, remote in plan.changed if pk in rows]
    renamed = events.volumes_renamed(environment, _renamed(pairs))
    bulk_sql.insert_changes(environment, events.fold(renamed), now)
    if pairs:
        with connection.cursor() as cursor:
            values = [(*_values(remote.record), True, True, row.pk) for row, remote in pairs]
            cursor.executemany(UPDATE_LISTED, values)
    for start in range(0, len(plan.returned), BATCH):
        back = Volume.objects.filter(pk__in=plan.returned[start : start + BATCH])
        back.update(missing_since=None, last_seen_at=None, listed=True)
    for start in range(0, len(plan.left_out), BATCH):
        out = Volume.objects.filter(pk__in=plan.left_out[start : start + BATCH])
        out.update(missing_since=now, last_seen_at=environment.volumes_listed_at)
    for start in range(0, len(plan.missing), BATCH):
        Volume.objects.filter(pk__in=plan.missing[start : start + BATCH]).update(listed=False)
    environment.raise_generation()


def _settle(
    environment: Environment, held: Claim, retrieved: Mapping[str, bool], listed: Collection[str], now: datetime
) -> None:
    """Mark unlisted volumes as deleted if the provider answers 404; those it still has count as listed again.

    A listed volume is not deleted, even if a member marked it. For a volume that is known only from its snapshots, 404
    means deleted, unless the key may be unable to see it: its snapshots are absent, or not yet listed with this key.
    """
    Volume.objects.filter(environment=environment, volume_id__in=list(retrieved)).update(asked_at=now)
    absent = Volume.objects.filter(environment=environment, missing_since__isnull=False, deleted_at__isnull=True)
    unknown = [volume_id for volume_id, is_there in retrieved.items() if not is_there]
    there = [volume_id for volume_id, is_there in retrieved.items() if is_there]
    settled = absent.filter(volume_id__in=unknown, listed=False).update(deleted_at=now)
    unsure = Snapshot.objects.filter(environment=environment, listed=True, missing_since__isnull=False)
    by_snapshots = Volume.objects.filter(environment=environment, from_endpoint=False, deleted_at__isnull=True)
    hidden = unsure.filter(volume_id__in=unknown).values("volume_id")
    if (environment.listed_key or environment.key_mark) == key_mark(held.key):
        settled += by_snapshots.filter(volume_id__in=unknown).exclude(volume_id__in=hidden).update(deleted_at=now)
    settled += absent.filter(volume_id__in=there).update(missing_since=None, last_seen_at=None, listed=True)
    gone = Volume.objects.filter(environment=environment, deleted_at__isnull=False)
    alive = [pk for pk, volume_id in gone.values_list("pk", "volume_id") if volume_id in listed]
    for start in range(0, len(alive), BATCH):
        settled += gone.filter(pk__in=alive[start : start + BATCH]).update(deleted_at=None)
    if settled:
        environment.raise_generation()


def _touched(environment: Environment, plan: diff.Plan[RemoteVolume]) -> set[str]:
    """Return the volumes that this list changed: the creation date decides whether a volume is new."""
    pks = [*plan.returned, *plan.left_out, *plan.missing]
    moved = Volume.objects.in_bulk(pks).values()
    return {
        *(remote.id for remote in plan.added),
        *(remote.id for _, remote in plan.changed),
        *(volume.volume_id for volume in moved),
    }


def _stored(pks: Sequence[int]) -> Iterator[tuple[int, Stored]]:
    for start in range(0, len(pks), BATCH):
        rows = Volume.objects.filter(pk__in=pks[start : start + BATCH])
        for values in rows.values_list(*Stored._fields):
            yield values[0], Stored(*values)


def _renamed(changed: Iterable[tuple[Stored, RemoteVolume]]) -> dict[str, tuple[str, str]]:
    """Return old and new name by id. A volume that is listed for the first time gets its name; it is not renamed."""
    return {
        row.volume_id: (row.name, remote.record.name)
        for row, remote in changed
        if row.from_endpoint and row.name and remote.record.name not in ("", row.name)
    }
