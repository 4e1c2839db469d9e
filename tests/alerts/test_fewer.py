"""Volumes that lost more than half of their usable snapshots: told once, and never of what nobody lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from dashboard.teams.models import Membership, Team, User
from snapshots.alerts.deliver import deliver
from snapshots.alerts.fewer import announce_fewer
from snapshots.cloudca.records import SnapshotRecord
from snapshots.management.retention import ended_alerts
from snapshots.models import Alert, Channel, Environment, Policy, Volume
from snapshots.policy.exclusions import Exclusion, exclude
from tests.alerts.mail_server import MailServer
from tests.alerts.receiver import Receiver
from tests.alerts.test_mail import parts, said, server
from tests.alerts.test_webhook import BUDGET, document
from tests.views.snapshots.conftest import Fill
from tests.views.volumes.home.steps import disk, volume, volume_id

__all__ = ["server"]

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Listed = Callable[..., None]


@pytest.fixture
def rows(clock: time_machine.Traveller) -> list[SnapshotRecord]:
    return [*disk("db", *(2 + n for n in range(9)), kind="MANUAL"), *disk("web", 1, 2, 3, 4, kind="MANUAL")]


@pytest.fixture
def lists(week: Policy, fill: Fill, rows: list[SnapshotRecord], clock: time_machine.Traveller) -> Listed:
    """The provider lists these, ten minutes later, `times` times; all of them were listed before."""
    fill(rows)

    def lists(*left: SnapshotRecord, times: int = 1, **how: int) -> None:
        for _again in range(times):
            clock.shift(600)
            announce_fewer(fill(left, **how))

    return lists


def told() -> list[list[str]]:
    """The volumes of each such alert, in order."""
    found = Alert.objects.filter(event="fewer").order_by("pk")
    return [[each["volume"]["name"] for each in alert.content["problems"]] for alert in found]


@pytest.mark.both_databases
def test_it_is_told_once_when_two_lists_agree(
    lists: Listed, rows: list[SnapshotRecord], hook: Channel, receiver: Receiver
) -> None:
    left = [*rows[:4], *rows[9:]]
    lists(*left)
    assert told() == []
    lists(*left)
    assert told() == [["db"]]
    lists(*left, times=5)
    assert told() == [["db"]]
    deliver(budget=BUDGET)
    (got,) = map(document, receiver.got)
    assert (got["event"], got["status"], got["count"], got["left_out"]) == ("volumes.fewer", "fewer", 1, 0)
    (one,) = got["problems"]
    assert (one["id"], one["facts"]["usable"], one["facts"]["lost"]) == (None, 4, 5)
    assert str(got["url"]).endswith(f"/{volume_id('db')}/")


def test_a_loss_over_several_lists_counts_and_the_next_days_is_another(
    lists: Listed, rows: list[SnapshotRecord], clock: time_machine.Traveller
) -> None:
    for left in (7, 5, 4, 4, 4):
        lists(*rows[:left], *rows[9:])
    assert told() == [["db"]]
    clock.shift(DAY)
    lists(*rows[:4], *rows[9:], times=3)
    assert told() == [["db"]]
    lists(*rows[:1], *rows[9:], times=2)
    assert told() == [["db"], ["db"]]


def test_a_list_that_is_not_complete_tells_nothing(lists: Listed, rows: list[SnapshotRecord]) -> None:
    lists(*rows[:2], times=5, record_count=len(rows))
    assert told() == []


NOT_LOST: dict[str, Callable[[User], object]] = {
    "deleted": lambda alice: Volume.objects.update(deleted_at=timezone.now()),
    "excluded": lambda alice: exclude(
        Team.objects.get(slug="acme"), [volume("db").pk], Exclusion(timezone.now() + DAY, "moves"), person=alice
    ),
    "environment excluded": lambda alice: Environment.objects.update(excluded_until=timezone.now() + DAY),
    "another key": lambda alice: Environment.objects.update(key_since=timezone.now()),
    "long ago": lambda alice: Volume.objects.update(fewer_at=timezone.now() - 2 * DAY),
}


@pytest.mark.parametrize("why", NOT_LOST)
def test_of_what_nobody_lost_nothing_is_told(
    lists: Listed, rows: list[SnapshotRecord], alice: User, fill: Fill, clock: time_machine.Traveller, why: str
) -> None:
    lists(*rows[:4], *rows[9:])
    clock.shift(600)
    environment = fill([*rows[:4], *rows[9:]])
    assert volume("db").fewer_at is not None
    NOT_LOST[why](alice)
    announce_fewer(Environment.objects.get(pk=environment.pk))
    assert told() == []


def test_without_any_left_it_is_a_problem_instead(lists: Listed, rows: list[SnapshotRecord]) -> None:
    lists(*rows[9:], times=3)
    assert volume("db").usable_count == 0
    assert told() == []


def test_a_volume_that_may_be_deleted_is_waited_for(
    lists: Listed, rows: list[SnapshotRecord], clock: time_machine.Traveller
) -> None:
    Volume.objects.update(from_endpoint=True)
    left = [*rows[:4], *rows[9:]]
    lists(*left, times=3)
    assert told() == []
    # The list of volumes still has it.
    Environment.objects.update(volumes_listed_at=timezone.now())
    announce_fewer(Environment.objects.get())
    assert told() == [["db"]]


def test_volumes_are_told_together_by_mail(
    lists: Listed,
    rows: list[SnapshotRecord],
    alice: User,
    team: Team,
    server: MailServer,
    clock: time_machine.Traveller,
) -> None:
    Channel.objects.create(team=team, type="mail", membership=Membership.objects.get(user=alice))
    # So many at once that more lists must confirm it.
    lists(rows[0], rows[9], times=2)
    assert told() == []
    lists(rows[0], rows[9], times=4)
    assert told() == [["db", "web"]]
    deliver(budget=BUDGET)
    ((_to, message),) = server.got
    plain, html = parts(message)
    assert said(plain) == [word.rstrip(":") for word in html.words]
    assert message["Subject"].strip().startswith("[Acme Platform] Many fewer usable: 2 volumes in prod · compute-on")
    assert any("/t/acme/changes/?environment=" in link for link in html.links)
    assert "11" in plain.split()
    assert not ended_alerts(timezone.now()).exists()
    clock.shift(500 * DAY)
    assert ended_alerts(timezone.now()).count() == 1
