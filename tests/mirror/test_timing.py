"""When a snapshot was taken: a table of names and watches."""

from datetime import UTC, datetime, timedelta

import pytest

from snapshots.timing import UNDATED, name_time, taken_range

SEEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WITHOUT = datetime(2026, 11, 24, 11, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def named(moment: datetime, prefix: str = "web-01_ROOT-35545") -> str:
    return f"{prefix}_{moment:%Y%m%d%H%M%S}"


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
    ("told", "last_without", "is_believed"),
    [
        (SEEN - timedelta(seconds=30), WITHOUT, True),
        (WITHOUT - timedelta(minutes=15), WITHOUT, True),
        (WITHOUT - timedelta(minutes=15) - SECOND, WITHOUT, False),
        (SEEN + timedelta(minutes=5), WITHOUT, True),
        (SEEN + timedelta(minutes=5) + SECOND, WITHOUT, False),
        (SEEN + timedelta(minutes=5), None, True),
        (SEEN + timedelta(minutes=5) + SECOND, None, False),
        (SEEN.replace(year=9999), None, False),
        (SEEN - timedelta(days=3650), WITHOUT, False),
        (SEEN - timedelta(days=3650), None, True),
        (datetime(2010, 1, 1, tzinfo=UTC), None, True),
    ],
)
def test_a_name_is_believed_only_where_it_fits_our_watch(
    told: datetime, last_without: datetime | None, is_believed: bool
) -> None:
    taken = taken_range(named(told), last_without=last_without, first_with=SEEN, is_own=True)
    assert taken.from_name is is_believed
    expected = (told, told) if is_believed else (last_without, SEEN)
    assert (taken.after, taken.before) == expected


@pytest.mark.parametrize("name", ["nightly", "web_ROOT_20091231235959", named(SEEN + timedelta(hours=1))])
def test_without_a_time_in_the_name_our_watch_is_the_range(name: str) -> None:
    taken = taken_range(name, last_without=WITHOUT, first_with=SEEN, is_own=True)
    assert (taken.after, taken.before, taken.from_name) == (WITHOUT, SEEN, False)


def test_what_was_there_at_our_first_look_sorts_after_all_dated_ones() -> None:
    first_look = taken_range("nightly", last_without=None, first_with=SEEN, is_own=True)
    oldest_dated = taken_range(named(datetime(2010, 1, 1, tzinfo=UTC)), last_without=None, first_with=SEEN, is_own=True)
    assert (first_look.after, first_look.before) == (None, SEEN)
    assert first_look.sort_key == UNDATED < oldest_dated.sort_key


def test_sort_keys_are_the_name_time_or_the_end_of_the_range() -> None:
    told = SEEN - timedelta(seconds=20)
    assert taken_range(named(told), last_without=WITHOUT, first_with=SEEN, is_own=True).sort_key == told
    assert taken_range("nightly", last_without=WITHOUT, first_with=SEEN, is_own=True).sort_key == SEEN


def test_a_clock_that_was_put_back_does_not_turn_the_range_around() -> None:
    taken = taken_range("nightly", last_without=SEEN + timedelta(hours=1), first_with=SEEN, is_own=True)
    assert (taken.after, taken.before) == (SEEN, SEEN)
