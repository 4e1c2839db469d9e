"""What is forgotten of volumes: rows that nothing is known of any more, and days long past."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from snapshots.models import Environment, VerdictDay, Volume
from tests.views.snapshots.conftest import NOW, VOLUME, Fill, clock, fill, key, taken

__all__ = ["clock", "fill", "key"]
pytestmark = pytest.mark.django_db
LONG, NOT_SO_LONG = timedelta(days=settings.HISTORY_DAYS, hours=1), timedelta(days=settings.HISTORY_DAYS - 1)


@pytest.fixture
def where(fill: Fill) -> Environment:
    return fill([taken(1, NOW)])


def put(where: Environment, name: str, **fields: object) -> None:
    Volume.objects.create(team=where.team, environment=where, volume_id=name, **fields)


def kept() -> set[str]:
    call_command("prune")
    return set(Volume.objects.values_list("volume_id", flat=True))


def test_a_volume_without_a_snapshot_goes_when_it_was_long_gone(where: Environment) -> None:
    now = timezone.now()
    put(where, "gone", deleted_at=now - LONG, listed=False)
    put(where, "forgotten", judged_at=now - LONG)
    put(where, "gone-of-late", deleted_at=now - NOT_SO_LONG, judged_at=now - LONG)
    put(where, "judged-of-late", judged_at=now - NOT_SO_LONG)
    put(where, "listed", judged_at=now - LONG, listed=True)
    put(where, "not-yet-judged")
    assert kept() == {"gone-of-late", "judged-of-late", "listed", "not-yet-judged", VOLUME}


def test_a_volume_of_which_a_snapshot_is_known_stays(where: Environment) -> None:
    Volume.objects.update(deleted_at=timezone.now() - LONG, snapshot_count=0)
    assert kept() == {VOLUME}


def test_days_long_past_go(where: Environment) -> None:
    today = timezone.now().date()
    for number in (0, settings.HISTORY_DAYS, settings.HISTORY_DAYS + 1):
        VerdictDay.objects.create(environment=where, day=today - timedelta(days=number), good=1)
    call_command("prune")
    assert VerdictDay.objects.count() == 2
