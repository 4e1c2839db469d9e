"""Add and remove a team's environments. Adding calls the provider first; removing hides at once and deletes later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, Team, User
from dashboard.teams.models.keys import key_of
from snapshots.models import Environment
from snapshots.setup.key_trial import Answer, Place, try_environments


@dataclass(frozen=True, slots=True)
class Doubtful:
    """An environment that was not added, and the provider's answer."""

    environment: Environment
    answer: Answer


def offered(team: Team) -> list[Environment]:
    """Return the environments that the key can see and that are not added yet; unsaved."""
    key = key_of(team)
    watched = set(team.environments.values_list("service_code", "name"))
    seen = [(str(code), str(name)) for code, name in key.sees] if key else []
    return [_unsaved(team, place) for place in seen if place not in watched]


def add(*, team: Team, places: Iterable[Place], person: User, request: HttpRequest | None = None) -> list[Environment]:
    """Add environments without calling the provider; skip those that are already added.

    A removed environment that is not deleted yet comes back with its data.
    """
    added = []
    with transaction.atomic():
        for place in places:
            environment = put(team, place)
            if environment is not None:
                added.append(environment)
                target = environment.place
                audit.record(EventKind.ENVIRONMENT_ADDED, team=team, actor=person, target=target, request=request)
    return added


def put(team: Team, place: Place) -> Environment | None:
    """Add an environment, or restore a removed one; None if it is already added."""
    code, name = place
    environment, created = Environment.everything.get_or_create(team=team, service_code=code, name=name)
    shown = Environment.everything.filter(pk=environment.pk).removed().update(removed_at=None)
    if not (created or shown):
        return None
    environment.removed_at = None
    return environment


def add_tried(
    *, team: Team, places: Sequence[Place], person: User, request: HttpRequest | None = None
) -> tuple[list[Environment], list[Doubtful]]:
    """Request each environment's list and add those that return one; return the others with their answers."""
    watched = set(team.environments.values_list("service_code", "name"))
    asked = [_unsaved(team, place) for place in dict.fromkeys(places) if place not in watched]
    answers = list(zip(asked, try_environments(team, asked), strict=True))
    good = [(each.service_code, each.name) for each, answer in answers if answer.count is not None]
    doubtful = [Doubtful(each, answer) for each, answer in answers if answer.count is None]
    return add(team=team, places=good, person=person, request=request), doubtful


def _unsaved(team: Team, place: Place) -> Environment:
    return Environment(team=team, service_code=place[0], name=place[1])


def remove(environment: Environment, *, person: User, request: HttpRequest | None = None) -> None:
    """Hide an environment; a running sync cannot write to it any more."""
    with transaction.atomic():
        hidden = Environment.objects.filter(pk=environment.pk).update(removed_at=timezone.now(), lease_until=None)
        if hidden:
            audit.record(
                EventKind.ENVIRONMENT_REMOVED,
                team=environment.team,
                actor=person,
                target=environment.place,
                request=request,
            )
