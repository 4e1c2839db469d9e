"""Delivering: tries, quiet hours, the rate, pauses; and of two processes one sends."""

from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest
import time_machine
from django.utils import timezone

from dashboard.teams.models import Team
from snapshots.alerts import deliver as delivering
from snapshots.alerts.deliver import LEASE, MOST_AN_HOUR, MOST_TRIES, delay, deliver
from snapshots.alerts.outbox import queue_test
from snapshots.models import Alert, Channel, Delivery, Environment, Problem
from tests.alerts.receiver import Receiver
from tests.alerts.test_webhook import BUDGET, answered, document

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def place(team: Team) -> Environment:
    return Environment.objects.create(team=team, service_code="compute-on", name="prod")


def told(hook: Channel, kind: int = Problem.Kind.LATE, beginning: Alert | None = None) -> Alert:
    """An alert of a problem, with its delivery."""
    place, now = Environment.objects.get(), timezone.now()
    iso = now.isoformat()
    content = {"count": 3, "since": iso, "has_due": False, "began_after": iso, "began_at": iso, "ended_at": iso}
    content |= {"ends": {}, "usable": 0, "checked_at": iso, "others": 0, "problems": []}
    event = "ended" if beginning else "began"
    alert = Alert.objects.create(
        team=place.team, environment=place, event=event, kind=kind, at=now, beginning=beginning, content=content
    )
    Delivery.objects.create(
        channel=hook, key=f"{event}-{alert.pk}", event="alert", alert=alert, made_at=now, due_at=now
    )
    return alert


def refusing(receiver: Receiver) -> None:
    receiver.answer = lambda handler: answered(handler, 503)


@pytest.mark.both_databases(proof=True)
def test_a_failure_is_tried_again_later_and_later(
    place: Environment, hook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    told(hook)
    refusing(receiver)
    began, tries = timezone.now(), 0
    while Delivery.objects.pending().exists():
        deliver(budget=BUDGET)
        assert deliver(budget=BUDGET) == 0  # not before its time
        tries += 1
        clock.move_to(Delivery.objects.get().due_at)
    assert (tries, len(receiver.got), len(set(receiver.ids))) == (MOST_TRIES, MOST_TRIES, 1)
    assert 0.8 * 24 * HOUR < timezone.now() - began < 1.2 * 24 * HOUR
    assert len({got.body for got in receiver.got}) == 1
    assert Delivery.objects.get().outcome == "given_up"


def test_waits_double_up_to_an_hour_and_differ() -> None:
    for tries in range(1, 40):
        usual = min(MINUTE * 2 ** (tries - 1), HOUR)
        assert 0.8 * usual <= delay(tries) <= 1.2 * usual
    assert len({delay(1) for _ in range(20)}) > 10


def test_a_success_after_failures_is_written(
    place: Environment, hook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    told(hook)
    refusing(receiver)
    deliver(budget=BUDGET)
    hook.refresh_from_db()
    assert (hook.failing_since, "503" in hook.failure) == (timezone.now(), True)
    receiver.answer = lambda handler: False
    clock.shift(2 * MINUTE)
    assert deliver(budget=BUDGET) == 1
    hook.refresh_from_db()
    assert (hook.failing_since, hook.failure, hook.last_success_at) == (None, "", timezone.now())


def test_an_end_waits_for_its_beginning(
    place: Environment, hook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    beginning = told(hook)
    refusing(receiver)
    deliver(budget=BUDGET)
    told(hook, beginning=beginning)
    receiver.answer = lambda handler: False
    assert deliver(budget=BUDGET) == 0
    clock.shift(2 * MINUTE)
    assert deliver(budget=BUDGET) == 2
    assert [document(got)["event"] for got in receiver.got[1:]] == ["problems.began", "problems.ended"]


def test_without_its_beginning_an_end_is_not_told(place: Environment, hook: Channel, receiver: Receiver) -> None:
    beginning = told(hook)
    Delivery.objects.update(tries=MOST_TRIES - 1)
    told(hook, beginning=beginning)
    refusing(receiver)
    deliver(budget=BUDGET)
    assert {each.outcome for each in Delivery.objects.all()} == {"given_up"}
    assert len(receiver.got) == 1


def test_quiet_hours_hold_all_but_the_worst(
    place: Environment, hook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    Channel.objects.update(quiet_from=time(22), quiet_until=time(7))
    clock.move_to(datetime(2026, 11, 24, 23, 30, tzinfo=UTC))
    for kind in (Problem.Kind.LATE, Problem.Kind.NONE, Problem.Kind.REFUSED, Problem.Kind.STUCK):
        told(hook, kind)
    deliver(budget=BUDGET)
    assert [document(got)["status"] for got in receiver.got] == ["none"]
    clock.move_to(datetime(2026, 11, 25, 6, 59, 59, tzinfo=UTC))
    assert deliver(budget=BUDGET) == 0
    clock.shift(1)
    deliver(budget=BUDGET)
    assert [document(got)["status"] for got in receiver.got[1:]] == ["late", "refused", "stuck"]


@pytest.mark.parametrize(
    ("begin", "end", "at", "is_quiet"),
    [(22, 7, 23, True), (22, 7, 6, True), (22, 7, 7, False), (22, 7, 21, False), (1, 5, 4, True), (1, 5, 5, False)],
)
def test_the_hours_that_are_quiet(begin: int, end: int, at: int, is_quiet: bool) -> None:
    channel = Channel(quiet_from=time(begin), quiet_until=time(end))
    quiet_end = channel.quiet_end(datetime(2026, 11, 24, at, tzinfo=UTC))
    assert (quiet_end is not None) == is_quiet
    assert quiet_end is None or (quiet_end.hour == end and quiet_end > datetime(2026, 11, 24, at, tzinfo=UTC))


@pytest.mark.both_databases(proof=True)
def test_after_sixty_in_an_hour_one_summary_follows(
    place: Environment, hook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    for _ in range(MOST_AN_HOUR + 15):
        told(hook)
    deliver(budget=BUDGET)
    for _ in range(5):
        told(hook)
        deliver(budget=BUDGET)
    events = [document(got)["event"] for got in receiver.got]
    assert events == ["problems.began"] * MOST_AN_HOUR + ["summary"]
    assert len(document(receiver.got[-1])["alerts"]) == 15
    clock.shift(HOUR)
    deliver(budget=BUDGET)
    assert len(receiver.got) == MOST_AN_HOUR + 1 + 5
    assert not Delivery.objects.pending().exists()


def test_a_channel_that_failed_for_three_days_is_paused(
    place: Environment, hook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    refusing(receiver)
    for day in range(5):
        told(hook)
        deliver(budget=BUDGET)
        hook.refresh_from_db()
        assert (hook.paused_at is not None, hook.is_given_up) == (day >= 3, day >= 3)
        clock.shift(timedelta(days=1))


def test_a_paused_channel_keeps_what_waits(place: Environment, hook: Channel, receiver: Receiver) -> None:
    told(hook)
    Channel.objects.update(paused_at=timezone.now())
    assert deliver(budget=BUDGET) == 0
    Channel.objects.update(paused_at=None)
    assert deliver(budget=BUDGET) == 1


def test_a_test_is_tried_once(hook: Channel, receiver: Receiver, clock: time_machine.Traveller) -> None:
    refusing(receiver)
    queue_test(hook)
    deliver(budget=BUDGET)
    clock.shift(HOUR)
    deliver(budget=BUDGET)
    assert len(receiver.got) == 1


def test_a_held_message_is_sent_by_its_holder_alone(
    place: Environment, hook: Channel, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    told(hook)
    Delivery.objects.update(lease_until=timezone.now() + LEASE, fence=7)
    assert deliver(budget=BUDGET) == 0
    clock.shift(LEASE)
    assert deliver(budget=BUDGET) == 1
    assert Delivery.objects.get().fence == 8


def test_a_late_result_is_not_written(place: Environment, hook: Channel, receiver: Receiver) -> None:
    told(hook)

    def taken_over(handler: BaseHTTPRequestHandler) -> bool:
        taken.set()
        return False

    taken = Event()
    receiver.answer = taken_over
    (held,) = delivering._claim_some(1, set())
    Delivery.objects.update(fence=9)
    assert not delivering._record_success(held)
    delivering._record_failure(held, "late")
    assert (Delivery.objects.get().outcome, Delivery.objects.get().tries) == ("", 0)
    assert Channel.objects.get().failure == ""


def test_a_slow_channel_delays_no_other(place: Environment, hook: Channel, receiver: Receiver, team: Team) -> None:
    other = Channel.objects.create(
        team=team, type="webhook", name="other", url=hook.url.replace("/hook", "/other"), sealed=hook.sealed
    )
    answer, order = Event(), list[str]()

    def first_waits(handler: BaseHTTPRequestHandler) -> bool:
        if handler.path.startswith("/hook"):
            answer.wait(10)
        order.append(handler.path)
        if order.count("/other?team=1") == 3:
            answer.set()
        return False

    receiver.answer = first_waits
    told(hook)
    for _ in range(3):
        told(other)
    assert deliver(budget=BUDGET) == 4
    assert order == ["/other?team=1"] * 3 + ["/hook?team=1"]


def test_a_fault_of_ours_is_a_failed_try(
    place: Environment, hook: Channel, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(delivery: Delivery) -> object:
        raise KeyError("broken")

    monkeypatch.setitem(delivering.SENDERS, "webhook", broken)
    told(hook)
    assert deliver(budget=BUDGET) == 0
    assert (Delivery.objects.get().tries, bool(Channel.objects.get().failure)) == (1, True)


def test_no_try_begins_after_the_budget(place: Environment, hook: Channel, receiver: Receiver) -> None:
    told(hook)
    assert deliver(budget=0) == deliver(budget=BUDGET, is_over=lambda: True) == 0
    assert receiver.connections == 0
