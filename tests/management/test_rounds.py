"""Rounds on a beat: steady, quiet when nothing is new, and alive after a busy database."""

from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection

from dashboard.run.stop_signal import Stop
from snapshots.management.rounds import News, beats, round_once
from snapshots.simulator.server import Simulator
from snapshots.sync.leases import Caller
from tests.management.test_sync_lines import PROD, later


class Clock(Stop):
    """A clock that moves when somebody waits; stops after this many waits."""

    def __init__(self, waits: int) -> None:
        self.now, self.left = 1000.0, waits
        self.is_set = False

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += max(0.0, seconds)
        self.left -= 1
        return self.left < 0


def times(rounds: list[float], every: float) -> Iterator[float]:
    """Give when each round begins, if the rounds take so long."""
    clock = Clock(len(rounds))
    for took, _ in zip(rounds, beats(every, clock, clock), strict=True):
        yield clock.now - 1000
        clock.now += took


def test_the_beat_does_not_drift() -> None:
    assert list(times([0.4, 0.3, 9.9, 0.1], 10)) == [0, 10, 20, 30]


def test_a_long_round_leaves_beats_out() -> None:
    assert list(times([25, 0, 10, 0], 10)) == [0, 30, 40, 60]


def rounds(sim: Simulator, count: int, first: float = 0) -> list[list[str]]:
    """Run rounds two minutes apart as one process does, and give what each of them told."""
    news = News(all_of_it=False)
    told: list[list[str]] = []
    for number in range(count):
        told.append([])
        with later(first + 2 * number):
            round_once(None, Caller.COMMAND, told[-1].append, news=news)
    return told


def test_only_what_is_new_is_told(acme: Simulator) -> None:
    first, *rest = rounds(acme, 3)
    assert (len(first), rest) == (2, [[], []])


def test_a_trouble_is_told_when_it_comes_and_when_it_goes(acme: Simulator) -> None:
    acme.fault(environment=PROD, path="/snapshots", status=400, times=1)
    bad, good, quiet = rounds(acme, 3)
    assert "The provider answered with an error." in bad[0]
    assert (len(good), quiet) == (1, [])
    assert "+24 new" in good[0]


def test_waiting_after_a_fault_is_told_once(acme: Simulator) -> None:
    acme.fault(status=503)
    news, told = News(all_of_it=False), list[str]()
    for minutes in (0, 0.5, 0.8):
        with later(minutes):
            round_once(None, Caller.COMMAND, told.append, news=news)
    assert len(told) == 2
    with later(0.9):
        round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=False))
    assert "not asked: back-off until" in told[2]


def test_a_denial_for_another_caller_is_not_told(acme: Simulator) -> None:
    news, told = News(all_of_it=False), list[str]()
    for _ in range(2):
        round_once(None, Caller.COMMAND, told.append, news=news)
    assert len(told) == 2


def test_a_busy_database_is_survived(acme: Simulator) -> None:
    def busy(execute: Callable[..., object], sql: str, *rest: object) -> object:
        raise OperationalError("database is locked")

    told: list[str] = []
    with connection.execute_wrapper(busy):
        assert not round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=True))
    assert told == ["The database could not be used (database is locked)."]
    assert round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=True))


def test_a_database_that_is_busy_amid_a_round_is_survived(acme: Simulator) -> None:
    def busy(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("UPDATE"):
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    told: list[str] = []
    with connection.execute_wrapper(busy):
        assert not round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=True))
    assert told == ["The database could not be used (database is locked)."]


@pytest.mark.few(2)
@pytest.mark.parametrize("fault", [{"reset": True}, {"truncated": True}, {"html": True}, {"status": 500}])
def test_any_fault_of_the_provider_is_survived(acme: Simulator, fault: dict[str, object]) -> None:
    acme.fault(**fault)
    told: list[str] = []
    assert not round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=False))
    acme.clear_faults()
    with later(2):
        assert round_once(None, Caller.COMMAND, told.append, news=News(all_of_it=False))
    assert len(told) == 4
