"""That a volume was deleted, where the provider's list of volumes does not tell it: a member says so.

It holds until the provider lists the volume, or a snapshot of it that was taken afterwards appears.
"""

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, User
from snapshots.models import Environment, Volume


def may_be_said(volume: Volume, environment: Environment) -> bool:
    """Whether a member's word counts: the provider does not vouch for the volume."""
    is_vouched_for = volume.listed and volume.missing_since is None and environment.knows_volumes
    return volume.deleted_at is None and not is_vouched_for


def may_be_taken_back(volume: Volume) -> bool:
    """Whether it was a member who said so: what the provider itself does not know any more stays deleted."""
    was_left_out = volume.from_endpoint and volume.missing_since is not None and not volume.listed
    return volume.deleted_at is not None and not was_left_out


def say_deleted(volume: Volume, *, person: User, request: HttpRequest | None = None) -> bool:
    """Mark a volume as deleted. Returns whether that is a change."""
    with transaction.atomic():
        environment, row = _locked(volume)
        if not may_be_said(row, environment):
            return False
        _write(row, environment, is_deleted=True)
        _record(EventKind.VOLUME_DELETED, row, environment, person, request)
    return True


def take_back(volume: Volume, *, person: User, request: HttpRequest | None = None) -> bool:
    """Take back that a volume was deleted. Returns whether a member had said so."""
    with transaction.atomic():
        environment, row = _locked(volume)
        if not may_be_taken_back(row):
            return False
        _write(row, environment, is_deleted=False)
        _record(EventKind.VOLUME_KEPT, row, environment, person, request)
    return True


def _locked(volume: Volume) -> tuple[Environment, Volume]:
    environment = Environment.everything.select_for_update(no_key=True).get(pk=volume.environment_id)
    return environment, Volume.objects.get(pk=volume.pk)


def _write(volume: Volume, environment: Environment, *, is_deleted: bool) -> None:
    Volume.objects.filter(pk=volume.pk).update(deleted_at=timezone.now() if is_deleted else None)
    Environment.everything.filter(pk=environment.pk).raise_generation()


def _record(
    kind: EventKind, volume: Volume, environment: Environment, person: User, request: HttpRequest | None
) -> None:
    target = f"{volume} · {environment.place}"
    audit.record(kind, team=environment.team, actor=person, target=target, request=request)
