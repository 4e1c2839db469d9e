"""What a schedule takes away for each new one is rotated; what anybody else takes away is never hidden as that."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from snapshots.cloudca.records import SnapshotRecord
from snapshots.sync.rotation import Peer, rotated
from tests.proof import first
from tests.views.changes.conftest import MINUTE, told
from tests.views.snapshots.conftest import NOW, Fill, taken

Days = Callable[..., None]
pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 11, 24, tzinfo=UTC)


def daily(*numbers: int, **fields: str) -> list[SnapshotRecord]:
    """Snapshots taken on these days of the schedule, ten minutes before noon; 0 is today's."""
    return [taken(100 + number, NOW + number * DAY - timedelta(minutes=10), **fields) for number in numbers]


@pytest.fixture
def days(fill: Fill, clock: time_machine.Traveller) -> Days:
    """Let each list stand for a day: it comes a minute after noon and again a minute later."""

    def days(*records: list[SnapshotRecord]) -> None:
        for day, each in enumerate(records):
            clock.move_to(NOW + day * DAY)
            for _ in range(2):
                clock.shift(MINUTE)
                fill(each)

    return days


def kinds(**chosen: object) -> Counter[str]:
    return Counter(kind for kind, _ in told(**chosen))


def test_each_day_the_oldest_goes_for_the_new_one(days: Days) -> None:
    days(*(daily(*range(day - 6, day + 1)) for day in range(8)))
    assert kinds() == {"completed": 7, "rotated": 7}
    assert told(kind="rotated") == [("rotated", 100 + number) for number in range(-6, 1)]


@pytest.mark.few(1)
@pytest.mark.parametrize(("minutes", "hours"), first(2, [(0, 7), (59, 7), (7, 7), (55, 7), (59, 30)]))
def test_an_hourly_schedule_rotates_whenever_we_look(
    fill: Fill, clock: time_machine.Traveller, minutes: int, hours: int
) -> None:
    for hour in range(hours):
        clock.move_to(NOW + hour * HOUR + timedelta(minutes=minutes))
        for _ in range(2):
            fill(_hours(hour))
            clock.shift(MINUTE)
    assert kinds() == {"completed": hours - 1, "rotated": hours - 1}


def _hours(hour: int) -> list[SnapshotRecord]:
    return [
        taken(1000 + n, NOW + n * HOUR - timedelta(minutes=1), interval_type="HOURLY")
        for n in range(hour - 4, hour + 1)
    ]


def test_what_went_while_nobody_looked_was_rotated_too(days: Days, clock: time_machine.Traveller, fill: Fill) -> None:
    days(daily(*range(-6, 1)))
    clock.shift(3 * DAY)
    for _ in range(2):
        fill(daily(*range(-3, 4)))
        clock.shift(MINUTE)
    assert kinds() == {"completed": 3, "rotated": 3}


WEEK = list(range(-6, 1))
NEXT = list(range(-5, 2))


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(daily(*range(-5, 1)), {"deleted": 1}, id="the oldest, and nothing new"),
        pytest.param(daily(*WEEK[:3], *WEEK[4:], 1), {"completed": 1, "deleted": 1}, id="one from the middle"),
        pytest.param(daily(*WEEK[:-1], 1), {"completed": 1, "deleted": 1}, id="the newest"),
        pytest.param(daily(0, 1), {"completed": 1, "rotated": 1, "deleted": 5}, id="six for one"),
        pytest.param(daily(1), {"completed": 1, "rotated": 1, "deleted": 6}, id="all but the new one"),
        pytest.param([], {"deleted": 7}, id="all"),
        pytest.param(daily(*NEXT, state="BackedUp"), {"completed": 1, "rotated": 1}, id="as a schedule does"),
    ],
)
def test_no_more_are_rotated_than_came_new(days: Days, after: list[SnapshotRecord], expected: dict[str, int]) -> None:
    keep = [taken(number, NOW - 9 * DAY, volume_id="") for number in range(1, 30)]
    days([*daily(*WEEK), *keep], [*after, *keep])
    assert kinds() == expected


@pytest.mark.few(2)
@pytest.mark.parametrize("interval_type", ["MANUAL", "RECURRING", "TEMPLATE", "", "OFTEN"])
def test_without_a_schedule_nothing_rotates(days: Days, interval_type: str) -> None:
    days(*(daily(*range(day - 6, day + 1), interval_type=interval_type) for day in range(2)))
    assert kinds() == {"completed": 1, "deleted": 1}


def test_a_failed_one_that_is_left_over_hides_no_rotation_and_is_none(days: Days) -> None:
    left_over = daily(-9, state="Error")
    days(*([*daily(*range(day - 6, day + 1)), *left_over] for day in range(3)), daily(*range(-3, 4)))
    assert kinds() == {"completed": 3, "rotated": 3, "deleted": 1}


def test_another_volume_and_another_type_are_no_new_ones(days: Days) -> None:
    other = daily(1, interval_type="HOURLY")
    elsewhere = [taken(500, NOW + DAY - HOUR, volume_id="0b1f8a52-52a9-4f4e-9d51-3a1f5c6c7a10")]
    days(daily(*WEEK), [*daily(*WEEK[1:]), *other, *elsewhere])
    assert kinds(kind__in=["rotated", "deleted"]) == {"deleted": 1}


def test_several_types_in_one_field_rotate_together(days: Days) -> None:
    days(*(daily(*range(day - 6, day + 1), interval_type="DAILY,WEEKLY") for day in range(4)))
    assert kinds() == {"completed": 3, "rotated": 3}


@pytest.mark.few(2)
@pytest.mark.parametrize("hours", [1, 11, 13, 20, 23])
def test_a_run_that_takes_long_takes_the_oldest_with_its_end(
    fill: Fill, clock: time_machine.Traveller, hours: int
) -> None:
    for day in range(3):
        before, being_made = daily(*range(day - 4, day)), daily(day, state="BackingUp")
        clock.move_to(NOW + day * DAY)
        fill([*before, *being_made])
        clock.shift(hours * HOUR)
        for _ in range(2):
            fill(daily(*range(day - 3, day + 1)))
            clock.shift(MINUTE)
    assert kinds() == {"completed": 3, "rotated": 3}


@pytest.mark.few(1)
@pytest.mark.parametrize("hours", [0, 6, 16])
def test_the_oldest_may_go_some_time_after_the_new_one_came(
    fill: Fill, clock: time_machine.Traveller, hours: int
) -> None:
    for day in range(3):
        clock.move_to(NOW + day * DAY)
        fill(daily(*range(day - 5, day + 1)))
        clock.shift(hours * HOUR)
        for _ in range(2):
            clock.shift(MINUTE)
            fill(daily(*range(day - 4, day + 1)))
    assert kinds() == {"completed": 2, "rotated": 2, "deleted": 1}  # nothing was new on the first day


def test_the_oldest_that_goes_long_after_the_last_new_one_was_deleted(
    fill: Fill, clock: time_machine.Traveller
) -> None:
    fill(daily(*WEEK))
    clock.shift(DAY)
    for kept in (WEEK, NEXT, NEXT):
        fill(daily(*kept, 1))
        clock.shift(20 * HOUR)
    assert kinds() == {"completed": 1, "deleted": 1}


def test_what_is_confirmed_days_later_was_rotated_then(fill: Fill, clock: time_machine.Traveller) -> None:
    fill(daily(*WEEK))
    clock.shift(DAY)
    fill(daily(*NEXT))
    clock.shift(3 * DAY)
    fill(daily(*NEXT))
    assert kinds() == {"completed": 1, "rotated": 1}


def peer(pk: int, *, seen: int = -99, gone: int | None = None, listed: bool = True) -> Peer:
    """The `pk`-th snapshot, complete as first seen, and missing this many hours after the start."""
    missing = None if gone is None else START + gone * HOUR
    return Peer(pk, "v", START + pk * HOUR, START + seen * HOUR, "BackedUp", START + seen * HOUR, listed, missing)


OLD, NEXT_OLD, NEW = peer(1, gone=10), peer(2, gone=10), peer(9, seen=9)
CASES = {
    "for the new one": ([OLD, peer(2), NEW], {1}),
    "the new one was for an earlier loss": ([OLD, peer(2), NEW, peer(0, gone=6, listed=False)], set()),
    "the earlier loss was for an earlier one": ([OLD, peer(2), NEW, peer(0, gone=4, listed=False)], {1}),
    "two for two": ([OLD, NEXT_OLD, NEW, peer(8, seen=9)], {1, 2}),
    "two for one": ([OLD, NEXT_OLD, NEW], {1}),
    "nothing new": ([OLD, peer(2)], set()),
    "new long ago": ([OLD, peer(2), peer(9, seen=4)], set()),
    "new after it went": ([OLD, peer(2), peer(9, seen=11)], set()),
    "there when we began": ([OLD, peer(2), peer(9, seen=6)], set()),
    "nothing stays": ([OLD, peer(9, seen=9, gone=10)], set()),
    "who stays is uncertain": ([OLD, peer(5, seen=9, gone=11), peer(9, seen=9, gone=11)], set()),
    "an older one stays": ([peer(0), OLD, NEW], set()),
    "in any order": ([NEW, peer(2), OLD], {1}),
}


@pytest.mark.parametrize("case", CASES)
def test_of_one_volume_and_type(case: str) -> None:
    peers, expected = CASES[case]
    leaving = {one.pk for one in peers if one.missing_since == START + 10 * HOUR and one.listed}
    assert rotated(peers, leaving, window=5 * HOUR, began=START + 6 * HOUR) == expected
