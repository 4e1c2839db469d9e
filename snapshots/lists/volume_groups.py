"""Volumes by the server that they belong to: blocks in order, of which a page shows some rows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from django.db.models import Value
from django.db.models.functions import Coalesce

from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_list import Instance, VolumePage, in_order, instance_of, rank
from snapshots.models import Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.verdicts.sql import DataAges, with_verdicts

AT_ONCE = 10_000
NEWEST = Coalesce("newest_usable__name", Value(""))
READ = ("pk", "environment_id", "instance_name", "name", NEWEST, "newest_after", "newest_before")


class Disk(NamedTuple):
    """A volume as its block counts it."""

    pk: int
    newest_after: datetime | None
    newest_before: datetime | None
    rank: int
    name: str


@dataclass(frozen=True, slots=True)
class Block:
    """A server's disks in one environment, all of them. `instance` is nameless for volumes of no known server."""

    environment_id: int
    instance: Instance
    disks: list[Disk] = field(default_factory=list)

    @property
    def usable(self) -> list[Disk]:
        return [disk for disk in self.disks if disk.newest_before is not None]

    @property
    def apart(self) -> timedelta | None:
        """How far the newest usable ones of the disks may be apart; None where that is not known, or is no question."""
        usable = self.usable
        if len(usable) < 2 or any(disk.newest_after is None for disk in usable):
            return None
        lasts = [disk.newest_before for disk in usable if disk.newest_before]
        firsts = [disk.newest_after for disk in usable if disk.newest_after]
        return max(lasts) - min(firsts)

    @property
    def worst(self) -> int:
        return max(disk.rank for disk in self.disks)


class Key(NamedTuple):
    """What tells servers apart."""

    environment_id: int
    name: str


@dataclass(slots=True)
class Head:
    """What the order needs of a block: its disks' primary keys, and the rank of the worst."""

    disks: list[int] = field(default_factory=list)
    worst: int = -1


def blocks_of(*parts: VolumeQuerySet) -> list[Block]:
    """Every server with the volumes that match, those with the worst disk first; unknown servers last."""
    found: dict[Key, Block] = {}
    rows = chain.from_iterable(volumes.order_by().values_list(*READ, rank()) for volumes in parts)
    for pk, place, instance, name, newest_name, after, before, worst in rows:
        server = instance_of(instance, name, newest_name)
        block = found.setdefault(Key(place, server.name), Block(place, server))
        block.disks.append(Disk(pk, after, before, worst, name))
    for block in found.values():
        block.disks.sort(key=lambda disk: (-disk.rank, disk.name, disk.pk))
    return sorted(found.values(), key=lambda block: _order(Key(block.environment_id, block.instance.name), block.worst))


def find_page(volumes: VolumeQuerySet, filters: VolumeFilters, ages: DataAges) -> tuple[VolumePage, dict[int, Block]]:
    """The rows of one page, block after block, and the block of each by primary key.

    Of the blocks on other pages it reads what an index has of them.
    """
    heads = _heads(volumes)
    total = sum(len(head.disks) for head in heads.values())
    number = min(filters.page, max(1, -(-total // filters.page_size)))
    # Where the page begins among the disks of the blocks that it shows.
    first = (number - 1) * filters.page_size
    shown: list[int] = []
    for _key, head in sorted(heads.items(), key=lambda item: _order(item[0], item[1].worst)):
        if shown or first < len(head.disks):
            shown += head.disks
        else:
            first -= len(head.disks)
        if len(shown) >= first + filters.page_size:
            break
    blocks = blocks_of(*(with_verdicts(volumes, ages) for volumes in _volumes(shown)))
    of_disk = {disk.pk: block for block in blocks for disk in block.disks}
    return VolumePage(in_order(list(of_disk)[first : first + filters.page_size], ages), total, number), of_disk


def _heads(volumes: VolumeQuerySet) -> dict[Key, Head]:
    rows = list(volumes.order_by().values_list("pk", "environment_id", "instance_name", rank()))
    names = {
        pk: instance_of("", *each).name
        for volumes in _volumes([pk for pk, _place, name, _rank in rows if not name])
        for pk, *each in volumes.values_list("pk", "name", NEWEST)
    }
    found: dict[Key, Head] = defaultdict(Head)
    for pk, place, name, worst in rows:
        head = found[Key(place, name or names.get(pk, ""))]
        head.disks.append(pk)
        head.worst = max(head.worst, worst)
    return found


def _volumes(pks: Sequence[int]) -> Iterator[VolumeQuerySet]:
    """The volumes of these primary keys, of no more at once than a statement can name."""
    return (Volume.objects.filter(pk__in=pks[start : start + AT_ONCE]) for start in range(0, len(pks), AT_ONCE))


def _order(key: Key, worst: int) -> tuple[bool, int, str, int, str]:
    return (not key.name, -worst, key.name.lower(), key.environment_id, key.name)
