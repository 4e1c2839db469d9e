"""Rhythms: those that are suggested to a team, and those that its members confirmed.

A confirmed rhythm is a schedule of the volume's manual snapshots, until a member ends it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, Team, User
from snapshots.models import Environment, LastAct, Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.policy.exclusions import Done, batches, lock, names, raise_generation
from snapshots.verdicts.evaluate import judge_volumes
from snapshots.verdicts.sql import DataAges, is_checked, volumes_of_team

Places = Mapping[int, Environment]


def suggested(environments: Sequence[Environment], now: datetime) -> VolumeQuerySet:
    """The checked volumes with a rhythm that nobody confirmed yet and that goes on."""
    volumes = volumes_of_team(environments).filter(suggested_until__gte=now)
    found: VolumeQuerySet = volumes.filter(is_checked(DataAges.of(environments, now)))
    return found


def confirm(team: Team, shown: Mapping[int, str], *, person: User, request: HttpRequest | None = None) -> Done:
    """Confirm the rhythms of volumes that are still suggested as they were shown: primary key -> schedule."""
    now = timezone.now()
    with transaction.atomic():
        places = {environment.pk: environment for environment in lock(team)}
        volumes = [each for each in of_team(team, shown) if _suggestion(each, now) == shown[each.pk]]
        if volumes:
            said = {"since": now.isoformat(), "by": person.email}
            LastAct.keep(LastAct.RHYTHM, volumes, {"rhythm": said}, team=team, person=person, at=now)
            write(places, volumes, {each.pk: said | {"schedule": shown[each.pk]} for each in volumes})
            record(EventKind.RHYTHM_CONFIRMED, volumes, person, request)
    return Done(now, len(volumes), len(shown) - len(volumes))


def end(volume: Volume, *, person: User, request: HttpRequest | None = None) -> Done:
    """End a volume's rhythm: its manual snapshots are expected no more."""
    now = timezone.now()
    with transaction.atomic():
        places = {environment.pk: environment for environment in lock(volume.team)}
        volumes = [each for each in of_team(volume.team, [volume.pk]) if each.rhythm]
        if volumes:
            LastAct.keep(LastAct.RHYTHM, volumes, {"rhythm": {}}, team=volume.team, person=person, at=now)
            write(places, volumes, {volume.pk: {}})
            record(EventKind.RHYTHM_ENDED, volumes, person, request)
    return Done(now, len(volumes))


def of_team(team: Team, pks: Collection[int]) -> list[Volume]:
    """Those of the team among these volumes."""
    found: list[Volume] = []
    for batch in batches(sorted(pks)):
        volumes: VolumeQuerySet = Volume.objects.of_team(team)
        found += volumes.filter(pk__in=batch)
    return found


def write(places: Places, volumes: Sequence[Volume], rhythms: Mapping[int, object]) -> None:
    """Write the rhythms of volumes and the verdicts under them. Call under the locks of the environments."""
    by_place = defaultdict(list)
    for volume in volumes:
        Volume.objects.filter(pk=volume.pk).update(rhythm=rhythms[volume.pk])
        by_place[volume.environment_id].append(volume.volume_id)
    for pk, ids in by_place.items():
        if (at := places[pk].data_at) is not None:
            judge_volumes(places[pk], ids, at=at)
    raise_generation(by_place)


def record(kind: EventKind, volumes: Sequence[Volume], person: User, request: HttpRequest | None) -> None:
    audit.record(kind, team=volumes[0].team, actor=person, target=names(volumes), detail="", request=request)


def _suggestion(volume: Volume, now: datetime) -> str | None:
    """The rhythm that is suggested of a volume; None where none is."""
    until = volume.suggested_until
    return str(volume.manual["schedule"]) if until is not None and until >= now else None
