"""Generated answers of a provider: rows, envelope, headers and framing, each right, odd or broken, as raw bytes."""

import json
from uuid import UUID

from hypothesis import strategies as st

IDS = [str(UUID(int=number)) for number in range(1, 9)]
NOW = "20261124120000"
DATES = [
    *("2016-10-19T14:25:41-0400", "9999-12-31T23:59:59+0000", "0001-01-01T00:00:00+0100", "2027-06-01T00:00:00Z"),
    *("2016-10-24 2:40:29 PM EDT", "2026-W31-4", "1989-12-31T23:59:59Z", "2026-11-24T12:00:00+9999", "١٩٩٩-01-01", ""),
]
STATES = ["BackedUp", "Error", "Creating", "BackingUp", "Copying", "Destroyed", "Processing", "backedup", ""]
KINDS = ["MANUAL", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "HOURLY,DAILY", "RECURRING", "?", ""]
NAMES = [
    f"vm_data_{NOW}",
    "vm_data_99991231235959",
    "vm_data_20100101000000",
    "=1+1",
    "\u202eabc",
    "a\r\nb",
    "x" * 5000,
]
NUMBERS = ["0", "-1", "3", "50.5", "1e400", "-1e400", "9" * 15, "9" * 25, "9" * 5000, "-0", "1E5", "0.1e-999"]
ODD = [
    *NUMBERS,
    "null",
    "true",
    "false",
    "NaN",
    "[]",
    "{}",
    '[["a"]]',
    '{"a":1}',
    r'"\u0000"',
    r'"\ud800"',
    r'"\ud83d\ude00"',
]
ODD_IDS = [*ODD, '"x"', f'"{{{IDS[0]}}}"', f'"URN:UUID:{IDS[1]}"']
GOOD_IDS = [json.dumps(each) for each in IDS]
DEEP = ["[" * 900 + "]" * 900, '{"a":' * 3000 + "1" + "}" * 3000]
DEEP_MEMBER = '"data":' + DEEP[0]
FIELDS = {
    "name": NAMES,
    "state": STATES,
    "intervalType": KINDS,
    "volumeId": [*IDS, "", "no-uuid"],
    "volume": ["data", "", "x" * 300],
    "volumeType": ["ROOT", "data"],
    "type": ["OS", "DATA", "?"],
    "creationDate": DATES,
    "created": DATES,
    "createdAt": DATES,
    "instanceName": ["vm", ""],
    "zoneName": ["QC-1"],
    "rapid": ["yes"],
}
COMMON_ROW = ("name", "state", "intervalType", "volumeId", "volume", "volumeType")
MEMBERS = [
    *('"errors":[]', '"errors":[{"code":2012}]', '"errors":null', '"x":1', '"data":null', '"data":{}', '"data":"x"'),
    *('"metadata":null', '"metadata":[]', '"metadata":{"recordCount":{}}', '"Data":[]', '"data":[[]]', DEEP_MEMBER),
]
LENGTHS = [
    f"Content-Length: {text}" for text in ("0", "5", "-5", "1e3", "9" * 30, "9" * 5000, "²", "+5", "5,5", "1_0", "")
]
BROKEN_SIZES = [
    b"-5",
    b"-%x" % 2**20,
    b"-1",
    b"zz",
    b"",
    b"f" * 40,
    b"1_0",
    b"0x5",
    b"+5",
    b"5;" + b"x" * 500,
    "٣".encode(),
    b"7fffffff",
]
HEADERS = [
    *(f"Date: {date}" for date in ("Tue, 24 Nov 2026 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -0100", "x", "0")),
    *("Date: Sat, 01 Jan 0101 00:00:00 +0100", "Date: Wed, 25 Nov 2026 08:00:00 GMT", "Date: 24 Nov 26 1:1:1 -9999"),
    *(f"Retry-After: {text}" for text in ("0", "-1", "5", "9" * 30, "1e400", "²", "Fri, 31 Dec 9999 23:59:59 -0100")),
    *(
        "Content-Type: text/html",
        "Content-Type: multipart/mixed; boundary=",
        "Content-Type: application/json; charset=x",
    ),
    *("Content-Encoding: gzip", "Content-Encoding: identity", "Transfer-Encoding: gzip", "Trailer: x", "Upgrade: h2c"),
    *("Set-Cookie: a=b; Max-Age=" + "9" * 40, "Location: http://[", "Connection: close", "X: " + "y" * 9000, " folded"),
    *(
        "no colon",
        "\xff: \xfe",
        "X: \0",
        "Content-Length: 5",
        "Content-Length: -5",
        "Content-Length: " + "9" * 5000,
        ":",
    ),
]
STATUS_LINES = [
    *(f"HTTP/1.1 {status} X" for status in (201, 204, 206, 301, 304, 400, 401, 403, 404, 429, 500, 503, 999)),
    *(
        "HTTP/1.0 200 OK",
        "HTTP/9.9 200 OK",
        "HTTP/1.1 99 X",
        "HTTP/1.1 -200 X",
        "HTTP/1.1 2² X",
        "HTTP/1.1",
        "garbage",
        "",
    ),
    *("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1 101 Switching"),
]


# What is odd of an answer; everything else of it is right.
PLACES = [
    "rows",
    "rows",
    "rows",
    "count",
    "envelope",
    "text",
    "status",
    "headers",
    "chunks",
    "chunks",
    "length",
    "cut",
    "all",
]


def _token(name: str) -> st.SearchStrategy[str]:
    """A field's JSON text: one of its words, any text, or an odd value."""
    words = st.sampled_from(FIELDS[name]).map(json.dumps)
    return st.one_of(words, words, st.text(max_size=8).map(json.dumps), st.sampled_from(ODD))


TOKENS = {name: _token(name) for name in FIELDS}


@st.composite
def rows(draw: st.DrawFn, is_odd: bool) -> str:
    identity = draw(st.sampled_from(ODD_IDS if is_odd and draw(st.integers(0, 3)) == 0 else GOOD_IDS))
    members = [f'"id":{identity}', *(f'"{name}":{json.dumps(FIELDS[name][0])}' for name in COMMON_ROW)]
    if is_odd:
        names = draw(st.lists(st.sampled_from([*FIELDS]), max_size=6))
        members += [f'"{name}":{draw(TOKENS[name])}' for name in names]
        members.append(f'"sizeInGb":{draw(st.sampled_from([*ODD, *DEEP]))}')
        members.append(f'"creationDate":{json.dumps(draw(st.sampled_from(DATES)))}')
    return "{" + ",".join(members) + "}"


@st.composite
def bodies(draw: st.DrawFn, odd: str) -> bytes:
    """The envelope with its rows."""
    listed = draw(st.lists(rows(odd in ("rows", "all")), max_size=4))
    listed += draw(st.lists(st.sampled_from(ODD), max_size=1)) if odd in ("rows", "all") else []
    data, count = f"[{','.join(listed)}]", str(len(listed))
    if odd in ("count", "all"):
        count = draw(st.sampled_from([*ODD, '"3"', *DEEP]))
    members = [f'"data":{data}', f'"metadata":{{"recordCount":{count}}}']
    if odd in ("envelope", "all"):
        members = draw(st.lists(st.sampled_from([*members, *MEMBERS]), max_size=4))
    text = "{" + ",".join(members) + "}"
    if odd not in ("text", "all"):
        return text.encode("utf-8", "surrogatepass")
    body = text.encode(draw(st.sampled_from(["utf-8", "utf-16", "utf-8-sig"])), "surrogatepass")
    return draw(st.sampled_from([body, body + b"}", b"<html>", b"", body[:-1]]) | st.binary(max_size=40))


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """All that comes over a connection before it is closed."""
    odd = draw(st.sampled_from(PLACES))
    body = draw(bodies(odd))
    lines = [draw(st.sampled_from(STATUS_LINES)) if odd in ("status", "all") else "HTTP/1.1 200 OK"]
    lines += draw(st.lists(st.sampled_from(HEADERS), min_size=1, max_size=3)) if odd in ("headers", "all") else []
    if odd == "chunks" or draw(st.booleans()):
        lines.append("Transfer-Encoding: chunked")
        body = draw(chunked(body, odd == "chunks"))
    elif odd == "length":
        lines += draw(st.lists(st.sampled_from(LENGTHS), max_size=2))
    else:
        lines.append(f"Content-Length: {len(body)}")
    reply = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body
    return reply[: draw(st.integers(0, len(reply)))] if odd == "cut" else reply


@st.composite
def chunked(draw: st.DrawFn, body: bytes, is_odd: bool) -> bytes:
    pieces = [body[at : at + 97] for at in range(0, len(body), 97)]
    framed = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]
    if is_odd:
        at = draw(st.integers(0, len(framed) - 1))
        framed[at] = draw(st.sampled_from(BROKEN_SIZES)) + b"\r\n" + body[:50] + b"\r\n"
    return b"".join(framed)
