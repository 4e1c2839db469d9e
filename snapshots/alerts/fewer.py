"""Announce that more than half of a volume's usable snapshots went within a day: a fact of that day, with no end.

The sync finds it (`Volume.fewer_at`): only from complete lists that agree, and without what rotation takes. It is no
problem of its own, as nothing says what would end it; the problem begins when none is left.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from snapshots.alerts.outbox import enqueue
from snapshots.models import Alert, Channel, Environment, Snapshot, Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.verdicts.inputs import FEWER_WITHIN

MOST_LISTED = 100
# Where a volume is deleted with its snapshots, the list of volumes may show that a little later.
MOST_WAIT = timedelta(hours=1)


class Loss(NamedTuple):
    """What a volume lost within the day: how many, and when the last of them left the list, by our clock."""

    volume: Volume
    lost: int
    at: datetime


def announce_fewer(environment: Environment) -> None:
    """Announce what an environment's newest list shows, each volume at most once a day."""
    if environment.data_at is None or not _untold(environment, environment.data_at).exists():
        return
    with transaction.atomic():
        row = Environment.everything.select_for_update(no_key=True).filter(pk=environment.pk).first()
        if row is None or row.removed_at is not None or row.data_at is None:
            return
        now = timezone.now()
        losses = [_loss(volume, now) for volume in _untold(row, row.data_at).order_by("name", "pk")]
        decided = [loss for loss in losses if not _may_be_deleted(loss, row, now)]
        if told := [loss for loss in decided if _is_told(loss, row, now)]:
            alert = Alert.objects.create(
                team_id=row.team_id,
                environment=row,
                event=Alert.Event.FEWER,
                kind=Alert.NO_KIND,
                at=now,
                content=_content(row, told),
            )
            enqueue(alert, Channel.objects.filter(team=row.team_id).for_alerts().active(), now)
        Volume.objects.filter(pk__in=[loss.volume.pk for loss in decided]).update(fewer_told_at=F("fewer_at"))


def _untold(environment: Environment, data_at: datetime) -> VolumeQuerySet:
    """The volumes that lost many within the last day, of which that was not announced in that time."""
    untold = Q(fewer_told_at__isnull=True) | Q(fewer_told_at__lte=F("fewer_at") - FEWER_WITHIN)
    found: VolumeQuerySet = Volume.objects.filter(untold, environment=environment)
    return found.filter(fewer_at__isnull=False, fewer_at__gt=data_at - FEWER_WITHIN)


def _loss(volume: Volume, now: datetime) -> Loss:
    gone = Snapshot.objects.of_volume(volume.environment, volume.volume_id).no_longer_listed()
    gone = gone.filter(usable_at__isnull=False, missing_since__gt=now - FEWER_WITHIN)
    found = gone.aggregate(number=Count("pk"), last=Max("missing_since"))
    return Loss(volume, found["number"], found["last"] or now)


def _may_be_deleted(loss: Loss, environment: Environment, now: datetime) -> bool:
    """Whether the next list of volumes may show that the volume is deleted with its snapshots."""
    volume, listed_at = loss.volume, environment.volumes_listed_at
    if volume.deleted_at is not None or not volume.from_endpoint or not environment.knows_volumes:
        return False
    is_listed_since = listed_at is not None and listed_at >= loss.at and volume.missing_since is None
    return not is_listed_since and now - loss.at < MOST_WAIT


def _is_told(loss: Loss, environment: Environment, now: datetime) -> bool:
    """Not of a deleted or excluded volume, nor where none is left, nor where another key may see less."""
    volume, first_at, key_since = loss.volume, environment.first_listed_at, environment.key_since
    is_excluded = any(each and each > now for each in (volume.excluded_until, environment.excluded_until))
    is_of_another_key = bool(key_since and first_at and key_since > max(first_at, now - FEWER_WITHIN))
    return bool(volume.usable_count) and volume.deleted_at is None and not is_excluded and not is_of_another_key


def _content(environment: Environment, losses: Sequence[Loss]) -> dict[str, object]:
    """As `content_of` for problems, which these are not: they have no id."""
    at = max(loss.at for loss in losses)
    return {
        "count": len(losses),
        "since": at.isoformat(),
        "has_due": False,
        "began_after": None,
        "began_at": at.isoformat(),
        "ended_at": None,
        "ends": {},
        "usable": sum(loss.volume.usable_count for loss in losses),
        "lost": sum(loss.lost for loss in losses),
        "checked_at": environment.listed_at and environment.listed_at.isoformat(),
        "others": 0,
        "problems": [_volume(loss) for loss in losses[:MOST_LISTED]],
    }


def _volume(loss: Loss) -> dict[str, object]:
    volume = loss.volume
    newest = {name: getattr(volume, name) for name in ("newest_after", "newest_before")}
    facts = {"usable": volume.usable_count, "lost": loss.lost}
    return {
        "id": None,
        "status": Alert.Event.FEWER.value,
        "began_after": None,
        "began_at": loss.at.isoformat(),
        "ended_at": None,
        "end": None,
        "volume": {"id": volume.volume_id, "name": volume.name, "instance": volume.instance_name},
        "facts": facts | {name: at and at.isoformat() for name, at in newest.items()},
    }
