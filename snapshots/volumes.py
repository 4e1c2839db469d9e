"""Volumes in the mirror: what the optional endpoint lists, and how many snapshots each has."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from snapshots import diff
from snapshots.claims import Claim, locked_for_write
from snapshots.cloud.records import Listing, VolumeRecord
from snapshots.models import Environment, Snapshot, Volume

BATCH = 500
# Field of the row: attribute of the record.
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


class RemoteVolume(NamedTuple):
    id: str
    fingerprint: str
    record: VolumeRecord


def recount_volumes(environment: Environment, counts: Mapping[str, int]) -> None:
    """Store each volume's number of listed snapshots; volumes seen for the first time get a row."""
    known = {volume.volume_id: volume for volume in Volume.objects.filter(environment=environment)}
    new = [
        Volume(team_id=environment.team_id, environment=environment, volume_id=volume_id, snapshot_count=count)
        for volume_id, count in counts.items()
        if volume_id not in known
    ]
    Volume.objects.bulk_create(new, batch_size=BATCH)
    moved = [volume for volume in known.values() if volume.snapshot_count != counts.get(volume.volume_id, 0)]
    for volume in moved:
        volume.snapshot_count = counts.get(volume.volume_id, 0)
    Volume.objects.bulk_update(moved, ["snapshot_count"], batch_size=BATCH)
    _name_after_snapshots(environment)


def _name_after_snapshots(environment: Environment) -> None:
    """A volume that the endpoint never listed is named as its newest snapshot names it."""
    newest = Snapshot.objects.of_volume(environment, OuterRef("volume_id")).exclude(volume="")
    name = Subquery(newest.newest_first().values("volume")[:1])
    nameless = Volume.objects.filter(environment=environment, from_endpoint=False)
    nameless.filter(Exists(newest)).update(name=name)


def store_volumes(held: Claim, listing: Listing[VolumeRecord], *, received_at: datetime) -> None:
    """Apply the volumes endpoint's list, with the same guard as for snapshots. Raises `Late`."""
    remote = [RemoteVolume(record.id, _fingerprint(_values(record)), record) for record in listing.rows]
    plan = diff.compare(
        _known(held.environment),
        remote,
        complete=listing.complete,
        doubt=_doubt_of(held.environment),
        now=received_at,
    )
    with transaction.atomic():
        environment = locked_for_write(held)
        _write(environment, plan, received_at)
        _stamp(environment, held, plan, complete=listing.complete)
        environment.save()


def _known(environment: Environment) -> dict[str, diff.Known]:
    rows = Volume.objects.filter(environment=environment)
    return {row.volume_id: diff.Known(row.pk, _row_fingerprint(row), row.missing_since, row.listed) for row in rows}


def _row_fingerprint(row: Volume) -> str:
    # A row made from snapshots alone equals no record: the endpoint's first word on it is always a change.
    return _fingerprint(getattr(row, name) for name in ENDPOINT_FIELDS) if row.from_endpoint else ""


def _values(record: VolumeRecord) -> Iterator[object]:
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
    environment.volumes_fault = ""
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
    added = [_filled(Volume(team_id=environment.team_id, environment=environment), remote) for remote in plan.added]
    Volume.objects.bulk_create(added, batch_size=BATCH)
    rows = Volume.objects.in_bulk([pk for pk, _ in plan.changed])
    changed = [_filled(rows[pk], remote) for pk, remote in plan.changed]
    fields = [*ENDPOINT_FIELDS, "from_endpoint", "listed"]
    Volume.objects.bulk_update(changed, fields, batch_size=BATCH)
    for start in range(0, len(plan.returned), BATCH):
        back = Volume.objects.filter(pk__in=plan.returned[start : start + BATCH])
        back.update(missing_since=None, last_seen_at=None, listed=True)
    for start in range(0, len(plan.left_out), BATCH):
        out = Volume.objects.filter(pk__in=plan.left_out[start : start + BATCH])
        out.update(missing_since=now, last_seen_at=environment.volumes_listed_at)
    for start in range(0, len(plan.missing), BATCH):
        Volume.objects.filter(pk__in=plan.missing[start : start + BATCH]).update(listed=False)
    environment.generation += 1


def _filled(row: Volume, remote: RemoteVolume) -> Volume:
    row.volume_id = remote.id
    for name, attribute in ENDPOINT_FIELDS.items():
        setattr(row, name, getattr(remote.record, attribute))
    row.from_endpoint = row.listed = True
    return row
