"""A volume as the volumes page shows it: plain values, already worded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.lists.params import Links
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_groups import Block
from snapshots.lists.volume_list import Instance, instance_of, usual_sort
from snapshots.models import Environment, Volume
from snapshots.rules.taken_time import UNDATED
from snapshots.rules.verdict import Verdict
from snapshots.text import times
from snapshots.text.glossary import MEANINGS
from snapshots.text.labels import Badge, has_returned, returned_in_words, volume_name
from snapshots.text.times import Taken
from snapshots.text.verdict_labels import badge, beside, schedule_name, target_text
from snapshots.text.verdict_reason import newest_source, why
from snapshots.verdicts.doubts import doubts, undated
from snapshots.verdicts.status import VolumeStatus, status_of, target_of
from snapshots.views.common.components import Column
from snapshots.views.common.data_age import as_of
from snapshots.views.common.list_page import View
from snapshots.views.volumes.strip_svg import ShownStrip, shown_strip

# How long a sudden loss of usable ones stays marked.
FEWER_SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """`pk` is a form's value; `is_detached`: that it belongs to no instance is the provider's word."""

    pk: int
    url: str
    name: str
    instance: Instance
    is_detached: bool
    place: str
    badge: Badge
    beside: str
    why: str
    meaning: str
    newest: Taken | None
    promise: str
    target: str
    strip: ShownStrip
    usable: int
    verdict: str
    last_usable: str
    doubt: str
    is_unseen: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A server and those of its disks that the page shows; `facts` count all of them."""

    id: str
    name: str
    is_guess: bool
    place: str
    facts: str
    rows: list[VolumeRow]


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rows of a page have in common.

    `prefix` is the address below which each volume has its page; `unseen` have a problem since the last visit.
    """

    places: Mapping[int, Environment]
    team_hours: int | None
    now: datetime
    prefix: str
    unseen: frozenset[int] = frozenset()

    def rows(self, volumes: Iterable[Volume]) -> list[VolumeRow]:
        return [self.row(volume) for volume in volumes if volume.environment_id in self.places]

    def row(self, volume: Volume) -> VolumeRow:
        environment = self.places[volume.environment_id]
        target = target_of(volume, environment, self.team_hours)
        status = status_of(volume, environment, now=self.now, target=target)
        newest_name = volume.newest_usable.name if volume.newest_usable else ""
        schedules = ", ".join(schedule_name(part.schedule) for part in status.parts)
        target_words = _("Target %(age)s") % {"age": target_text(target)} if target else ""
        return VolumeRow(
            pk=volume.pk,
            url=f"{self.prefix}{environment.path}/{volume.volume_id}/",
            name=volume_name(volume.volume_id, volume.name),
            instance=instance_of(volume.instance_name, volume.name, newest_name),
            is_detached=volume.from_endpoint,
            place=environment.place,
            badge=badge(status),
            beside=beside(status),
            why=why(status),
            meaning=str(MEANINGS[status.verdict]),
            newest=_newest(status),
            promise=schedules or target_words,
            target=target_words if schedules else "",
            strip=shown_strip(volume, environment, self.now),
            usable=volume.usable_count,
            verdict=status.verdict.name.lower(),
            last_usable=volume.last_usable_at.isoformat() if volume.last_usable_at else "never",
            doubt=" ".join(doubt.value for doubt in doubts(status)),
            is_unseen=volume.pk in self.unseen,
            notes=tuple(_notes(status)),
        )

    def groups(self, volumes: Sequence[Volume], block_of: Mapping[int, Block]) -> list[RowGroup]:
        """Consecutive rows of one server together."""
        groups: list[RowGroup] = []
        last: Block | None = None
        for volume in volumes:
            block = block_of[volume.pk]
            if volume.environment_id not in self.places:
                continue
            if block is not last:
                groups.append(self._group(block, len(groups)))
                last = block
            groups[-1].rows.append(self.row(volume))
        return groups

    def _group(self, block: Block, number: int) -> RowGroup:
        name = block.instance.name or _("No instance known")
        place = self.places[block.environment_id].place
        return RowGroup(f"server-{number}", name, block.instance.is_guess, place, _facts(block), [])


def columns(view: View[VolumeFilters], *, oldest_first: bool) -> dict[str, Column]:
    """The heads that sort, by key. Problems last is an order that nobody needs."""
    labels = {
        "status": _("Status"),
        "name": _("Volume"),
        "newest": _("Newest usable snapshot"),
        "usable": _("Usable"),
    }
    sort = usual_sort(view.filters.sort, oldest_first=oldest_first)
    return {key: _column(key, label, view.links, sort) for key, label in labels.items()}


def _column(key: str, label: str, links: Links, sort: str) -> Column:
    direction = {key: "ascending", f"-{key}": "descending"}.get(sort, "")
    turns = direction == "ascending" and key != "status"
    return Column(key, label, links.to(sort=f"-{key}" if turns else key), direction)


def _newest(status: VolumeStatus) -> Taken | None:
    volume = status.volume
    after, before = volume.newest_after, volume.newest_before
    if before is None:
        return None
    now = status.now
    if after is not None and (others := undated(status)):
        origin = ngettext("or later: %(n)d has no known time", "or later: %(n)d have no known time", others)
        age = _("%(age)s ago or less") % {"age": times.age(now - after)}
        return Taken(times.stamp(after, now), age, origin % {"n": others})
    source = newest_source(status, after, before)
    return times.taken(after, before, source, UNDATED if after is None else before, now)


def _notes(status: VolumeStatus) -> Iterator[str]:
    label = as_of(status.environment, status.now)
    if label:
        yield label
    for thing in (status.volume, status.environment):
        if has_returned(thing, status.now) and thing.excluded_until and status.verdict is not Verdict.EXCLUDED:
            yield returned_in_words(thing.excluded_until, status.now)
            break
    fewer_at = status.volume.fewer_at
    if fewer_at is not None and status.now - fewer_at < FEWER_SHOWN:
        yield _("many fewer usable since %(time)s") % {"time": times.clock(fewer_at, status.now)}


def _facts(block: Block) -> str:
    """ "3 disks, 4 h apart; 1 without a usable snapshot"."""
    number = len(block.disks)
    text = ngettext("%(n)d disk", "%(n)d disks", number) % {"n": number}
    if not block.instance.name:
        return text
    without = number - len(block.usable)
    if block.apart is not None:
        text = _("%(disks)s, newest usable %(age)s apart") % {"disks": text, "age": times.age(block.apart)}
    elif len(block.usable) > 1:
        text = _("%(disks)s, how far apart is not known") % {"disks": text}
    if without:
        text += "; " + _("%(n)d without a usable snapshot") % {"n": without}
    return text
