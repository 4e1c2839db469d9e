"""Lists and single snapshots: what is read, cleaned, skipped and counted."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations

import pytest

from snapshots.cloudca.errors import MismatchedReply, Unreadable
from tests.cloudca.support import ID, OTHER_ID, ROW, VOLUME_ID, envelope, get_from, list_from
from tests.loops import in_turn

FIELDS = {
    "name": "name",
    "state": "state",
    "intervalType": "interval_type",
    "volumeId": "volume_id",
    "volume": "volume",
    "volumeType": "volume_type",
}


def test_the_documented_list_is_read() -> None:
    listing = list_from(envelope(ROW))
    record = listing.rows[0]
    assert (record.id, record.name, record.state) == (ID, "i-douglas-ADM_foo_20161116211009", "BackedUp")
    assert (record.interval_type, record.volume_id) == ("MANUAL", VOLUME_ID)
    assert (record.volume, record.volume_type) == ("ROOT-35545", "ROOT-35545")
    assert json.loads(record.raw) == ROW
    assert (listing.raw_count, listing.record_count, listing.complete, listing.doubts) == (1, 1, True, ())


def test_an_empty_list_is_a_complete_list() -> None:
    listing = list_from(b'{"data":[],"metadata":{"recordCount":0}}')
    assert (listing.rows, listing.raw_count, listing.complete) == ((), 0, True)


def test_a_single_snapshot_is_read_as_an_object_or_a_list_of_one() -> None:
    assert get_from(json.dumps({"data": ROW}).encode()) == get_from(json.dumps({"data": [ROW]}).encode())


def test_a_single_snapshot_with_another_id_is_refused() -> None:
    with pytest.raises(MismatchedReply):
        get_from(json.dumps({"data": ROW}).encode(), asked=OTHER_ID)


@in_turn("found", [[], [ROW, ROW], "text", None, 5, {}, {"id": "no"}, {"name": "x"}])
def test_a_single_snapshot_that_is_none_is_unreadable(found: object) -> None:
    with pytest.raises(Unreadable):
        get_from(json.dumps({"data": found}).encode())


@in_turn(("key", "attribute"), FIELDS.items())
def test_a_missing_field_is_empty(key: str, attribute: str) -> None:
    listing = list_from(envelope({name: value for name, value in ROW.items() if name != key}))
    assert getattr(listing.rows[0], attribute) == ""
    assert listing.complete


@in_turn(
    ("value", "text"),
    [(None, ""), (5, "5"), (1.5, "1.5"), (True, "true"), ([1], ""), ({"a": 1}, ""), (10**30, f"{10**30}")],
)
@in_turn(("key", "attribute"), FIELDS.items())
def test_a_field_of_another_type_spoils_nothing(key: str, attribute: str, value: object, text: str) -> None:
    listing = list_from(envelope({**ROW, key: value}))
    assert getattr(listing.rows[0], attribute) == ("" if attribute == "volume_id" else text)
    assert getattr(listing.rows[0], "name" if attribute != "name" else "state") in (ROW["name"], ROW["state"])
    assert listing.complete


@in_turn("value", [None, 5, True, [ID], {"a": ID}, "", "no", f"{ID}x", f"../{ID}", "x" * 10_000, ID.replace("-", "")])
def test_a_row_without_an_id_is_skipped_and_counted(value: object) -> None:
    listing = list_from(envelope({**ROW, "id": value}, {**ROW, "id": OTHER_ID}))
    assert [record.id for record in listing.rows] == [OTHER_ID]
    assert (listing.skipped, listing.complete, listing.doubts) == (1, False, ("rows_skipped",))


@in_turn("row", [None, 5, "text", [], [ROW], {}])
def test_a_row_that_is_no_object_is_skipped(row: object) -> None:
    listing = list_from(envelope(row, ROW))
    assert (len(listing.rows), listing.skipped, listing.raw_count) == (1, 1, 2)


@in_turn("value", [ID.upper(), f"{{{ID}}}", f"urn:uuid:{ID}", f"URN:UUID:{ID.upper()}"])
def test_other_spellings_of_an_id_become_the_canonical_one(value: str) -> None:
    assert list_from(envelope({**ROW, "id": value, "volumeId": value})).rows[0].id == ID
    assert list_from(envelope({**ROW, "id": value, "volumeId": value})).rows[0].volume_id == ID


@in_turn("value", ["backedup", "", "Frozen", "BACKEDUP", "DAILY,WEEKLY"])
def test_unknown_states_and_types_are_kept(value: str) -> None:
    record = list_from(envelope({**ROW, "state": value, "intervalType": value})).rows[0]
    assert (record.state, record.interval_type) == (value, value)


def test_unknown_keys_live_on_in_the_raw_record_only() -> None:
    row = {**ROW, "rapid": True, "nested": {"created": "2022-09-12"}}
    record = list_from(envelope(row)).rows[0]
    assert json.loads(record.raw) == row
    assert record.fingerprint == list_from(envelope(ROW)).rows[0].fingerprint


TWINS = [ROW, {**ROW, "state": "Error"}, {**ROW, "id": ID.upper(), "state": "Creating"}]


@in_turn("rows", [*permutations(TWINS)])
def test_of_equal_ids_the_usable_one_counts_in_any_order(rows: Sequence[dict[str, object]]) -> None:
    listing = list_from(envelope(*rows))
    assert [record.state for record in listing.rows] == ["BackedUp"]
    assert (listing.duplicates, listing.raw_count, listing.doubts) == (2, 3, ("duplicates",))
    assert (listing.complete, listing.proves_absence) == (True, False)


@in_turn("rows", [*permutations(TWINS[1:])])
def test_of_equal_ids_that_are_not_usable_always_the_same_one_counts(rows: Sequence[dict[str, object]]) -> None:
    assert [record.state for record in list_from(envelope(*rows)).rows] == ["Error"]


def test_a_row_that_is_sent_twice_contradicts_nothing() -> None:
    listing = list_from(envelope(ROW, ROW))
    assert (listing.duplicates, listing.proves_absence) == (1, True)


@in_turn("field", ["created", "createdAt", "creationDate"])
@in_turn("text", ["2026-07-30T10:00:00+0000", "2026-07-30T06:00:00-04:00", "2026-07-30T10:00:00.000Z"])
def test_a_date_of_the_row_is_read(field: str, text: str) -> None:
    record = list_from(envelope({**ROW, field: text})).rows[0]
    assert record.created == datetime(2026, 7, 30, 10, tzinfo=UTC)
    assert record.fingerprint != list_from(envelope(ROW)).rows[0].fingerprint


@in_turn("value", [None, "", "yesterday", 0, [], "9999-12-31T23:59:59+0000", "0001-01-01T00:00:00+0100"])
def test_what_is_no_date_is_none(value: object) -> None:
    assert list_from(envelope({**ROW, "created": value})).rows[0].created is None


def test_of_several_dates_the_oldest_counts() -> None:
    dates = {"created": "2026-07-30T10:00:00Z", "createdAt": "2026-07-01T10:00:00Z", "creationDate": "soon"}
    assert list_from(envelope({**ROW, **dates})).rows[0].created == datetime(2026, 7, 1, 10, tzinfo=UTC)


def test_of_equal_keys_the_last_wins() -> None:
    body = envelope(ROW).replace(b'"state": "BackedUp"', b'"state": "A", "state": "B"')
    assert list_from(body).rows[0].state == "B"


def test_rows_of_other_volumes_are_dropped_and_counted() -> None:
    listing = list_from(envelope(ROW, {**ROW, "id": OTHER_ID, "volumeId": OTHER_ID}), volume_id=VOLUME_ID)
    assert [record.id for record in listing.rows] == [ID]
    assert (listing.foreign, listing.complete, listing.doubts) == (1, True, ("foreign_rows",))


@in_turn(
    ("metadata", "count", "doubt"),
    [
        ('{"recordCount":2}', 2, "record_count_differs"),
        ('{"recordCount":0}', 0, "record_count_differs"),
        ('{"recordCount":1000000000000}', 10**12, "record_count_differs"),
        (f'{{"recordCount":{10**30}}}', None, "record_count_absent"),
        ('{"recordCount":-1}', None, "record_count_absent"),
        ('{"recordCount":"1"}', None, "record_count_absent"),
        ('{"recordCount":1.0}', None, "record_count_absent"),
        ('{"recordCount":null}', None, "record_count_absent"),
        (f'{{"recordCount":{"9" * 5000}}}', None, "record_count_absent"),
        ("{}", None, "record_count_absent"),
        ("null", None, "record_count_absent"),
        ("[1]", None, "record_count_absent"),
        ('"x"', None, "record_count_absent"),
    ],
)
def test_a_count_that_does_not_agree_makes_the_list_incomplete(metadata: str, count: int | None, doubt: str) -> None:
    listing = list_from(f'{{"data":[{json.dumps(ROW)}],"metadata":{metadata}}}')
    assert (listing.record_count, listing.doubts, listing.complete) == (count, (doubt,), False)
    assert len(listing.rows) == 1


def test_a_list_without_metadata_is_incomplete() -> None:
    listing = list_from(json.dumps({"data": [ROW]}))
    assert (listing.record_count, listing.complete) == (None, False)


@in_turn(
    ("name", "cleaned"),
    [
        ('"a\\nb\\r\\tc"', "a b  c"),
        ('"a\\u0000b"', "a�b"),
        ('"a\\ud800b"', "a�b"),
        ('"a\\uDC00\\uD800b"', "a��b"),
        ('"\\ud83d\\ude00"', "😀"),
        ('"a\\\\ud800"', "a\\ud800"),
        ('"a\\\\\\ud800"', "a\\�"),
        ('"a\\u2028b\\u2029c\\u007fd\\u009be"', "a b c d e"),
        ('"\\u202eabc"', "\u202eabc"),
        ('"<script>alert(1)</script>"', "<script>alert(1)</script>"),
        ('"Québec ∕ 東京"', "Québec ∕ 東京"),
        ('"   "', "   "),
    ],
)
def test_names_are_made_fit_to_be_stored(name: str, cleaned: str) -> None:
    body = envelope({**ROW, "name": "NAME"}).decode().replace('"NAME"', name)
    record = list_from(body.encode()).rows[0]
    assert record.name == cleaned
    for text in (record.raw, json.dumps(json.loads(record.raw), ensure_ascii=False)):
        assert "\\u0000" not in text
        text.encode()


def test_a_long_name_is_cut_and_kept_whole_in_the_raw_record() -> None:
    record = list_from(envelope({**ROW, "name": "é" * 10_000})).rows[0]
    assert record.name == "é" * 255
    assert json.loads(record.raw)["name"] == "é" * 10_000


def test_a_row_with_a_number_too_long_for_json_is_skipped() -> None:
    body = envelope({**ROW, "extra": "EXTRA"}, {**ROW, "id": OTHER_ID}).replace(b'"EXTRA"', b"9" * 5000)
    listing = list_from(body)
    assert ([record.id for record in listing.rows], listing.skipped) == ([OTHER_ID], 1)


def test_a_nested_row_stays_readable() -> None:
    record = list_from(envelope({**ROW, "extra": "EXTRA"}).replace(b'"EXTRA"', b"[" * 300 + b"]" * 300)).rows[0]
    assert json.loads(record.raw)["extra"]


def test_the_fingerprint_follows_each_of_the_seven_fields() -> None:
    changed = [{**ROW, key: OTHER_ID} for key in ("id", *FIELDS)]
    prints = {list_from(envelope(row)).rows[0].fingerprint for row in [ROW, *changed]}
    assert len(prints) == 8
    assert {len(text) for text in prints} == {32}


def test_an_equal_body_has_an_equal_hash() -> None:
    first, second, third = (list_from(body).body_hash for body in (envelope(ROW), envelope(ROW), envelope(ROW, ROW)))
    assert first == second != third
