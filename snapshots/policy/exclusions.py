"""What a team decides about its volumes: exclusions, and schedules that were intentionally stopped.

An act and the verdicts that follow from it are stored in one short transaction, under the locks of the team's
environments, which every sync takes too. Each raises the generation of the environments that it touches: no cached
page outlives it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, Min
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, Team, User
from snapshots.models import Environment, LastAct, Snapshot, Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.verdicts.evaluate import judge_volumes
from snapshots.verdicts.sql import FOR_EVER

BATCH = 500
MOST_REASON = 200
NO_EXCLUSION: Mapping[str, object] = {
    "excluded_until": None,
    "exclusion_reason": "",
    "excluded_by": "",
    "excluded_at": None,
}


class Exclusion(NamedTuple):
    """An exclusion: until when (`FOR_EVER`: without end), and why."""

    until: datetime
    reason: str

    @property
    def text(self) -> str:
        """As the audit keeps it."""
        until = "" if self.until == FOR_EVER else f"{self.until:%Y-%m-%d}: "
        return f"{until}{self.reason}"


class Done(NamedTuple):
    """The result of an act on volumes. `at` identifies it; `before`: how many needed no change."""

    at: datetime
    number: int
    before: int = 0


def exclude(
    team: Team, pks: Collection[int], exclusion: Exclusion, *, person: User, request: HttpRequest | None = None
) -> Done:
    """Exclude volumes. Those that are already excluded keep their reason, so that this can be undone."""
    now = timezone.now()
    with transaction.atomic():
        lock(team)
        volumes = of_team(team, pks)
        chosen = [volume for volume in volumes if not volume.excluded_until or volume.excluded_until <= now]
        said = _said(exclusion, person) | {"excluded_at": now}
        if chosen:
            LastAct.keep(LastAct.EXCLUSION, chosen, said, team=team, person=person, at=now)
            update(chosen, said)
            audit.record(
                EventKind.EXCLUDED,
                team=team,
                actor=person,
                target=names(chosen),
                detail=exclusion.text,
                request=request,
            )
    return Done(now, len(chosen), len(volumes) - len(chosen))


def resume(team: Team, pks: Collection[int], *, person: User, request: HttpRequest | None = None) -> Done:
    """Resume the checks of volumes. Counts those that were excluded, or had been until recently."""
    now = timezone.now()
    with transaction.atomic():
        lock(team)
        volumes = of_team(team, pks)
        chosen = [volume for volume in volumes if volume.excluded_until]
        if chosen:
            LastAct.keep(LastAct.EXCLUSION, chosen, NO_EXCLUSION, team=team, person=person, at=now)
            update(chosen, NO_EXCLUSION)
            audit.record(EventKind.RESUMED, team=team, actor=person, target=names(chosen), detail="", request=request)
    return Done(now, len(chosen), len(volumes) - len(chosen))


def of_act(team: Team, at: datetime) -> list[int]:
    """Return the volumes that were excluded together at this time."""
    volumes: VolumeQuerySet = Volume.objects.of_team(team)
    return list(volumes.filter(excluded_at=at).values_list("pk", flat=True))


def exclude_environment(
    environment: Environment, exclusion: Exclusion | None, *, person: User, request: HttpRequest | None = None
) -> datetime:
    """Exclude an environment's volumes; None: resume their checks. Returns when, which identifies the act."""
    values = _said(exclusion, person)
    with transaction.atomic():
        found = Environment.everything.filter(pk=environment.pk)
        former = found.select_for_update(no_key=True)
        at = LastAct.keep(LastAct.PLACE, former, values, team=environment.team, person=person)
        found.raise_generation(**values)
        audit.record(
            EventKind.EXCLUDED if exclusion else EventKind.RESUMED,
            team=environment.team,
            actor=person,
            target=environment.place,
            detail=exclusion.text if exclusion else "",
            request=request,
        )
    return at


def end_schedule(volume: Volume, schedule: str, *, person: User, request: HttpRequest | None = None) -> bool:
    """Mark a schedule as intentionally stopped: no run is due until a new one of its type appears.

    Returns whether the volume has it.
    """
    with transaction.atomic():
        environment = _locked(volume)
        row = Volume.objects.get(pk=volume.pk)
        if schedule not in {answer["schedule"] for answer in row.answers}:
            return False
        row.ended |= {schedule: timezone.now().isoformat()}
        row.save(update_fields=["ended"])
        _judge_one(environment, row)
        _record(EventKind.SCHEDULE_STOPPED, row, environment, schedule, person, request)
    return True


def resume_schedule(volume: Volume, schedule: str, *, person: User, request: HttpRequest | None = None) -> bool:
    """Unmark a schedule as stopped. Returns whether it was marked."""
    with transaction.atomic():
        environment = _locked(volume)
        row = Volume.objects.get(pk=volume.pk)
        if row.ended.pop(schedule, None) is None:
            return False
        row.answers += _memory(environment, row, schedule)
        row.save(update_fields=["ended", "answers"])
        _judge_one(environment, row)
        _record(EventKind.SCHEDULE_RESUMED, row, environment, schedule, person, request)
    return True


def lock(team: Team) -> list[Environment]:
    """All environments of a team, hidden ones too, locked against syncs and other acts. Call inside a transaction."""
    return list(Environment.everything.filter(team=team).select_for_update(no_key=True).order_by("pk"))


def raise_generation(environments: Iterable[int]) -> None:
    Environment.everything.filter(pk__in=set(environments)).raise_generation()


def with_target(environment: Environment, hours: int | None) -> Environment:
    """The environment as if it had this target; not stored."""
    changed = copy(environment)
    changed.target_hours = hours
    return changed


def _locked(volume: Volume) -> Environment:
    return Environment.everything.select_for_update(no_key=True).get(pk=volume.environment_id)


def _judge_one(environment: Environment, volume: Volume) -> None:
    if environment.data_at is not None:
        judge_volumes(environment, [volume.volume_id], at=environment.data_at)
    raise_generation([environment.pk])


def _memory(environment: Environment, volume: Volume, schedule: str) -> list[dict[str, object]]:
    """What a schedule's rows of any age say of it: those that a judgement reads may all be gone by now."""
    rows = Snapshot.objects.of_volume(environment, volume.volume_id)
    completed = rows.filter(interval_type__contains=schedule, usable_at__isnull=False)
    began = completed.aggregate(first=Min("taken_before"), last=Max("taken_before"))
    if began["last"] is None:
        return []
    moments = {f"{name}_began": moment.isoformat() for name, moment in began.items()}
    return [{"schedule": schedule, "completed": True, **moments}]


def _said(exclusion: Exclusion | None, person: User) -> dict[str, object]:
    return {
        "excluded_until": exclusion.until if exclusion else None,
        "exclusion_reason": exclusion.reason[:MOST_REASON] if exclusion else "",
        "excluded_by": person.email if exclusion else "",
    }


def of_team(team: Team, pks: Collection[int]) -> list[Volume]:
    """Those of the team among these volumes, with what a member may decide of them."""
    columns = ("pk", "environment_id", "volume_id", "name", "target_hours", *NO_EXCLUSION)
    found: list[Volume] = []
    for batch in batches(sorted(pks)):
        volumes: VolumeQuerySet = Volume.objects.of_team(team)
        found += volumes.filter(pk__in=batch).only(*columns)
    return found


def update(volumes: Sequence[Volume], values: Mapping[str, object]) -> None:
    """Write these values of volumes. Call inside a transaction, under `lock`."""
    for batch in batches([volume.pk for volume in volumes]):
        Volume.objects.filter(pk__in=batch).update(**values)
    raise_generation(volume.environment_id for volume in volumes)


def names(volumes: Sequence[Volume]) -> str:
    """Volumes as the audit names them."""
    if len(volumes) == 1:
        return str(volumes[0])
    return ngettext("%(number)d volume", "%(number)d volumes", len(volumes)) % {"number": len(volumes)}


def _record(
    kind: EventKind, volume: Volume, environment: Environment, schedule: str, person: User, request: HttpRequest | None
) -> None:
    target = f"{volume} · {environment.place}"
    audit.record(kind, team=environment.team, actor=person, target=target, detail=schedule, request=request)


def batches(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut keys into pieces that one query takes."""
    return (pks[start : start + BATCH] for start in range(0, len(pks), BATCH))
