"""A volume's status as its page reads it."""

from datetime import datetime, timedelta

from snapshots.models import Environment, Volume
from snapshots.verdicts.sql import DataAges, with_status
from snapshots.verdicts.status import VolumeStatus, status_of


def status_at(now: datetime, volume: Volume, target: timedelta | None) -> VolumeStatus:
    """Read the volume again, with the status that it has at a moment."""
    environment = Environment.objects.get(pk=volume.environment_id)
    found = with_status(Volume.objects.filter(pk=volume.pk), DataAges.of([environment], now)).get()
    return status_of(found, environment, now=now, target=target)
