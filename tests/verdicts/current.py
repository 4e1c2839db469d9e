"""A volume's status as its page reads it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from snapshots.models import Environment, Volume
from snapshots.verdicts.sql import DataAges, volumes_of_team, with_status, with_verdicts
from snapshots.verdicts.status import VolumeStatus, status_of


def status_at(now: datetime, volume: Volume, target: timedelta | None) -> VolumeStatus:
    """Read the volume again, with the status that it has at a moment."""
    environment = Environment.objects.get(pk=volume.environment_id)
    found = with_status(Volume.objects.filter(pk=volume.pk), DataAges.of([environment], now)).get()
    return status_of(found, environment, now=now, target=target)


def values_at(now: datetime, environments: Sequence[Environment], *columns: str) -> list[tuple[Any, ...]]:
    """Give columns of all volumes of the environments, among them the `verdict` that each has at a moment."""
    found = with_verdicts(volumes_of_team(environments), DataAges.of(environments, now))
    return list(found.values_list(*columns))
