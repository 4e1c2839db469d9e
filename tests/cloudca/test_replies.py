"""Every kind of reply that is no success, and which fault it is."""

import json
import random

import pytest

from snapshots.cloudca import errors
from snapshots.cloudca.errors import CloudError
from snapshots.cloudca.records import Listing
from snapshots.cloudca.replies import http_date
from tests.cloudca.support import ROW, canary, envelope, fault_from, list_from
from tests.loops import in_turn
from tests.proof import first

NOT_UNDERSTOOD = [
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"5",
    b"{}",
    b'{"data":null}',
    b'{"data":{}}',
    b'{"data":"x"}',
    b'{"data":5}',
    b'{"DATA":[]}',
    b"<html><body>Maintenance</body></html>",
    envelope(ROW)[:-20],
    b"\xef\xbb\xbf" + envelope(ROW),
    envelope(ROW).decode().encode("utf-16"),
    '{"data":[{"name":"é"}]}'.encode("latin-1"),
    b'{"data":["\xff"]}',
    b'{"data":[NaN]}',
    b'{"data":[],"x":Infinity}',
    b'{"data":[],"x":-Infinity}',
    b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b',"data":[]}',
    b'{"data":[],}',
    b'{"data":[]} trailing',
    b'{"data":["\\ud8"]}',
    b'{"data":["a\nb"]}',
]
STATUSES = {
    400: ("rejected", False),
    401: ("refused", False),
    403: ("refused", False),
    404: ("not_found", False),
    405: ("rejected", False),
    408: ("unavailable", True),
    409: ("rejected", False),
    418: ("rejected", False),
    422: ("rejected", False),
    425: ("unavailable", True),
    429: ("rate_limited", True),
    500: ("unavailable", True),
    502: ("unavailable", True),
    503: ("unavailable", True),
    504: ("unavailable", True),
    520: ("unavailable", True),
    301: ("redirect", False),
    302: ("redirect", False),
    303: ("redirect", False),
    304: ("redirect", False),
    307: ("redirect", False),
    308: ("redirect", False),
    201: ("unreadable", False),
    202: ("unreadable", False),
    204: ("unreadable", False),
    206: ("unreadable", False),
    600: ("unreadable", False),
}
ERRORS = '{"errors":[{"code":2012,"message":"wrong state","context":{"id":"x"}}]}'


@in_turn("body", NOT_UNDERSTOOD)
def test_what_is_not_the_envelope_is_unreadable(body: bytes) -> None:
    fault = fault_from(body)
    assert (fault.kind, fault.status, fault.retryable) == ("unreadable", 200, False)


@in_turn("content_type", ["text/html", "application/octet-stream", "text/plain; charset=utf-16"])
def test_the_envelope_counts_whatever_type_it_claims(content_type: str) -> None:
    assert list_from(envelope(ROW), Content_Type=content_type).complete


@in_turn("body", [envelope(ROW), b"<html>", b"", ERRORS.encode()])
@in_turn(("status", "expected"), STATUSES.items())
def test_a_status_other_than_200_is_its_fault(status: int, expected: tuple[str, bool], body: bytes) -> None:
    fault = fault_from(body, status)
    kind, retryable = expected
    if status in (201, 202, 206, 600):  # 204 has no body
        kind = "rejected" if body == ERRORS.encode() else kind
    assert (fault.kind, fault.retryable, fault.status) == (kind, retryable, status)


@in_turn("body", [ERRORS, ERRORS[:-1] + ',"data":[]}', '{"data":[],"metadata":{"recordCount":0},' + ERRORS[1:]])
def test_errors_with_200_are_a_fault_and_no_empty_list(body: str) -> None:
    fault = fault_from(body)
    assert (fault.kind, fault.status, fault.code, fault.detail) == ("rejected", 200, "2012", "wrong state")


@in_turn("found", ["[]", "null", "{}", '"x"', "[5]", "[null]", "[[1]]", "5"])
def test_errors_of_any_form_are_a_fault(found: str) -> None:
    fault = fault_from(f'{{"data":[],"errors":{found}}}')
    assert (fault.kind, fault.code, fault.detail) == ("rejected", "", "")


@in_turn(
    ("error", "code"),
    [({"code": 2012}, "2012"), ({"code": "X"}, "X"), ({"errorCode": "FOO_ERROR"}, "FOO_ERROR"), ({"errorCode": 7}, "7"),
     ({"code": None, "errorCode": "B"}, "B"), ({"code": [1]}, ""), ({"code": "x" * 500}, "x" * 64)],
)  # fmt: skip
def test_the_code_is_read_by_either_name_and_type(error: object, code: str) -> None:
    assert fault_from(json.dumps({"errors": [error]}), 400).code == code


def test_the_providers_words_are_cleaned_and_cut() -> None:
    fault = fault_from(json.dumps({"errors": [{"message": "a\nb\x1b[31m\u2028" + "x" * 500}]}), 500)
    assert fault.detail == "a b [31m " + "x" * 191
    assert str(fault) == fault.sentence == "The provider is not available at the moment."


def test_a_key_that_the_provider_repeats_is_masked() -> None:
    fault = fault_from(json.dumps({"errors": [{"code": canary(), "message": f"bad key {canary()}!"}]}), 403)
    assert (fault.code, fault.detail) == ("••••", "bad key ••••!")


def test_401_and_403_have_words_of_their_own() -> None:
    assert (str(fault_from(b"", 401)), str(fault_from(b"", 403))) == (errors.KEY_NOT_ACCEPTED, errors.KEY_NOT_ALLOWED)


@in_turn("encoding", ["gzip", "br", "deflate", "zstd", "gzip, identity", "x"])
def test_a_compressed_reply_is_refused(encoding: str) -> None:
    assert fault_from(envelope(ROW), Content_Encoding=encoding).kind == "unreadable"
    assert fault_from(envelope(ROW), 503, Content_Encoding=encoding).kind == "unavailable"


@in_turn("encoding", ["identity", "IDENTITY", " identity "])
def test_identity_is_no_compression(encoding: str) -> None:
    assert list_from(envelope(ROW), Content_Encoding=encoding).complete


@in_turn("body", ["x" * 2_000_000, json.dumps({"errors": [{"message": "x" * 2_000_000}]})])
def test_the_words_of_a_long_error_are_not_read(body: str) -> None:
    fault = fault_from(body, 500)
    assert (fault.kind, fault.detail) == ("unavailable", "")


NOON = "Tue, 24 Nov 2026 12:00:00 GMT"


@in_turn(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("901", 900.0),
        ("9" * 20, 900.0),
        ("9" * 5000, None),
        ("-5", None),
        ("abc", None),
        ("", None),
        ("1.5", None),
        ("٣", None),
        ("120, 120", None),
        ("Tue, 24 Nov 2026 12:02:00 GMT", 120.0),
        ("Tuesday, 24-Nov-26 12:02:00 GMT", 120.0),
        ("Tue, 24 Nov 2026 13:02:00 +0100", 120.0),
        ("Tue, 24 Nov 2026 23:00:00 GMT", 900.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", None),
        (NOON, None),
        ("Tue, 99 Nov 2026 12:02:00 GMT", None),
        ("Tue, 24 Nov 99999999999 12:02:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    headers = {"Retry-After": value.encode().decode("latin-1"), "Date": NOON}
    assert fault_from(b"", 429, **headers).retry_after == seconds
    assert fault_from(b"", 503, **headers).retry_after == seconds


def test_no_retry_after_is_none() -> None:
    assert fault_from(b"", 429).retry_after is None


def test_odd_dates_never_raise() -> None:
    chance = random.Random(24)
    for _ in range(5000):
        text = "".join(chance.choices('TueNov 24:,-+0919GMT()"\\\0é/', k=chance.randrange(40)))
        assert http_date(text) is None or http_date(text)


@in_turn("date", ["01 Jan 0101 00:00:00 +0100", "31 Dec 9999 23:59:59 -0100", "31 Dec 1989 23:59:59 GMT"])
def test_a_date_that_no_clock_tells_is_none(date: str) -> None:
    assert http_date(date) is None


SEEDS = [
    envelope(ROW, ROW),
    ERRORS.encode(),
    b'{"data":[{"id":"\\ud83d\\u0000\\\\","x":[1e5,{"y":null}]}],"metadata":{}}',
]


def mutated(chance: random.Random) -> bytes:
    body = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(body) + 1)
        piece = chance.choice(
            [b"", b"\\", b'"', b"\xff", b"\0", b"[", b"}", b"\\ud800", b"NaN", b"9" * 30, b",", b"null"]
        )
        body[at : at + chance.randrange(8)] = piece
    return bytes(body)


@pytest.mark.parametrize("seed", first(3, range(20)))
def test_no_document_brings_anything_but_a_listing_or_a_fault(seed: int) -> None:
    chance, outcomes = random.Random(seed), set()
    for _ in range(100):
        try:
            listing = list_from(mutated(chance), chance.choice([200, 200, 200, 500]))
            assert isinstance(listing, Listing)
            outcomes.add("listing")
            [json.loads(record.raw) for record in listing.rows]
        except CloudError as fault:
            outcomes.add(fault.kind)
    assert {"listing", "unreadable", "unavailable"} <= outcomes
