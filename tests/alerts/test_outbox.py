"""What is announced of problems, when, and to which channels: each thing once."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from dashboard.teams.models import Team, User
from snapshots.alerts.outbox import announce, announce_late
from snapshots.alerts.problems import Settled, settle
from snapshots.alerts.tick import Ticker
from snapshots.models import Alert, Channel, Delivery, Environment, Problem
from snapshots.policy.exclusions import Exclusion, exclude
from tests.alerts.conftest import Records
from tests.alerts.steps import alerts, listed, queued
from tests.alerts.test_problems import problem
from tests.views.snapshots.conftest import Fill, fail, refuse
from tests.views.volumes.home.steps import disk, volume

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOUR = timedelta(hours=1)
FIRST = [("began", "No usable snapshot", 1), ("began", "Late", 2), ("began", "Stuck", 1), ("began", "Failing", 1)]


def test_a_confirmed_problem_is_announced_once_with_those_of_its_kind(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    assert alerts() == []
    for _again in range(3):
        listed(fill, records, clock)
    Ticker(announce).tick()
    assert alerts() == FIRST


def test_one_that_ends_before_a_second_list_agrees_is_never_told(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    listed(fill, [*records, *disk("late", 0)], clock)
    listed(fill, [*records, *disk("late", 0)], clock)
    assert Problem.objects.ended().exists()
    assert ("began", "Late", 1) in alerts()
    assert not [alert for alert in alerts() if alert[0] == "ended"]


def test_an_end_is_announced_when_all_have_ended(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    listed(fill, records, clock)
    recovered = [*records, *disk("late", 0)]
    listed(fill, recovered, clock)
    assert alerts() == FIRST
    listed(fill, [*recovered, *disk("mixed", 0)], clock)
    assert alerts() == [*FIRST, ("ended", "Late", 2)]
    assert Alert.objects.get(event="ended").content["ends"] == {"recovered": 2}


def test_an_end_goes_to_those_who_were_told_the_beginning(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, hook: Channel
) -> None:
    listed(fill, records, clock)
    later = Channel.objects.create(team=hook.team, type="webhook", name="later", url=hook.url, sealed=hook.sealed)
    listed(fill, [*records, *disk("none", 0)], clock)
    ended = Delivery.objects.get(alert__event="ended")
    assert (ended.channel, ended.alert and ended.alert.beginning) == (hook, Alert.objects.order_by("pk")[0])
    assert not later.deliveries.exists()


@pytest.mark.both_databases(proof=True)
def test_an_environment_speaks_for_its_volumes(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    clock.shift(600)
    refuse(refuse(fill(records)))
    Ticker(announce).tick()
    assert problem("late").confirmed_at is not None
    assert alerts() == [("began", "Key rejected", 1)]
    listed(fill, records, clock)
    told = alerts()
    assert told[0] == ("began", "Key rejected", 1)
    assert sorted(told[1:]) == sorted([*FIRST, ("ended", "Key rejected", 1)])


@pytest.mark.both_databases(proof=True)
def test_a_silence_is_one_alert(begun: Environment, clock: time_machine.Traveller) -> None:
    fail(begun)
    ticker = Ticker(announce)
    clock.shift(2 * HOUR)
    ticker.tick()
    clock.shift(40 * timedelta(days=1))
    ticker.tick()
    assert alerts() == [("began", "No data", 1)]


@pytest.mark.both_databases(proof=True)
def test_a_silence_that_becomes_a_refusal_is_told_when_it_is_repeated(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    fail(begun)
    ticker, told = Ticker(announce), [("began", "No data", 1)]
    clock.shift(2 * HOUR)
    ticker.tick()
    for refusals in (1, 2, 3):
        refuse(Environment.objects.get())
        ticker.tick()
        announce_late(timezone.now())
        assert alerts() == ([*told, ("began", "Key rejected", 1)] if refusals > 1 else told)
    listed(fill, records, clock)
    assert [each for each in alerts() if each[0] == "ended"] == [("ended", "Key rejected", 1)]


def test_what_is_acknowledged_is_quiet_until_the_time_is_over(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    Problem.objects.exclude(kind=Problem.Kind.NONE).update(acknowledged_until=timezone.now() + HOUR)
    listed(fill, records, clock)
    announce_late(timezone.now())
    assert alerts() == FIRST[:1]
    clock.shift(HOUR)
    announce_late(timezone.now())
    announce_late(timezone.now())
    assert alerts() == FIRST


@pytest.mark.both_databases(proof=True)
def test_an_acknowledgement_that_is_over_is_told_once_more(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    listed(fill, records, clock)
    late, now = Problem.objects.filter(kind=Problem.Kind.LATE), timezone.now()
    late.update(acknowledged_at=now, acknowledged_kind=Problem.Kind.LATE, acknowledged_until=now + HOUR)
    listed(fill, records, clock)
    announce_late(timezone.now())
    assert alerts() == FIRST
    clock.move_to(now + HOUR)
    for _again in range(2):
        announce_late(timezone.now())
        listed(fill, records, clock)
    assert alerts() == [*FIRST, ("began", "Late", 2)]
    assert Alert.objects.latest("pk").content["was_acknowledged"] is True
    for _again in range(2):
        listed(fill, [*records, *(disk("late", 0) + disk("mixed", 0) + disk("mixed", 0, kind="HOURLY"))], clock)
    assert alerts() == [*FIRST, ("began", "Late", 2), ("ended", "Late", 2)]


@pytest.mark.both_databases(proof=True)
def test_an_acknowledged_one_that_loses_its_last_usable_snapshot_speaks(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    listed(fill, records, clock)
    Problem.objects.update(acknowledged_until=timezone.now() + 9 * HOUR)
    without = [each for each in records if each.volume != "late"]
    for _again in range(3):
        listed(fill, [*without, *disk("late", 96, state="Error")], clock)
    assert (problem("late").code, alerts()) == ("none", [*FIRST, ("began", "No usable snapshot", 1)])
    # Of the first alert the other one is left, and its end is that one's.
    assert Alert.objects.get(kind=Problem.Kind.LATE).announced.count() == 1


@pytest.mark.both_databases(proof=True)
def test_an_exclusion_ends_it(
    begun: Environment, team: Team, alice: User, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    listed(fill, records, clock)
    exclude(team, [volume("none").pk], Exclusion(timezone.now() + HOUR, "moves"), person=alice)
    Ticker(announce).tick()
    assert alerts()[-1] == ("ended", "No usable snapshot", 1)
    assert Alert.objects.get(event="ended").content["ends"] == {"excluded": 1}


@pytest.mark.both_databases(proof=True)
def test_nothing_is_announced_of_what_is_not_a_problem(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller
) -> None:
    listed(fill, records, clock)
    named = {each["volume"]["name"] for alert in Alert.objects.all() for each in alert.content["problems"]}
    assert named == {"none", "late", "stuck", "failing", "mixed"}


def test_a_channel_is_told_a_thing_once(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, hook: Channel
) -> None:
    listed(fill, records, clock)
    assert len(set(queued())) == len(queued()) == len(FIRST)
    key, now = queued()[0], timezone.now()
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        Delivery.objects.create(channel=hook, key=key, made_at=now, due_at=now)


def test_it_is_written_with_the_problems_or_not_at_all(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, hook: Channel
) -> None:
    def broken(environment: Environment, settled: Settled, now: datetime) -> None:
        announce(environment, settled, now)
        raise ValueError("broken")

    clock.shift(600)
    fill(records)
    with pytest.raises(ValueError, match="broken"):
        settle(Environment.objects.get(), announce=broken)
    assert (alerts(), queued(), problem("late").confirmed_at) == ([], [], None)


def test_a_paused_channel_is_sent_nothing(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, hook: Channel
) -> None:
    Channel.objects.update(paused_at=timezone.now())
    listed(fill, records, clock)
    assert (alerts(), queued()) == (FIRST, [])
