"""Provider faults by name, and what the page must show for each."""

import json
from typing import NamedTuple

NOT_UNDERSTOOD = "(the answer was not understood)"
BROKEN = "(The connection broke before the whole answer had come)"
NOT_IN_TIME = "(no answer in time)"
TOO_LARGE = "(the answer is too large)"
ERRORS_TOLD = "(it answered with an error)"
REFUSED = "The provider rejects this team’s key"
FIELDS = ("name", "state", "intervalType", "volumeId", "volume", "volumeType")
ROW = {"id": "33a27b8d-5a27-42a5-aec4-37606e372bda", "name": "n", "state": "BackedUp", "intervalType": "MANUAL"}
GOOD = json.dumps({"data": [ROW], "metadata": {"recordCount": 1}})
ERRORS = [{"code": "2012", "message": "not now"}]


class Variant(NamedTuple):
    """`told` is what a banner says; "" where none may be."""

    name: str
    fault: dict[str, object]
    told: str


def error(status: int) -> str:
    if status >= 400:
        return f"(error {status})"
    return "(it redirects elsewhere)" if status >= 300 else NOT_UNDERSTOOD


def of_status(number: str, status: int, **more: object) -> Variant:
    return Variant(f"{number} {status}", {"status": status, **more}, error(status))


def of_body(number: str, name: str, body: str, told: str = NOT_UNDERSTOOD) -> Variant:
    return Variant(f"{number} {name}", {"body": body}, told)


def retry_after(text: str) -> Variant:
    fault = {"status": 429, "headers": {"Retry-After": text}}
    return Variant(f"G18 Retry-After {text[:30] or 'empty'}", fault, error(429))


# No answer, or none that ends as it says.
SOCKET = [
    Variant("G2 reset at once", {"reset_at": "start"}, BROKEN),
    Variant("G2 closed at once", {"reset": True}, BROKEN),
    Variant("G5 silence", {"hang_at": "start"}, NOT_IN_TIME),
    Variant("G5 silence within the head", {"hang_at": "head"}, NOT_IN_TIME),
    Variant("G5 silence within the body", {"hang_at": "body"}, NOT_IN_TIME),
    Variant("G5 a first byte too late", {"slow": 60.0}, NOT_IN_TIME),
    Variant("G6 the head drips", {"drip": 40.0}, NOT_IN_TIME),
    Variant("G6 the body drips", {"drip": 1500.0}, NOT_IN_TIME),
    Variant("G7 reset within the head", {"reset_at": "head"}, BROKEN),
    Variant("G7 reset within the body", {"reset_at": "body"}, BROKEN),
    Variant("G7 body shorter than its length", {"content_length": 100}, BROKEN),
    Variant("G7 half of the body", {"truncated": True}, BROKEN),
    Variant("G7 body longer than its length", {"content_length": -100}, NOT_UNDERSTOOD),
    Variant("G7 a chunk without a size", {"bad_chunk": True}, BROKEN),
    Variant("G8 half of the body, ended cleanly", {"truncated": True, "content_length": "absent"}, NOT_UNDERSTOOD),
    Variant("G20 another protocol", {"status_line": "SSH-2.0-OpenSSH_9.2"}, BROKEN),
    Variant("G20 a status in words", {"status_line": "HTTP/1.1 fine OK"}, BROKEN),
    Variant("G20 no status line", {"status_line": ""}, BROKEN),
]

# More than anybody asked for: these end by their size, however much time is left.
FLOODS = [
    Variant("F5 a gzip bomb", {"gzip_bomb": 100}, NOT_UNDERSTOOD),
    Variant("F5 an endless body", {"endless": True}, TOO_LARGE),
]

# An answer that is no list.
ANSWERS = [
    *(
        of_body("G9", name, text)
        for name, text in {
            "empty": "",
            "null": "null",
            "a list": "[]",
            "a text": '"x"',
            "an object": "{}",
            "data null": '{"data": null}',
            "data an object": '{"data": {}}',
            "data a text": '{"data": "x"}',
        }.items()
    ),
    Variant("G9 204", {"status": 204}, error(204)),
    Variant("G10 a page of HTML", {"html": True}, NOT_UNDERSTOOD),
    Variant("G10 a page of HTML, 502", {"html": True, "status": 502}, error(502)),
    of_body("G11", "NaN", GOOD.replace('"n"', "NaN")),
    of_body("G11", "invalid UTF-8", GOOD.replace('"n"', '"\udc80"')),
    of_body("G11", "nested a hundred thousand deep", "[" * 100_000),
    Variant("G12 errors with 200", {"errors_with_200": True}, ERRORS_TOLD),
    of_body("G12", "errors and data", json.dumps({"data": [ROW], "errors": ERRORS}), ERRORS_TOLD),
    *(of_status("G13", status) for status in (400, 422)),
    Variant("G14 401", {"refuse": 401}, REFUSED),
    Variant("G15 403", {"refuse": 403}, REFUSED),
    of_status("G16", 404),
    *(of_status("G17", status) for status in (408, 409, 425)),
    of_status("G18", 429),
    *map(
        retry_after,
        ("120", "-5", "abc", "", "9" * 20, "Tue, 24 Nov 2026 12:05:00 GMT", "Mon, 23 Nov 2026 12:00:00 GMT"),
    ),
    *(of_status("G19", status) for status in (500, 502, 503, 504, 520)),
    of_status("G19 Retry-After", 503, headers={"Retry-After": "30"}),
    *(of_status("G20", status) for status in (300, 304, 418, 600)),
    Variant("G20 206", {"status": 206}, ERRORS_TOLD),
    *(
        Variant(f"G20 {status} to elsewhere", {"redirect": "http://127.0.0.1:9/", "status": status}, error(status))
        for status in (301, 302, 303, 307, 308)
    ),
]

# A list, but not as it should be. Nothing of it may take a row away.
INCOMPLETE = "gave an incomplete list at"
CLOCK = "ahead of this machine's"
DOUBTED = "Nothing has been removed: two later lists must agree"
LISTS = [
    *(Variant(f"G21 without {field}", {"missing_fields": [field]}, "") for field in FIELDS),
    Variant("G21 without any id", {"missing_fields": ["id"]}, INCOMPLETE),
    Variant("G22 more fields", {"set_fields": {"rapid": {"deep": [1]}, "size": 10**30}}, ""),
    *(Variant(f"G23 odd {field}", {"wrong_typed": [field]}, "") for field in FIELDS),
    Variant("G23 odd ids", {"wrong_typed": ["id"]}, INCOMPLETE),
    Variant("G24 unknown words", {"set_fields": {"state": "Frozen", "intervalType": "hourly,??"}}, ""),
    Variant("G24 empty words", {"set_fields": {"state": "", "intervalType": ""}}, ""),
    Variant("G25 an id twice", {"duplicate_ids": True}, "lists some snapshots twice"),
    *(
        Variant(f"G26 count {off}", {"record_count": off}, INCOMPLETE)
        for off in (5, -1, 10**30, "absent", "text", "negative")
    ),
    Variant("G27 suddenly empty", {"empty_list": True}, DOUBTED),
    Variant("G28 suddenly three quarters less", {"shrink": 0.75}, DOUBTED),
    Variant("G32 hostile names", {"hostile_names": True}, ""),
    Variant("G33 ids that are none", {"set_fields": {"id": "../x"}}, INCOMPLETE),
    Variant("G34 a clock a day ahead", {"headers": {"Date": "Wed, 25 Nov 2026 12:00:00 GMT"}}, CLOCK),
    Variant(
        "G34 a clock a day behind",
        {"headers": {"Date": "Mon, 23 Nov 2026 12:00:00 GMT"}},
        "behind this machine's.",
    ),
    Variant("G10 another content type", {"headers": {"Content-Type": "text/plain"}}, ""),
    Variant("G20 an old version", {"status_line": "HTTP/0.9 200 OK"}, ""),
    Variant("G34 no readable clock", {"headers": {"Date": "yesterday"}}, ""),
]
