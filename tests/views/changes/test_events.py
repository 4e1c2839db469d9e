"""What a list tells: each thing once, with its kind, and nothing of what was there when we began to look."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Change, Environment, Snapshot
from snapshots.sync import events, write_plan
from snapshots.sync.store_snapshots import store_rows
from tests.views.changes.conftest import MINUTE, Lists, only, told
from tests.views.snapshots.conftest import (
    NOW,
    OTHER_PATH,
    OTHER_VOLUME,
    VOLUME,
    Fill,
    claimed,
    fail,
    record,
    refuse,
    taken,
)

pytestmark = pytest.mark.django_db
ALWAYS = [taken(number, NOW - timedelta(days=number)) for number in (90, 91)]
MAKING = ["Allocated", "Creating", "CreatedOnPrimary", "BackingUp"]


def one(*states: str) -> list[Sequence[SnapshotRecord]]:
    """Lists in which snapshot 1 is in one state after another; "" leaves it out."""
    return [[*([taken(1, NOW, state=state)] if state else []), *ALWAYS] for state in states]


def test_the_first_complete_list_is_told_as_the_beginning(lists: Lists) -> None:
    environment = lists(ALWAYS)
    began = Change.objects.get()
    assert (began.kind, began.after, began.environment, began.snapshot) == ("began", "2", environment, None)
    assert began.at == environment.first_listed_at


def test_each_environment_begins_for_itself_even_an_empty_one(fill: Fill) -> None:
    fill(ALWAYS)
    fill([], path=OTHER_PATH)
    began = Change.objects.values_list("kind", "after", "environment__service_code").order_by("pk")
    assert list(began) == [("began", "2", "compute-on"), ("began", "0", "compute-qc")]


def test_nothing_before_the_first_complete_list_is_a_change(environment: Environment, fill: Fill) -> None:
    refuse(environment)
    fill([taken(1, NOW, state="Creating")], record_count=9)
    fill([taken(1, NOW), *ALWAYS], record_count=9)
    assert not Change.objects.exists()
    fill(ALWAYS)
    assert [change.kind for change in Change.objects.all()] == ["began"]


def test_an_equal_list_tells_nothing(lists: Lists) -> None:
    lists(*[ALWAYS] * 4)
    assert told() == []


@pytest.mark.few(8)
@pytest.mark.parametrize(
    ("states", "kinds"),
    [
        (["", "BackedUp"], ["completed"]),
        (["", "Error"], ["failed"]),
        (["", "Creating"], []),
        (["", *MAKING, "BackedUp"], ["completed"]),
        (["", *MAKING, "Error"], ["failed"]),
        (["Creating", "BackedUp"], ["completed"]),
        (["Creating", "Error", "Error"], ["failed"]),
        (["BackedUp", "Copying", "BackedUp", "BackingUp", "BackedUp"], []),
        (["", "Copying", "BackedUp"], ["completed"]),
        (["BackedUp", "Destroying", "BackedUp"], []),
        (["BackedUp", "Error"], ["failed"]),
        (["", "Creating", "Creating", "", "", "Creating"], ["vanished", "returned"]),
        (["Allocated", "", "", ""], ["vanished"]),
        (["", "BackedUp", "BackingUp", "", ""], ["completed", "deleted"]),
        (["Error", "", ""], ["deleted"]),
        (["BackedUp", "Destroying", "", ""], ["deleted"]),
        (["BackedUp", "", "BackedUp"], []),
        (["BackedUp", "", "", "", "BackedUp"], ["deleted", "returned"]),
        (["Frozen", "Melting", "", ""], ["deleted"]),
        (["", "Frozen", "BackedUp"], ["completed"]),
    ],
)
def test_what_states_one_after_another_tell(lists: Lists, states: list[str], kinds: list[str]) -> None:
    lists(*one(*states))
    assert told() == [(kind, 1) for kind in kinds]


def test_a_change_says_when_where_and_of_what(lists: Lists) -> None:
    environment = lists(*one("", "Creating", "BackedUp"))
    change = only()
    assert (change.at, change.environment, change.volume_id) == (NOW + timedelta(minutes=2), environment, VOLUME)
    assert (change.before, change.after, change.team) == ("Creating", "BackedUp", environment.team)


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("states", "apart", "seconds"),
    [
        (["", "Creating", "BackedUp"], MINUTE, 90),  # between one minute after its begin and two
        (["", *["BackingUp"] * 13, "BackedUp"], MINUTE, 13.5 * MINUTE),
        (["", "BackingUp", "BackedUp"], 6 * MINUTE, None),  # between 6 and 12 minutes: no length
        (["", *["BackingUp"] * 9, "BackedUp"], 6 * MINUTE, 57 * MINUTE),
        (["", "BackedUp"], MINUTE, None),
        (["", *["BackingUp"] * 13, "Error"], MINUTE, 13.5 * MINUTE),
    ],
)
def test_how_long_it_took_is_told_where_it_was_watched(
    lists: Lists, states: list[str], apart: int, seconds: float | None
) -> None:
    lists(*one(*states), apart=apart)
    assert only().seconds == seconds


def test_what_was_there_half_made_took_no_known_time(lists: Lists) -> None:
    unnamed = [taken(1, NOW, name="by hand", state=state) for state in ("Creating", "BackedUp")]
    lists(*([each] for each in unnamed))
    assert (only().kind, only().seconds) == ("completed", None)


def test_a_new_name_is_told_with_the_one_before(lists: Lists) -> None:
    lists([taken(1, NOW, name="before")], [taken(1, NOW, name="after")])
    assert (only().kind, only().before, only().after) == ("renamed", "before", "after")


def test_a_failed_one_fails_once_whatever_else_it_changes(lists: Lists) -> None:
    lists([taken(1, NOW, name="a", state="Error")], [taken(1, NOW, name="b", state="Error")])
    assert told() == [("renamed", 1)]


def of_volume(name: str, *numbers: int, **fields: str) -> list[SnapshotRecord]:
    return [record(number, name=f"n{number}", volume=name, **fields) for number in numbers]


def test_a_renamed_volume_is_told_once_however_many_snapshots_it_has(lists: Lists) -> None:
    other = of_volume("db", 7, 8, volume_id=OTHER_VOLUME)
    lists([*of_volume("old", 1, 2, 3), *other], [*of_volume("new", 1, 2, 3), *other])
    assert told() == [("volume_renamed", VOLUME)]
    assert (only().before, only().after) == ("old", "new")


def test_a_volume_renamed_to_and_fro_is_told_each_time(lists: Lists) -> None:
    lists(*(of_volume(name, 1, 2) for name in ("a", "b", "b", "a", "b")))
    assert [change.after for change in Change.objects.filter(kind="volume_renamed").order_by("pk")] == ["b", "a", "b"]


@pytest.mark.parametrize("number", [1, 3], ids=["the newest first", "the oldest first"])
def test_a_new_volume_name_met_on_one_snapshot_is_not_told_again(lists: Lists, number: int) -> None:
    environment = lists(of_volume("old", 1, 2, 3))
    store_rows(claimed(environment), of_volume("new", number), received_at=timezone.now())
    lists(of_volume("new", 1, 2, 3))
    assert told() == [("volume_renamed", VOLUME)]


def test_a_name_that_each_snapshot_keeps_is_no_new_name(lists: Lists) -> None:
    lists(of_volume("old", 2, 3), [*of_volume("new", 1), *of_volume("old", 2, 3)])
    assert told() == [("completed", 1)]


def test_a_refusal_and_its_end_are_told_once_each(lists: Lists, clock: time_machine.Traveller) -> None:
    environment = lists(ALWAYS)
    for kind in ("refused", "refused", "unavailable", "refused"):
        fail(environment, kind, status=403)
        clock.shift(20 * MINUTE)
    lists(ALWAYS, ALWAYS)
    assert told() == [("refused", ""), ("answering", "")]
    assert (only(kind="answering").before, only(kind="answering").seconds) == ("refused", 80 * MINUTE)


def test_a_refusal_that_ended_may_come_again(lists: Lists) -> None:
    environment = lists(ALWAYS)
    for _ in range(2):
        refuse(environment)
        lists(ALWAYS)
    assert [kind for kind, _ in told()] == ["refused", "answering"] * 2


@pytest.mark.parametrize(("minutes", "kinds"), [(59, []), (60, ["answering"])])
def test_a_silence_is_told_at_its_end_if_it_was_long(
    lists: Lists, clock: time_machine.Traveller, minutes: int, kinds: list[str]
) -> None:
    environment = lists(ALWAYS)
    fail(environment)
    clock.shift(minutes * MINUTE)
    lists(ALWAYS)
    assert [kind for kind, _ in told()] == kinds


def test_an_incomplete_list_tells_what_it_has_and_buries_nothing(lists: Lists, fill: Fill) -> None:
    lists(*one("Creating"))
    for _ in range(3):
        fill([taken(1, NOW)], record_count=9)
    assert told() == [("completed", 1)]


@pytest.mark.both_databases
def test_rows_and_what_is_told_of_them_are_written_together_or_not(
    lists: Lists, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists(*one("Creating"))
    monkeypatch.setattr(write_plan, "recount", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fill(one("BackedUp")[0])
    assert told() == []
    assert Snapshot.objects.get(name=taken(1, NOW).name).state == "Creating"


@pytest.mark.both_databases
@pytest.mark.parametrize("news", [False, True])
def test_very_many_of_a_kind_are_told_like_fewer(
    lists: Lists, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, *, news: bool
) -> None:
    """Prepared before the transaction: renamed ones always, completed ones if no new snapshot may be told with them."""
    numbers = range(1, 31)
    first = [taken(number, NOW - timedelta(minutes=number), state="BackingUp") for number in numbers]
    then = [taken(number, NOW - timedelta(minutes=number), name=f"other-{number}") for number in numbers]
    new = [taken(50, NOW)] if news else []
    asked: list[int] = []
    set_apart = events.set_apart

    def counted(*given: Any) -> object:
        found = set_apart(*given)
        asked.append(len(found[0]))
        return found

    told_of = []
    for most in (10**9, 10):
        monkeypatch.setattr(events, "VERY_MANY", most)
        monkeypatch.setattr(events, "set_apart", counted)
        Environment.objects.all().delete()
        clock.move_to(NOW)
        lists(first, [*new, *then])
        columns = ("kind", "number", "folded", "snapshot__snapshot_id", "before", "after", "volume_id", "at", "seconds")
        told_of.append(sorted(map(str, Change.objects.values_list(*columns))))
        monkeypatch.setattr(events, "set_apart", set_apart)
    assert told_of[0] == told_of[1]
    assert len(told_of[0]) == 1 + 2 * 30 + len(new) + 2
    assert asked[-1] == (31 if news else 62)
