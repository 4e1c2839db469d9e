"""Targets: how old the newest usable snapshot of a volume may be, for a team, an environment or one volume.

A change updates the verdicts of all volumes that inherit it. They are calculated before the locks are taken, and the
locks are only held to check and write them, so that ten thousand volumes block nobody.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, Team, User
from snapshots.models import Environment, LastAct, Policy, Volume
from snapshots.policy.exclusions import BATCH, Done, lock, names, of_team, raise_generation, update, with_target
from snapshots.verdicts.evaluate import Values, judge_volumes, judgements, write_judgements

# Ten years.
MOST_HOURS = 24 * 3653
# How often to calculate before the locks are taken; after that under them, however long it takes.
TRIES = 3
Inherits = Callable[[Environment], bool]
Mark = tuple[str, int, bool, datetime | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The verdicts of an environment's inheriting volumes, and the environment's state that they are valid for."""

    mark: Mark
    values: list[list[Values]]


def in_words(hours: int) -> str:
    """A target in words: "24 hours", "7 days"."""
    if hours == 0:
        return _("No age limit")
    if hours % 24 or hours == 24:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    return ngettext("%(n)d day", "%(n)d days", hours // 24) % {"n": hours // 24}


def set_of_team(team: Team, hours: int | None, *, person: User, request: HttpRequest | None = None) -> datetime:
    """Set a team's target; 0: no age limit, None: not decided. Returns when, which identifies the act."""

    def write() -> datetime:
        said = {"target_hours": hours, "changed_by": person.email}
        former = Policy.objects.filter(team=team)
        at = LastAct.keep(LastAct.TEAM_TARGET, former, {"target_hours": hours}, team=team, person=person)
        if hours is None:
            former.delete()
        else:
            Policy.objects.update_or_create(team=team, defaults=said)
        _record(team, str(team.name), hours, person, request)
        return at

    return _judge_again(team, lambda environment: environment.target_hours is None, hours or 0, write)


def set_of_environment(
    environment: Environment, hours: int | None, *, person: User, request: HttpRequest | None = None
) -> datetime:
    """Set an environment's target; None: the team's, 0: no age limit. Returns when, which identifies the act."""
    team = environment.team

    def write() -> datetime:
        found = Environment.objects.filter(pk=environment.pk)
        at = LastAct.keep(LastAct.PLACE_TARGET, found, {"target_hours": hours}, team=team, person=person)
        found.update(target_hours=hours)
        _record(team, environment.place, hours, person, request)
        return at

    return _judge_again(team, lambda other: other.pk == environment.pk, hours, write)


def set_of_volume(volume: Volume, hours: int | None, *, person: User, request: HttpRequest | None = None) -> Done:
    """Set a volume's target; None: its environment's, 0: no age limit."""
    return set_of_volumes(volume.team, [volume.pk], hours, person=person, request=request)


def set_of_volumes(
    team: Team, pks: Collection[int], hours: int | None, *, person: User, request: HttpRequest | None = None
) -> Done:
    """Set the target of volumes; None: that of their environments, 0: no age limit.

    Many are written in several transactions, as their verdicts are calculated under the lock.
    """
    with transaction.atomic():
        places = {environment.pk: environment for environment in lock(team)}
        volumes = of_team(team, pks)
        at = LastAct.keep(LastAct.TARGET, volumes, {"target_hours": hours}, team=team, person=person)
        _write_volumes(places, volumes[:BATCH], hours)
        if volumes:
            whose = names(volumes)
            if len(volumes) == 1:
                whose = f"{whose} · {places[volumes[0].environment_id].place}"
            _record(team, whose, hours, person, request)
    for start in range(BATCH, len(volumes), BATCH):
        with transaction.atomic():
            places = {environment.pk: environment for environment in lock(team)}
            _write_volumes(places, volumes[start : start + BATCH], hours)
    return Done(at, len(volumes))


def _write_volumes(places: Mapping[int, Environment], volumes: Sequence[Volume], hours: int | None) -> None:
    """Write volumes' target and their verdicts under it. Call under the locks of the environments in `places`."""
    update(volumes, {"target_hours": hours})
    by_place = defaultdict(list)
    for volume in volumes:
        by_place[volume.environment_id].append(volume.volume_id)
    for pk, ids in by_place.items():
        if (at := places[pk].data_at) is not None:
            judge_volumes(places[pk], ids, at=at)


def _judge_again(team: Team, inherits: Inherits, hours: int | None, write: Callable[[], datetime]) -> datetime:
    prepared: dict[int, Prepared] = {}
    for left in reversed(range(TRIES)):
        for environment in filter(inherits, Environment.everything.filter(team=team)):
            _prepare(prepared, with_target(environment, hours))
        with transaction.atomic():
            touched = [with_target(environment, hours) for environment in lock(team) if inherits(environment)]
            if left and any(not _holds(prepared, environment) for environment in touched):
                continue
            for environment in touched:
                _prepare(prepared, environment)
            act_at = write()
            for environment in touched:
                for values in prepared[environment.pk].values:
                    write_judgements(values)
            raise_generation(environment.pk for environment in touched)
        return act_at
    raise AssertionError  # the last try never waits for another


def _prepare(prepared: dict[int, Prepared], environment: Environment) -> None:
    """Calculate the verdicts of inheriting volumes, unless they are valid for this state."""
    if _holds(prepared, environment):
        return
    heirs = Volume.objects.filter(environment=environment, target_hours__isnull=True)
    ids = list(heirs.values_list("volume_id", flat=True))
    at = environment.data_at
    values = list(judgements(environment, ids, at=at)) if at is not None else []
    prepared[environment.pk] = Prepared(_mark(environment), values)


def _holds(prepared: dict[int, Prepared], environment: Environment) -> bool:
    known = prepared.get(environment.pk)
    return known is not None and known.mark == _mark(environment)


def _mark(environment: Environment) -> Mark:
    """Return the other inputs of a verdict. Every write to an environment's rows raises its generation."""
    return (
        environment.rows_version,
        environment.clock_ahead,
        environment.data_at is not None,
        environment.volumes_listed_at,
    )


def _record(team: Team, target: str, hours: int | None, person: User, request: HttpRequest | None) -> None:
    detail = _("inherited") if hours is None else in_words(hours)
    audit.record(EventKind.TARGET_CHANGED, team=team, actor=person, target=target, detail=detail, request=request)


def in_hours(text: str) -> int | None:
    """Read a form's target: whole hours, "" for an inherited one. Raises `ValueError` for anything else."""
    if text == "":
        return None
    if not (text.isascii() and text.isdigit()) or int(text[:9]) > MOST_HOURS or len(text) > 9:
        raise ValueError(text)
    return int(text)
