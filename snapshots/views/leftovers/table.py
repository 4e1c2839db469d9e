"""The list of leftovers, volume by volume, so that one sees what would remain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from snapshots.lists.leftovers import Line, Place, Remaining, Rules
from snapshots.lists.volume_list import COLUMNS, instance_of
from snapshots.models import Environment, Volume
from snapshots.rules import states
from snapshots.rules.states import Kind
from snapshots.rules.taken_time import UNDATED
from snapshots.text import labels, times
from snapshots.text.labels import Badge, grouped
from snapshots.text.times import Taken
from snapshots.text.verdict_labels import badge
from snapshots.verdicts.sql import DataAges, with_status
from snapshots.verdicts.status import status_of, target_of
from snapshots.views.leftovers.summary import REASON_LABELS


@dataclass(frozen=True, slots=True)
class LeftoverRow:
    """`is_last`: the only usable one of its volume, under any filter."""

    id: str
    url: str
    name: str
    age: str
    taken: Taken
    day: str
    badge: Badge
    reasons: tuple[str, ...]
    is_usable: bool
    is_last: bool
    is_failed: bool


@dataclass(slots=True)
class VolumeGroup:
    """A volume and those of its leftovers that the page shows; `facts` are of all that it has."""

    number: int
    name: str
    url: str
    place: str
    instance: str
    badge: Badge | None
    facts: str
    warning: str
    usable: int
    rows: list[LeftoverRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rows of a page have in common. `found`: how many usable ones the filters find, by volume."""

    rules: Rules
    team_hours: int | None
    remaining: Mapping[Place, Remaining]
    found: Mapping[Place, int]

    def groups(self, lines: Sequence[Line]) -> list[VolumeGroup]:
        """Consecutive rows of one volume together."""
        places = {environment.pk: environment for environment in self.rules.environments}
        volumes = self._volumes(lines)
        groups: list[VolumeGroup] = []
        last: Place | None = None
        for line in lines:
            environment = places[line.environment_id]
            if line.place != last:
                groups.append(self._group(line, len(groups) + 1, environment, volumes.get(line.place)))
                last = line.place
            groups[-1].rows.append(self._row(line, environment))
        return groups

    def _volumes(self, lines: Iterable[Line]) -> dict[Place, Volume]:
        ids = {line.volume_id for line in lines if line.volume_id}
        found = Volume.objects.of_team(self.rules.team).filter(
            environment__in={line.environment_id for line in lines}, volume_id__in=ids
        )
        ages = DataAges.of(self.rules.environments, self.rules.now)
        rows = with_status(found, ages).select_related("newest_usable").only(*COLUMNS, "last_seen_at") if ids else []
        return {(volume.environment_id, volume.volume_id): volume for volume in rows}

    def _group(self, line: Line, number: int, environment: Environment, volume: Volume | None) -> VolumeGroup:
        now, all_of_it, found = self.rules.now, self.remaining[line.place], self.found.get(line.place, 0)
        prefix = reverse("snapshots:volumes", args=[self.rules.team.slug])
        status = None
        if volume is not None:
            target = target_of(volume, environment, self.team_hours)
            status = badge(status_of(volume, environment, now=now, target=target))
        # What belongs to no volume is no set of which one could remain.
        is_known = bool(line.volume_id)
        return VolumeGroup(
            number=number,
            name=labels.volume_name(line.volume_id, volume.name if volume else line.volume),
            url=f"{prefix}{environment.path}/{line.volume_id}/" if volume else "",
            place=environment.place,
            instance=_instance(volume),
            badge=status,
            facts=_facts(volume, all_of_it, found, now) if is_known else "",
            warning=_warning(all_of_it, found) if is_known else "",
            usable=all_of_it.usable if is_known else 0,
        )

    def _row(self, line: Line, environment: Environment) -> LeftoverRow:
        now = self.rules.now
        key = UNDATED if line.taken_after is None else line.taken_before
        prefix = reverse("snapshots:list", args=[self.rules.team.slug])
        return LeftoverRow(
            id=line.snapshot_id,
            url=f"{prefix}{environment.path}/{line.snapshot_id}/",
            name=labels.title(line.name, line.snapshot_id),
            age=_age(line, now),
            taken=times.taken(line.taken_after, line.taken_before, line.taken_source, key, now),
            day=times.day(line.taken_before, now),
            badge=labels.badge(line.state, listed=True, candidate=False),
            reasons=tuple(str(REASON_LABELS[reason]) for reason in line.reasons),
            is_usable=line.is_usable,
            is_last=line.is_last_of(self.remaining[line.place]),
            is_failed=states.kind_of(line.state) is Kind.FAILED and line.usable_at is None,
        )


def _age(line: Line, now: datetime) -> str:
    """By the younger end of what is known of its time."""
    age = times.age(now - line.taken_before)
    return age if line.taken_after == line.taken_before else _("%(age)s or more") % {"age": age}


def _instance(volume: Volume | None) -> str:
    if volume is None:
        return ""
    newest = volume.newest_usable.name if volume.newest_usable else ""
    instance = instance_of(volume.instance_name, volume.name, newest)
    if instance.name or volume.deleted_at is not None:
        return instance.name
    return _("no instance") if volume.from_endpoint else _("instance not known")


def _facts(volume: Volume | None, all_of_it: Remaining, found: int, now: datetime) -> str:
    """ "42 usable, 38 without these; newest 12 min old"."""
    usable, left = all_of_it.usable, all_of_it.usable - found
    numbers = {"n": grouped(usable), "left": grouped(left)}
    if not usable:
        text = ngettext("%(n)s snapshot, none usable", "%(n)s snapshots, none usable", all_of_it.listed)
        text %= {"n": grouped(all_of_it.listed)}
    elif found and left:
        text = (
            ngettext("%(n)s usable, %(left)s without these", "%(n)s usable, %(left)s without these", usable) % numbers
        )
    else:
        text = ngettext("%(n)s usable", "%(n)s usable", usable) % numbers
    parts = [_deletion(volume, now), text]
    if all_of_it.newest_after:
        parts.append(_("newest %(age)s old") % {"age": times.age(now - all_of_it.newest_after)})
    return "; ".join(filter(None, parts))


def _deletion(volume: Volume | None, now: datetime) -> str:
    """When a deleted volume was there last."""
    if volume is None or volume.deleted_at is None or volume.last_seen_at is None:
        return ""
    return _("last listed %(day)s") % {"day": times.day(volume.last_seen_at, now)}


def _warning(all_of_it: Remaining, found: int) -> str:
    """That these are all usable ones; of a single one its row says it."""
    if all_of_it.usable < 2 or all_of_it.usable > found:
        return ""
    return pgettext("usable snapshots of a volume", "none usable without these")
