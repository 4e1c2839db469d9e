"""The one module of limits: counted for all processes, forgotten by time alone."""

import gc

import pytest
import time_machine
from django.apps import apps
from django.core.cache import caches
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard import limits
from dashboard.limits import Slots, allow, clear, wait_of
from dashboard.teams.models import LimitCount, User
from dashboard.teams.models.limits import empty_with_flush
from tests.views.snapshots.conftest import clock

__all__ = ["clock"]
LOGIN = "/accounts/login/"
pytestmark = pytest.mark.django_db


@pytest.mark.both_databases
def test_so_many_and_no_more() -> None:
    assert [bool(allow("try:a", 3, 60)) for _ in range(5)] == [True] * 3 + [False] * 2
    assert allow("try:b", 3, 60).left == 2
    assert wait_of("try:a", 3, 60) in range(1, 61)
    assert wait_of("try:b", 3, 60) == 0


@pytest.mark.both_databases
def test_a_use_is_free_again_when_its_time_is_over(clock: time_machine.Traveller) -> None:
    for _ in range(2):
        allow("try:a", 2, 60)
        clock.shift(40)
    assert allow("try:a", 2, 60)
    refused = allow("try:a", 2, 60)
    assert (refused.allowed, refused.left, refused.wait) == (False, 0, 20)


@pytest.mark.both_databases
def test_a_use_that_is_given_back_does_not_count() -> None:
    allow("try:a", 2, 60)
    for _ in range(5):
        allow("try:a", 2, 60).give_back()
    assert allow("try:a", 2, 60)
    refused = allow("try:a", 2, 60)
    refused.give_back()
    assert not allow("try:a", 2, 60)
    clear("try:a")
    assert allow("try:a", 2, 60)


@pytest.mark.proof
@pytest.mark.both_databases(proof=True)
def test_a_flood_of_other_keys_and_of_the_cache_pushes_no_limit_out(client: Client, alice: User) -> None:
    for number in range(5):
        client.post(LOGIN, {"login": alice.email, "password": f"wrong-{number}"}, REMOTE_ADDR=f"192.0.2.{number}")
    for name in caches:
        caches[name].clear()
    for number in range(200):
        allow(f"flood:{number}", 1, 60)
    again = client.post(LOGIN, {"login": alice.email, "password": "wrong"}, REMOTE_ADDR="192.0.2.9")
    assert again.status_code == 429


@pytest.mark.both_databases
def test_a_flood_leaves_no_more_rows_than_it_makes_within_the_time(clock: time_machine.Traveller) -> None:
    for minute in range(10):
        for number in range(20):
            allow(f"flood:{minute}:{number}", 1, 60)
        clock.shift(61)
    assert LimitCount.objects.count() <= 40


@pytest.mark.both_databases
def test_what_is_refused_writes_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    allow("try:a", 1, 60)
    with django_assert_num_queries(1):
        assert not allow("try:a", 1, 60)


@pytest.mark.both_databases
def test_no_key_can_be_read_in_the_table(alice: User, client: Client) -> None:
    client.post(LOGIN, {"login": alice.email, "password": "wrong"}, REMOTE_ADDR="192.0.2.1")
    kept = str(list(LimitCount.objects.values()))
    assert "sign-in" in kept
    assert not [part for part in ("alice", "192.0.2") if part in kept]


@pytest.mark.both_databases
def test_a_clock_that_was_far_ahead_holds_nobody_up(clock: time_machine.Traveller) -> None:
    clock.shift(86_400)
    assert allow("try:a", 1, 60)
    clock.shift(-86_400)
    assert allow("try:a", 1, 60)
    assert not allow("try:a", 1, 60)


@pytest.mark.both_databases
def test_uses_that_are_written_together_are_all_counted(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(0):
        uses = [allow("many:a", 40, 60, at_once=20) for _ in range(19)]
    uses += [allow("many:a", 40, 60, at_once=20) for _ in range(22)]
    assert [use.allowed for use in uses] == [True] * 40 + [False]
    assert [use.left for use in uses] == [*range(39, -1, -1), 0]


@pytest.mark.both_databases
def test_a_flood_of_keys_does_not_forget_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_AHEAD", 3)
    for _ in range(40):
        allow("many:a", 40, 60, at_once=20)
    for number in range(9):
        allow(f"many:{number}", 40, 60, at_once=20)
    assert [bool(allow("many:a", 40, 60, at_once=20)) for _ in range(20)] == [True] * 19 + [False]


@pytest.mark.both_databases
def test_load_limits_let_pass_while_the_database_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: object, **kwargs: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(limits, "_count", busy)
    assert all(allow("many:a", 40, 60, at_once=20) for _ in range(40))
    with pytest.raises(OperationalError):
        allow("try:a", 1, 60)


@pytest.mark.both_databases
def test_slots_are_for_so_many_at_once() -> None:
    slots = Slots(3, most_each=2)
    assert [slots.take(owner) for owner in "aaabb"] == [True, True, False, True, False]
    slots.give_back("a")
    assert slots.take("b")
    assert slots.taken() == {"a": 1, "b": 2}


@pytest.mark.both_databases
def test_a_place_may_come_back_while_its_thread_holds_the_lock() -> None:
    slots = Slots(1)
    slots.take("a")
    with slots._lock:
        slots.give_back("a")
        gc.collect()
    assert slots.take("b")


@pytest.mark.both_databases
def test_a_flush_empties_the_table_and_a_migration_does_not() -> None:
    allow("try:a", 1, 60)
    teams = apps.get_app_config("teams")
    empty_with_flush(sender=teams, using="default", plan=[])
    assert LimitCount.objects.count() == 1
    empty_with_flush(sender=teams, using="default")
    assert not LimitCount.objects.exists()
