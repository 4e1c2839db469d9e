"""Volumes by the server that they belong to: blocks in order, of which a page shows some rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_list import Instance, VolumePage, in_order, instance_of
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.sql import DataAges

READ = ("pk", "environment_id", "instance_name", "name", "newest_usable__name", "newest_after", "newest_before")
VERDICTS = ("verdict", "verdict_by_data")


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
    def order(self) -> tuple[bool, int, str]:
        worst = max(disk.rank for disk in self.disks)
        return (not self.instance.name, -worst, self.instance.name.lower())


def blocks_of(volumes: VolumeQuerySet) -> list[Block]:
    """Every server with the volumes that match, those with the worst disk first; unknown servers last."""
    found: dict[tuple[int, str], Block] = {}
    for pk, place, instance, name, newest_name, after, before, verdict, by_data in volumes.order_by().values_list(
        *READ, *VERDICTS
    ):
        server = instance_of(instance, name, newest_name or "")
        block = found.setdefault((place, server.name), Block(place, server))
        block.disks.append(Disk(pk, after, before, -1 if verdict >= Verdict.EXCLUDED else by_data, name))
    for block in found.values():
        block.disks.sort(key=lambda disk: (-disk.rank, disk.name, disk.pk))
    return sorted(found.values(), key=lambda block: (block.order, block.environment_id))


def find_page(blocks: Sequence[Block], filters: VolumeFilters, ages: DataAges) -> tuple[VolumePage, dict[int, Block]]:
    """The rows of one page, block after block, and the block of each by primary key."""
    of_disk = {disk.pk: block for block in blocks for disk in block.disks}
    pks = list(of_disk)
    number = min(filters.page, max(1, -(-len(pks) // filters.page_size)))
    start = (number - 1) * filters.page_size
    return VolumePage(in_order(pks[start : start + filters.page_size], ages), len(pks), number), of_disk
