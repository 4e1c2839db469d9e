"""Any value in a URL, a form or a header gets a refusal or a page, and never an internal error."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from urllib.parse import quote, quote_from_bytes

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from dashboard.teams.access.capabilities import capabilities
from dashboard.teams.models import Membership
from tests.api.conftest import made
from tests.authorization.conftest import Body, House
from tests.authorization.plan import NOBODY, PARTS, TEAM_VIEWS, TOKEN_VIEWS, VIEWS, address
from tests.proof import SHORT_AND_FULL

T = TypeVar("T")
Tell = Callable[..., None]
DATES = (
    *("0001-01-01", "9999-12-31", "2026-02-30", "0000-00-00", "-0001-01-01", "10000-01-01", "2026-W01-1"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *("0001-01-01T00:00:00.000001+00:01", "2026-11-24T12:00:00", "00010101T000000000000-1", "99991231T235959999999-9"),
)
NUMBERS = (
    *("0", "-1", "1e400", "nan", "inf", "0x10", "1_000", "٣", "²", "1.5", "9" * 18, "9" * 19, "9" * 30, "9" * 5000),
    *(str(2**31), str(2**63 - 1), str(2**63), str(-(2**63) - 1)),
)
TEXTS = (
    *("", " ", "\0", "a\0b", "\r\nSet-Cookie: a=b", "[", "]", "http://[", "http://[::1", "//[", "http://a:b:c/", "\\"),
    *("%", "%s", "%00", "%ff", "%ed%a0%80", "%(a)s", "{{ 7 }}", "{0}", "'", '"', "<script>", "\u202e", "\ufffe"),
    *("😀", "é" * 400, "x" * 5000, "a/b/c/d", "compute-on/[", "compute-on/\0", "/", "..", "{", "[1", "null", "\x85"),
)
VALUES = (*DATES, *NUMBERS, *TEXTS)
# `make test` tries one value at each place, another at the next one; `make proof` all values everywhere.
BROKEN_BYTES = (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"%", b"%0", b"\x00")
HEADERS = (
    *("Referer", "Origin", "HX-Current-URL", "HX-Trigger", "HX-Trigger-Name", "HX-Target", "HX-Boosted", "HX-Prompt"),
    *("If-None-Match", "If-Modified-Since", "Range", "Accept", "Accept-Language", "Accept-Encoding", "User-Agent"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Authorization", "MC-Api-Key", "Cookie", "Content-Type"),
    *("Sec-Purpose", "Purpose", "HX-History-Restore-Request", "X-Requested-With", "X-CSRFToken", "Content-Length"),
)
HEADER_VALUES = ("[", "http://[", "//[", "%00", "x" * 5000, "é", '"', "W/", "bytes=0-0", "1" * 30, "a, b;q=x", "\t")
HTMX = {"HX-Request": "true"}
IS_FIRST = connection.vendor == "sqlite"
# Environments without a list return nothing, and say so.
CLOSED = {("api:volumes", 503), ("api:volume", 503)}
ASKED = [(view, method) for view in sorted(VIEWS) for method in ("GET", "POST") if method in capabilities()[view]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names that a view looks for in its address or form."""
    found: set[str] = set()

    def noting(method: str) -> None:
        before = getattr(MultiValueDict, method)

        def noted(self: MultiValueDict[str, str], key: str, *rest: object) -> object:
            if isinstance(self, QueryDict):
                found.add(key)
            return before(self, key, *rest)

        monkeypatch.setattr(MultiValueDict, method, noted)

    for method in ("get", "getlist", "__getitem__"):
        noting(method)
    return found


class Asker:
    """Requests a view as the user with the most access, and collects failures."""

    def __init__(self, house: House, token: str) -> None:
        self.house, self.token, self.number = house, token, 0
        self.failed: list[tuple[str, str, object, int]] = []

    def ask(self, view: str, method: str, url: str, what: object, body: Body | None = None, /, **headers: str) -> None:
        person = "alice" if view in TEAM_VIEWS or "signed" in str(capabilities()[view]) else NOBODY
        shown = {"MC-Api-Key": self.token} if view in TOKEN_VIEWS else {}
        status = self.house.ask(person, method, url, body, **{**shown, **headers}).status_code
        self.number += 1
        if status >= 500 and (view, status) not in CLOSED:
            self.failed.append((view, method, what, status))

    def address(self, view: str, **other: str) -> str:
        return address(view, {**self.house.arguments["acme"], **other})


@pytest.fixture
def asker(house: House) -> Asker:
    return Asker(house, made(Membership.objects.get(user__email="mia@example.com", team__slug="acme"))[1].token)


def with_names(asker: Asker, names: set[str], asked: str) -> Iterator[tuple[str, str, list[str]]]:
    for view, method in ASKED:
        if method != asked:
            continue
        names.clear()
        # Some names are looked for only where others were there. The second database knows no other names.
        for _again in range(2 if IS_FIRST else 1):
            yes = dict.fromkeys(names, "1")
            query = "&".join(f"{name}=1" for name in yes)
            asker.ask(view, method, f"{asker.address(view)}?{query}", "plain", yes, **HTMX)
            if not names:
                break
        yield view, method, sorted(names)


def some(values: Sequence[T], place: int, full: bool) -> Sequence[T]:
    return values if full else [values[place % len(values)]]


@SHORT_AND_FULL
@pytest.mark.parametrize("asked", ["GET", "POST"])
@pytest.mark.both_databases(proof=True)
def test_no_value_of_an_address_or_a_form_is_a_fault(
    asker: Asker, names: set[str], figures: Tell, full: bool, asked: str
) -> None:
    place, views = 0, Counter[str]()
    step = 1 if full else 8  # most names are of many views
    for view, method, known in list(with_names(asker, names, asked)):
        fill(asker, view, method, "all", dict.fromkeys(known, "\0"))
        for name in known:
            place, views[name] = place + 1, views[name] + 1
            if (views[name] - 1) % step:
                continue
            for value in some(VALUES, place, full):
                # The others say yes, so that as much as possible is read.
                fill(asker, view, method, (name, value[:30]), dict.fromkeys(known, "1") | {name: value})
    figures("nasty", values=asker.number)
    assert asker.failed == []


def fill(asker: Asker, view: str, method: str, what: object, form: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(value)}" for name, value in form.items())
    asker.ask(view, method, f"{asker.address(view)}?{query}", what, form, **HTMX)


@pytest.mark.proof
def test_no_header_is_a_fault(asker: Asker, figures: Tell) -> None:
    for view, method in ASKED:
        url = asker.address(view)
        for value in HEADER_VALUES:
            asker.ask(view, method, url, ("all", value[:30]), **HTMX | dict.fromkeys(HEADERS, value))
            for name in HEADERS:
                asker.ask(view, method, url, (name, value[:30]), **HTMX | {name: value})
    figures("nasty", headers=asker.number)
    assert asker.failed == []


@SHORT_AND_FULL
@pytest.mark.both_databases
def test_no_part_of_a_path_is_a_fault(asker: Asker, figures: Tell, full: bool) -> None:
    raws = [*(value.encode() for value in VALUES), *BROKEN_BYTES]
    place = 0
    for view, method in ASKED:
        plain = asker.address(view)
        for part in PARTS[view]:
            place += 1
            own = asker.house.arguments["acme"][part]
            for raw in {b"\0", *(some(raws, place, full) if IS_FIRST else [])}:
                url = plain.replace(f"/{own}", "/" + quote_from_bytes(raw, safe=""), 1)
                asker.ask(view, method, url, (part, raw[:30]))
    figures("nasty", parts=asker.number)
    assert asker.failed == []
