"""When a snapshot was taken: a table of names and watches."""

from datetime import UTC, datetime, timedelta

import pytest

from snapshots.rules.taken_time import UNDATED, Sighting, TakenFrom, TakenRange, name_time, retaken, taken_range
from tests.loops import in_turn

SEEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WITHOUT = datetime(2026, 11, 24, 11, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def named(moment: datetime, prefix: str = "web-01_ROOT-35545") -> str:
    return f"{prefix}_{moment:%Y%m%d%H%M%S}"


@in_turn(
    ("name", "time"),
    [
        ("i-douglas-ADM_foo_20161116211009", datetime(2016, 11, 16, 21, 10, 9, tzinfo=UTC)),
        ("detached_DATA-12_20260229000000", None),  # no leap year
        ("detached_DATA-12_20240229235959", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("_20161116211009", datetime(2016, 11, 16, 21, 10, 9, tzinfo=UTC)),
        ("a_b_c_20100101000000", datetime(2010, 1, 1, tzinfo=UTC)),
        ("web_ROOT_20091231235959", None),  # older than any CloudStack
        ("web_ROOT_00010101000000", None),
        ("web_ROOT_20161231235960", None),  # a leap second has no datetime
        ("web_ROOT_20161131000000", None),
        ("web_ROOT_20161301000000", None),
        ("web_ROOT_20160001000000", None),
        ("web_ROOT_20161116241009", None),
        ("web_ROOT_20161116216009", None),
        ("web_ROOT_2016111621100", None),
        ("web_ROOT_201611162110099", None),
        ("web_ROOT-20161116211009", None),
        ("20161116211009", None),
        ("web_ROOT_20161116211009 ", None),
        ("web_ROOT_20161116211009\n", None),
        ("web_ROOT_20161116211009_copy", None),
        ("web_ROOT_2016-11-16T21:10:09", None),
        ("web_ROOT_٢٠١٦١١١٦٢١١٠٠٩", None),
        ("web_ROOT_２０１６１１１６２１１００９", None),
        ("before-upgrade-15.4", None),
        ("é_ROOT\n_20161116211009", datetime(2016, 11, 16, 21, 10, 9, tzinfo=UTC)),
        ("", None),
    ],
)
def test_a_default_name_tells_the_time_and_a_look_alike_does_not(name: str, time: datetime | None) -> None:
    assert name_time(name) == time


def taken(
    name: str,
    last_without: datetime | None = WITHOUT,
    *,
    created: datetime | None = None,
    is_own: bool = True,
    trusted: bool = True,
) -> tuple[datetime | None, datetime, str]:
    found = taken_range(name, created, Sighting(last_without, SEEN, trusted), is_own=is_own)
    return found.after, found.before, found.source.value


@in_turn(
    ("told", "last_without", "expected"),
    [
        (SEEN - timedelta(seconds=30), WITHOUT, "exact"),
        (WITHOUT - timedelta(minutes=15), WITHOUT, "exact"),
        (SEEN - timedelta(days=3650), None, "exact"),
        (datetime(2010, 1, 1, tzinfo=UTC), None, "exact"),
        # Nothing is taken later than the sync that listed it.
        (SEEN + timedelta(minutes=5), WITHOUT, "now"),
        (SEEN + timedelta(minutes=5), None, "now"),
        # What says "younger" than the syncs allow is not believed.
        (SEEN + timedelta(minutes=5) + SECOND, WITHOUT, "syncs"),
        (SEEN + timedelta(minutes=5) + SECOND, None, "syncs"),
        (SEEN.replace(year=9999), None, "syncs"),
        # What says "older" widens the range.
        (WITHOUT - timedelta(minutes=15) - SECOND, WITHOUT, "older"),
        (SEEN - timedelta(days=3650), WITHOUT, "older"),
    ],
)
def test_a_name_narrows_only_within_the_syncs_and_widens_always(
    told: datetime, last_without: datetime | None, expected: str
) -> None:
    ranges = {
        "exact": (told, told, "name"),
        "now": (SEEN, SEEN, "name"),
        "syncs": (last_without, SEEN, "syncs"),
        "older": (told, SEEN, "conflict"),
    }
    assert taken(named(told), last_without) == ranges[expected]


def test_a_number_that_someone_typed_never_narrows_but_may_widen() -> None:
    assert taken(named(SEEN - SECOND), is_own=False) == (WITHOUT, SEEN, "syncs")
    old = SEEN - timedelta(days=5)
    assert taken(named(old), is_own=False) == (old, SEEN, "conflict")
    assert taken(named(old), None, is_own=False) == (None, SEEN, "syncs")


DATE = SEEN - timedelta(days=117)


@pytest.mark.parametrize(
    ("name", "created", "last_without", "expected"),
    [
        ("nightly", SEEN - SECOND, WITHOUT, (SEEN - SECOND, SEEN - SECOND, "date")),
        ("nightly", DATE, None, (DATE, DATE, "date")),
        (named(DATE + SECOND), DATE, None, (DATE, DATE, "date")),
        # The older of two that contradict each other counts, whichever it is.
        (named(SEEN - SECOND), DATE, None, (DATE, SEEN, "conflict")),
        (named(DATE), SEEN - SECOND, None, (DATE, SEEN, "conflict")),
        (named(SEEN - SECOND), DATE, WITHOUT, (DATE, SEEN, "conflict")),
        # A date after the sync that listed it is no witness, and never narrows.
        (named(DATE), SEEN + timedelta(hours=1), None, (DATE, SEEN, "conflict")),
        ("nightly", SEEN + timedelta(hours=1), WITHOUT, (WITHOUT, SEEN, "conflict")),
        ("nightly", SEEN + timedelta(hours=1), None, (None, SEEN, "conflict")),
    ],
)
def test_a_date_of_the_provider_is_the_first_witness(
    name: str, created: datetime, last_without: datetime | None, expected: tuple[object, ...]
) -> None:
    assert taken(name, last_without, created=created) == expected


def test_beside_a_date_a_typed_number_tells_nothing() -> None:
    typed = named(SEEN - timedelta(days=900))
    assert taken(typed, created=SEEN - SECOND, is_own=False) == (SEEN - SECOND, SEEN - SECOND, "date")


@in_turn(("last_without", "after"), [(WITHOUT, WITHOUT), (None, SEEN - SECOND)])
def test_while_the_clocks_disagree_nothing_is_exact(last_without: datetime | None, after: datetime) -> None:
    assert taken(named(SEEN - SECOND), last_without, trusted=False) == (after, SEEN, "clock")


@pytest.mark.parametrize("name", ["nightly", "web_ROOT_20091231235959", named(SEEN + timedelta(hours=1))])
def test_without_a_time_in_the_name_our_syncs_are_the_range(name: str) -> None:
    assert taken(name) == (WITHOUT, SEEN, "syncs")


@pytest.mark.both_databases
def test_what_was_there_at_our_first_sync_sorts_after_all_dated_ones() -> None:
    first = taken_range("nightly", None, Sighting(None, SEEN), is_own=True)
    oldest_dated = taken_range(named(datetime(2010, 1, 1, tzinfo=UTC)), None, Sighting(None, SEEN), is_own=True)
    assert (first.after, first.before) == (None, SEEN)
    assert first.sort_key == UNDATED < oldest_dated.sort_key


@pytest.mark.both_databases
def test_sort_keys_are_the_time_told_or_the_end_of_the_range() -> None:
    told = SEEN - timedelta(seconds=20)
    assert taken_range(named(told), None, Sighting(WITHOUT, SEEN), is_own=True).sort_key == told
    assert taken_range("nightly", None, Sighting(WITHOUT, SEEN), is_own=True).sort_key == SEEN


@in_turn(("back", "after"), [(timedelta(minutes=1), SEEN), (timedelta(hours=1), None)])
def test_a_sync_that_a_clock_put_after_the_next_one_proves_nothing(back: timedelta, after: datetime | None) -> None:
    assert taken("nightly", SEEN + back) == (after, SEEN, "syncs")


SYNCED = TakenRange(WITHOUT, SEEN, TakenFrom.SYNCS)
NAMED = TakenRange(SEEN - SECOND, SEEN - SECOND, TakenFrom.NAME)
AT_FIRST = TakenRange(None, SEEN, TakenFrom.SYNCS)


@in_turn(
    ("known", "created", "expected"),
    [
        (SYNCED, None, SYNCED),
        (SYNCED, SEEN - SECOND, TakenRange(SEEN - SECOND, SEEN - SECOND, TakenFrom.DATE)),
        (SYNCED, DATE, TakenRange(DATE, SEEN, TakenFrom.CONFLICT)),
        (SYNCED, SEEN + timedelta(hours=1), SYNCED),
        (NAMED, SEEN - SECOND, NAMED),
        (NAMED, DATE, TakenRange(DATE, SEEN - SECOND, TakenFrom.CONFLICT)),
        (AT_FIRST, DATE, TakenRange(DATE, DATE, TakenFrom.DATE)),
    ],
)
def test_a_date_that_comes_later_never_makes_it_younger(
    known: TakenRange, created: datetime | None, expected: TakenRange
) -> None:
    assert retaken(known, created) == expected
