"""Once a day one of all syncs deletes expired data, between its rounds."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection

from snapshots.management import retention
from snapshots.management.daily import EVERY, LEASE, Housekeeping, claim
from snapshots.models import Chore
from tests.management.test_rounds import Clock

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LONG = 1e9


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE_ROWS", 1)


def expired(count: int) -> None:
    for number in range(count):
        Session.objects.create(session_key=f"{number:032}", session_data="", expire_date=NOW - SECOND)


class House:
    """A process that syncs: its work, what it told, and its own clock, in seconds."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.clock = Clock(10_000)
        self._work = Housekeeping(self.told.append, self.clock, self.clock)

    def work(self, seconds: float = LONG) -> int:
        """Let it work for so long; gives how many rows are left to forget."""
        self._work.until(self.clock.now + seconds)
        return Session.objects.count()


@pytest.mark.both_databases
def test_one_alone_takes_the_work_of_a_day() -> None:
    assert claim(NOW) == NOW + LEASE
    assert (claim(NOW), claim(NOW + LEASE - SECOND)) == (None, None)
    assert claim(NOW + LEASE) == NOW + 2 * LEASE


@pytest.mark.both_databases
def test_who_looked_before_another_took_it_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stale, _made = Chore.objects.get_or_create(name="forgetting", defaults={"due_at": NOW})
    assert claim(NOW)
    monkeypatch.setattr(Chore.objects, "get_or_create", lambda **_: (stale, False))
    assert claim(NOW) is None


@pytest.mark.both_databases
def test_a_clock_that_was_put_back_does_not_stop_it() -> None:
    Chore.objects.create(name="forgetting", due_at=NOW + 30 * EVERY)
    assert claim(NOW)


@pytest.mark.both_databases
def test_it_is_done_once_a_day(clock: time_machine.Traveller) -> None:
    house = House()
    expired(2)
    assert (house.work(), house.told) == (0, ["forgotten: sessions that have expired: 2"])
    expired(2)
    assert (house.work(), House().work()) == (2, 2)
    clock.move_to(NOW + EVERY - SECOND, tick=False)
    assert house.work() == 2
    clock.shift(1)
    assert (House().work(), house.work()) == (0, 0)


@pytest.mark.both_databases
def test_nothing_to_forget_is_not_told() -> None:
    house = House()
    house.work()
    assert house.told == []


@pytest.mark.both_databases
def test_a_round_that_is_due_comes_first() -> None:
    expired(20)
    house = House()
    assert house.work(0.4) == 20
    begun = house.clock.now
    assert house.work(0.7) == 16
    assert 0.2 <= house.clock.now - begun < 0.3
    assert (house.work(), house.told) == (0, ["forgotten: sessions that have expired: 20"])


@pytest.mark.both_databases
def test_it_ends_amid_the_work_when_told_to() -> None:
    expired(20)
    house = House()
    house.clock.left = 5
    assert house.work() == 15


@pytest.mark.both_databases
def test_what_a_dead_process_left_is_taken_up(clock: time_machine.Traveller) -> None:
    expired(20)
    dead, alive = House(), House()
    assert dead.work(0.7) == 16
    assert alive.work() == 16
    clock.shift(LEASE.total_seconds())
    assert (alive.work(), len(alive.told)) == (0, 1)


@pytest.mark.both_databases
def test_who_comes_too_late_leaves_it_to_the_other(clock: time_machine.Traveller) -> None:
    expired(20)
    slow, other = House(), House()
    assert slow.work(0.7) == 16
    clock.shift(LEASE.total_seconds())
    assert other.work(0.7) == 12
    assert slow.work() == 12
    assert (other.work(), slow.told, len(other.told)) == (0, [], 1)


@pytest.mark.both_databases
def test_work_that_goes_on_keeps_what_it_took(clock: time_machine.Traveller) -> None:
    expired(20)
    house, other = House(), House()
    for _ in range(3):
        house.work(0.7)
        clock.shift(LEASE.total_seconds() - 1)
    assert (other.work(), house.work()) == (8, 0)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_busy_database_leaves_it_for_later(clock: time_machine.Traveller) -> None:
    def busy(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("DELETE"):
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    expired(2)
    house = House()
    with connection.execute_wrapper(busy):
        assert house.work() == 2
    assert house.told == ["Not all that is past its time was forgotten (database is locked)."]
    clock.shift(LEASE.total_seconds())
    assert house.work() == 0
