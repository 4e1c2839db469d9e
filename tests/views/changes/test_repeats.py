"""Failures that repeat themselves: one line counts them, and each can still be seen."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Change
from tests.views.changes.conftest import CHANGES, Lists
from tests.views.changes.test_page import ask, assert_choices_find, badges, lines, titles
from tests.views.snapshots.conftest import NOW, OTHER_VOLUME, PATH, VOLUME, snapshot_id, taken

pytestmark = pytest.mark.django_db
MINUTES = timedelta(minutes=1)
GOOD = [taken(90, NOW - timedelta(hours=22))]
List = Sequence[SnapshotRecord]


def tries(first: int, count: int, end: str = "Error", **fields: str) -> list[List]:
    """Lists of a minute each: a try is made, fails or not, and is gone; the next begins after two minutes more."""
    found: list[List] = []
    for number in range(first, first + count):
        began = NOW + 5 * number * MINUTES
        states = ["Creating", end] if end else ["Creating"]
        found += [[*GOOD, taken(number, began, state=state, **fields)] for state in states]
        found += [GOOD] * (5 - len(states))
    return found


def shown() -> list[tuple[str, int | None]]:
    """The lines of the page, oldest first, but that of the beginning."""
    rows = Change.objects.as_lines().exclude(kind="began").order_by("at", "pk")
    return list(rows.values_list("kind", "number"))


@pytest.mark.parametrize(("end", "kind", "removed"), [("Error", "failed", 5), ("", "vanished", 0)])
def test_many_failures_of_a_volume_are_one_line(
    alice_client: Client, lists: Lists, end: str, kind: str, removed: int
) -> None:
    lists(GOOD, *tries(1, 5, end))
    line = Change.objects.as_lines().exclude(kind="began").get()
    assert (line.kind, line.number, line.volume_id) == (kind, 5, VOLUME)
    page = alice_client.get(CHANGES)
    (shown_line,) = [each for each in lines(page) if kind[:4] in each.one("span", css="badge").text.lower()]
    opened = alice_client.get(shown_line.all("a")[0].attributes["href"])
    assert len(lines(opened)) == 5 + removed
    assert Change.objects.one_by_one().filter(kind=kind).count() == 5


def test_the_line_tells_how_many_and_since_when(
    alice_client: Client, lists: Lists, clock: time_machine.Traveller
) -> None:
    lists(GOOD, *tries(1, 2))
    first = Change.objects.filter(kind="failed", number=None).earliest("at")
    assert titles(alice_client.get(CHANGES))[0] == f"2 times since {first.at:%H:%M} ›"
    lists(*tries(3, 1))
    line = Change.objects.get(number__isnull=False)
    last = Change.objects.filter(kind="failed", number=None).latest("at")
    assert (line.number, line.at, line.since) == (3, last.at, first.at.replace(microsecond=line.at.microsecond))


def test_one_failure_is_a_line_as_before(lists: Lists) -> None:
    lists(GOOD, *tries(1, 1))
    assert shown() == [("failed", None), ("deleted", None)]


def test_a_success_ends_the_line(lists: Lists) -> None:
    done = taken(50, NOW + 11 * MINUTES)
    later = [[*each, done] for each in tries(4, 2)]
    lists(GOOD, *tries(1, 2), [*GOOD, done], *later)
    assert shown() == [("failed", 2), ("completed", None), ("failed", 2)]


def test_what_is_removed_after_the_success_stands_with_its_failure(lists: Lists) -> None:
    failed = [taken(number, NOW + number * MINUTES, state="Error") for number in (1, 2, 3)]
    done = taken(50, NOW + 11 * MINUTES)
    lists(GOOD, *([*GOOD, *failed[:count]] for count in (1, 2, 3)), [*GOOD, *failed, done], *[[*GOOD, done]] * 3)
    assert shown() == [("failed", 3), ("completed", None)]
    line = Change.objects.get(number__isnull=False)
    assert list(Change.objects.under(line).order_by("pk").values_list("kind", flat=True)) == [
        *["failed"] * 3,
        *["deleted"] * 3,
    ]


@pytest.mark.both_databases
def test_a_kind_that_is_folded_under_another_one_is_found(alice_client: Client, lists: Lists) -> None:
    lists(GOOD, *tries(1, 1, ""), *tries(2, 2))
    assert shown()[0] == ("failed", 3)
    assert badges(ask(alice_client, kind="vanished")) == ["✕ Vanished"]
    assert badges(ask(alice_client, kind="deleted", volume_id=VOLUME)) == ["– Deleted"] * 2
    assert badges(ask(alice_client, kind=["vanished", "failed"])) == ["✕ Failed"]
    for query in ("", "kind=vanished", "kind=failed&kind=deleted", f"volume_id={VOLUME}&kind=deleted"):
        assert_choices_find(alice_client, query)


def test_each_due_run_has_a_line_of_its_own(lists: Lists, clock: time_machine.Traveller) -> None:
    lists(GOOD)
    for day in (1, 2, 3):
        clock.move_to(NOW + timedelta(days=day))
        failed = [taken(10 * day + number, NOW + timedelta(days=day), state="Error") for number in range(2)]
        lists([*GOOD, failed[0]], [*GOOD, *failed])
    assert [line for line in shown() if line[0] == "failed"] == [("failed", 2)] * 3


def test_volumes_are_counted_apart(lists: Lists) -> None:
    mixed = [
        [*one, *(record for record in other if record.volume_id == OTHER_VOLUME)]
        for one, other in zip(tries(1, 3), tries(11, 3, volume_id=OTHER_VOLUME), strict=True)
    ]
    lists(GOOD, *mixed)
    assert shown() == [("failed", 3), ("failed", 3)]


def test_many_volumes_that_fail_together_again_and_again(lists: Lists) -> None:
    def failed(first: int) -> list[SnapshotRecord]:
        return [taken(first + n, NOW, state="Error", volume_id=snapshot_id(500 + n)) for n in range(25)]

    lists(GOOD, *([*GOOD, *failed(first)] for first in (100, 200, 300)))
    assert shown()[:1] == [("failed", 25)]
    assert [number for kind, number in shown()[1:] if kind == "failed" and number] == [2] * 25


def test_a_volumes_own_changes_have_the_line_too(alice_client: Client, lists: Lists) -> None:
    lists(GOOD, *tries(1, 12))
    assert badges(ask(alice_client, volume_id=VOLUME)) == ["✕ Failed"]
    assert len(lines(ask(alice_client, q="web-01"))) == 24
    page = alice_client.get(f"/t/acme/volumes/{PATH}/{VOLUME}/").content.decode()
    line = Change.objects.get(number__isnull=False)
    assert f"line={line.pk}" in page


@pytest.mark.both_databases
def test_failures_while_our_clock_is_set_back(lists: Lists, clock: time_machine.Traveller) -> None:
    """The earlier failures lie in the future then; the line lasts no time, and the list is stored."""
    numbers = (1, 2, 3)
    for failed in range(4):
        lists([*GOOD, *(taken(each, NOW, state="Error" if each <= failed else "Creating") for each in numbers)])
        clock.shift(timedelta(hours=-1))
    assert shown() == [("failed", 3)]
    assert Change.objects.as_lines().exclude(kind="began").get().seconds == 0
