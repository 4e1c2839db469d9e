"""One small row a day and environment: how its volumes stood at the day's worst moment."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from time_machine import Traveller

from snapshots.models import Environment, VerdictDay, Volume
from snapshots.simulator.server import Simulator
from snapshots.verdicts import day_notes
from tests.sync.conftest import clock, environment, key, seen, sim
from tests.sync.steps import refresh, refreshed

__all__ = ["clock", "environment", "key", "seen", "sim"]
pytestmark = pytest.mark.django_db
HOUR, DAY = 3600, 86_400


def kept(environment: Environment) -> dict[str, tuple[int, int, int, int]]:
    rows = VerdictDay.objects.filter(environment=environment).order_by("day")
    return {f"{row.day:%d %b}": (row.none, row.problem, row.unknown, row.good) for row in rows}


def put(environment: Environment, number: int, **since: datetime) -> Volume:
    """A volume with nothing but these moments."""
    fields = {f"{name}_from": moment for name, moment in since.items()}
    doubt = min((moment for name, moment in since.items() if name not in ("new", "running")), default=None)
    return Volume.objects.create(
        team=environment.team, environment=environment, volume_id=str(number), doubt_from=doubt, **fields
    )


@pytest.fixture
def bare(environment: Environment) -> Environment:
    """An environment listed now, without a volume."""
    environment.listed_at = environment.data_at = timezone.now()
    environment.save()
    return environment


def test_each_verdict_has_its_place(bare: Environment) -> None:
    now = timezone.now()
    for number, name in enumerate(["none", "late", "stuck", "failing", "unknown", "new", "running"]):
        put(bare, number, **{name: now})
    put(bare, 7, late=now + timedelta(hours=1))
    day_notes.note(bare)
    assert kept(bare) == {"24 Nov": (1, 3, 1, 3)}


def test_what_is_excluded_and_what_is_gone_is_not_counted(bare: Environment) -> None:
    now = timezone.now()
    excluded, gone = put(bare, 1, late=now), put(bare, 2, none=now)
    Volume.objects.filter(pk=excluded.pk).update(excluded_until=now + timedelta(days=1))
    Volume.objects.filter(pk=gone.pk).update(deleted_at=now)
    put(bare, 3)
    day_notes.note(bare)
    assert kept(bare) == {"24 Nov": (0, 0, 0, 1)}


def stand(environment: Environment, moment: datetime) -> None:
    Environment.objects.filter(pk=environment.pk).update(listed_at=moment, data_at=moment)
    environment.refresh_from_db()
    day_notes.note(environment)


def test_the_worst_of_the_day_stays_and_the_next_begins_anew(bare: Environment) -> None:
    now = timezone.now()
    volume = put(bare, 1, late=now)
    day_notes.note(bare)
    Volume.objects.filter(pk=volume.pk).update(late_from=None, doubt_from=None)
    stand(bare, now + timedelta(hours=1))
    assert kept(bare) == {"24 Nov": (0, 1, 0, 0)}
    Volume.objects.filter(pk=volume.pk).update(none_from=now, doubt_from=now)
    stand(bare, now + timedelta(hours=2))
    assert kept(bare) == {"24 Nov": (1, 0, 0, 0)}
    Volume.objects.filter(pk=volume.pk).update(none_from=None, doubt_from=None)
    stand(bare, now + timedelta(days=1))
    assert kept(bare) == {"24 Nov": (1, 0, 0, 0), "25 Nov": (0, 0, 0, 1)}


def test_more_that_cannot_be_told_is_worse_and_what_is_added_counts(bare: Environment) -> None:
    now = timezone.now()
    put(bare, 1)
    day_notes.note(bare)
    put(bare, 2)
    stand(bare, now + timedelta(minutes=1))
    assert kept(bare) == {"24 Nov": (0, 0, 0, 2)}
    put(bare, 3, unknown=now)
    stand(bare, now + timedelta(minutes=2))
    Volume.objects.filter(volume_id="3").delete()
    stand(bare, now + timedelta(minutes=3))
    assert kept(bare) == {"24 Nov": (0, 0, 1, 2)}


def test_every_sync_writes_it_and_a_day_without_a_list_has_none(
    environment: Environment, sim: Simulator, clock: Traveller
) -> None:
    refreshed(environment)
    assert sum(kept(environment)["24 Nov"]) == Volume.objects.count() > 0
    clock.shift(DAY)
    sim.fault(path="/snapshots", status=503)
    refresh(environment)
    sim.clear_faults()
    clock.shift(DAY)
    refreshed(environment)
    assert list(kept(environment)) == ["24 Nov", "26 Nov"]


def test_an_unchanged_list_is_a_moment_too(seen: Environment, clock: Traveller) -> None:
    before = kept(seen)["24 Nov"]
    clock.shift(11 * HOUR)
    assert refreshed(seen).total == 0
    after = kept(seen)["24 Nov"]
    assert sum(after) == sum(before)
    assert (after[0] + after[1]) > (before[0] + before[1])
