"""What a cache cannot read is not there: no page and no sign-in falls with it."""

import pickle
import re
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.backends.redis_cache import kept
from tests.conftest import Answer, cached_in_process
from tests.views.snapshots.conftest import Fill, clock, environment, fill, key, record

__all__ = ["clock", "environment", "fill", "key"]
pytestmark = [pytest.mark.django_db, pytest.mark.defaults]
GONE = b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x06gone_m\x94\x8c\x05Class\x94\x93\x94)\x81\x94."
PICKLES = {
    "empty": b"",
    "garbage": b"\xff\x00 garbage",
    "text": b"hello",
    "cut short": pickle.dumps({"html": "x" * 200})[:40],
    "of a class that is gone": GONE,
    "of a method that is gone": b"cdatetime\nno_such_thing\n.",
    "a stack that is not there": b"0.",
    "a memory that is not there": b"h\x07.",
    "a number that is none": b"Iseven\n.",
}
OTHERS = {"none": None, "number": 7, "text": "x", "pair": (1, 2), "dict": {"a": 1}, "object": timezone.now()}
SPOILT = PICKLES | {f"another kind: {name}": pickle.dumps(value) for name, value in OTHERS.items()}
PAGES = ("/t/acme/", "/t/acme/snapshots/", "/t/acme/volumes/", "/t/acme/changes/", "/t/acme/settings/targets/")
Spoil = Callable[[bytes], None]


def in_process(value: bytes) -> None:
    """Put bytes in the place of every value of the cache in the process."""
    cache = cached_in_process()
    for name in cache:
        cache[name] = value


def in_table(value: bytes) -> None:
    """Put text in the place of every value of the cache in the database."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cache_entries SET value = %s", [value.decode("latin-1").replace("\0", "")])


def without_form_keys(answer: Answer) -> str:
    return re.sub(r'"[^"]{43,64}"', "", answer.content.decode())


@pytest.mark.parametrize("every", [len(PAGES), pytest.param(1, marks=pytest.mark.proof)])
def test_a_part_that_cannot_be_read_is_made_anew(alice_client: Client, fill: Fill, every: int) -> None:
    """Each spoilt value on one of the pages, or on all."""
    fill([record(1)])
    failed = []
    for place, page in enumerate(PAGES):
        first = alice_client.get(page, follow=True)
        for name, value in list(SPOILT.items())[place % every :: every]:
            in_process(value)
            again = alice_client.get(page, follow=True)
            if (again.status_code, without_form_keys(again)) != (200, without_form_keys(first)):
                failed.append((page, name, again.status_code))
    assert failed == []


@pytest.fixture(params=["fragments", "default"])
def cache(request: pytest.FixtureRequest) -> BaseCache:
    return caches[request.param]


@pytest.fixture
def spoil(cache: BaseCache) -> Spoil:
    return in_process if cache is caches["fragments"] else in_table


@pytest.mark.few(1)
def test_every_reading_of_a_spoilt_value_finds_none(cache: BaseCache, spoil: Spoil) -> None:
    readings: list[Callable[[], object]] = [
        lambda: cache.get("a", "default"),
        lambda: cache.get_many(["a", "b"]),
        lambda: cache.get_or_set("a", "set"),
    ]
    for name, value in PICKLES.items():
        found = []
        for reading in readings:
            cache.set_many({"a": 1, "b": 2})
            spoil(value)
            found.append(reading())
        assert found == ["default", {}, "set"], name


def test_a_spoilt_count_is_not_there(cache: BaseCache, spoil: Spoil) -> None:
    for value in [*PICKLES.values(), pickle.dumps("x")]:
        cache.set("count", 5)
        spoil(value)
        with pytest.raises(ValueError):
            cache.incr("count")
        assert cache.add("count", 1)
        assert cache.incr("count") == 2


def test_a_good_value_beside_a_spoilt_one_is_found(cache: BaseCache, spoil: Spoil) -> None:
    cache.set("bad", 1)
    spoil(b"garbage")
    cache.set("good", 2)
    assert cache.get_many(["bad", "good"]) == {"good": 2}


def test_what_another_release_has_made_is_not_shown(alice_client: Client, fill: Fill, settings: Settings) -> None:
    fill([record(1)])
    alice_client.get(PAGES[1])
    before = set(cached_in_process())
    settings.RELEASE = "99.0"
    alice_client.get(PAGES[1])
    assert any("table:" in name for name in set(cached_in_process()) - before)


def test_what_is_kept_is_made_once() -> None:
    made: Iterator[int] = iter(range(9))
    assert [kept("a", int, lambda: next(made), seconds=9) for _ in range(3)] == [0, 0, 0]
    assert kept("a", str, lambda: "of another kind", seconds=9) == "of another kind"
