"""Dates as the provider writes them, and what is none."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings, strategies

from snapshots.cloudca.dates import read_date
from tests.loops import in_turn

READ = {
    "2016-10-19T14:25:41-0400": "2016-10-19T18:25:41",
    "2016-10-19T14:25:41-04:00": "2016-10-19T18:25:41",
    "2016-10-19T14:25:41-04": "2016-10-19T18:25:41",
    "2026-07-30T10:00:00+0000": "2026-07-30T10:00:00",
    "2017-08-15T12:00:00.000Z": "2017-08-15T12:00:00",
    "2017-08-15t12:00:00z": "2017-08-15T12:00:00",
    "2016-07-12T09:37:34.955-04:00": "2016-07-12T13:37:34.955",
    "2016-07-12T09:37:34.123456789Z": "2016-07-12T09:37:34.123456",
    "2022-09-12 15:27:07": "2022-09-12T15:27:07",
    " 2022-09-12 15:27:07 ": "2022-09-12T15:27:07",
    "2016-10-24 2:40:29 PM EDT": "2016-10-24T18:40:29",
    "2016-10-24 02:40:29 AM EDT": "2016-10-24T06:40:29",
    "2016-12-24 12:00:00 PM EST": "2016-12-24T17:00:00",
    "2016-12-24 12:00:00 AM UTC": "2016-12-24T00:00:00",
    "1990-01-01T00:00:00Z": "1990-01-01T00:00:00",
    "2200-12-31T23:59:59Z": "2200-12-31T23:59:59",
    "2024-02-29T12:00:00+1400": "2024-02-28T22:00:00",
}
NONE = [
    *("", "null", "0", "1469872800", "2026", "20260730", "2026-07-30", "2026-W31-4", "2026-211", "20260730T100000Z"),
    *("9999-12-31T23:59:59+0000", "0001-01-01T00:00:00+0100", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-1400"),
    *("1989-12-31T23:59:59Z", "1990-01-01T00:00:00+0100", "2200-12-31T23:59:59-0100", "2201-01-01T00:00:00Z"),
    *("2026-02-30T10:00:00Z", "2026-13-01T10:00:00Z", "2026-07-30T24:00:00Z", "2026-07-30T23:59:60Z"),
    *("2026-07-30T10:00:00+9999", "2026-07-30T10:00:00+1401", "2026-07-30T10:00:00+0060", "2026-07-30T10:00:00+1"),
    *("2016-10-24 2:40:29", "2016-10-24 13:40:29 PM EDT", "2016-10-24 0:40:29 AM EDT", "2016-10-24 2:40:29 PM CST"),
    *("２０２６-07-30T10:00:00Z", "2026-07-30T10:00:0٣Z", "2026-07-30T10:00:00E\u017fT", "2026-07-30T10:00:00Z\x00"),
    *("2026-07-30\n10:00:00", "2026-07-30T10:00:00ZZ", "-2026-07-30T10:00:00Z", "2026-07-30T10:00:00." + "9" * 50),
]


@in_turn(("text", "moment"), READ.items())
def test_the_forms_that_the_provider_uses(text: str, moment: str) -> None:
    assert read_date(text) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@in_turn("text", NONE)
def test_anything_else_is_no_date(text: str) -> None:
    assert read_date(text) is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is slow at the first text
@given(strategies.text() | strategies.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4}"))
def test_no_text_raises_and_every_date_is_in_utc_and_bounded(text: str) -> None:
    moment = read_date(text)
    assert moment is None or (moment.tzinfo is UTC and 1990 <= moment.year <= 2200)
