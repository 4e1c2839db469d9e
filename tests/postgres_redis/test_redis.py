"""What Redis holds and for how long; and that no page, sign-in or sign-out falls when it does."""

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as product
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.test import Client
from pytest_django import Settings
from redis import Redis
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer

from dashboard.backends import redis_cache as steady
from dashboard.backends.redis_cache import SteadyRedisCache
from dashboard.backends.sessions import SessionStore
from dashboard.teams.models import Team, User
from tests.conftest import ANSWER_SECONDS, PASSWORD
from tests.management.programs import until
from tests.postgres_redis.conftest import OwnRedis
from tests.views.snapshots.conftest import LIST, PATH, Fill, clock, environment, fill, key, record, sim, snapshot_id
from tests.views.snapshots.reading import numbers

__all__ = ["clock", "environment", "fill", "key", "sim"]
pytestmark = [pytest.mark.services, pytest.mark.django_db]
# Longer than a busy machine takes, and shorter than any rest.
REST_SECONDS = 600.0


@pytest.fixture
def redis(settings: Settings, own_redis: OwnRedis) -> Iterator[OwnRedis]:
    """The product's caches on a Redis that the test may stop."""
    settings.CACHES = {
        name: cache | ({"LOCATION": own_redis.url} if "Redis" in str(cache["BACKEND"]) else {})
        for name, cache in product.CACHES.items()
    }
    yield own_redis
    steady._resting_until.clear()


@pytest.fixture
def waits(redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> list[RedisError]:
    """What Redis failed by, one for each time that somebody waited for it, at the product's own patience."""
    found: list[RedisError] = []
    rest = SteadyRedisCache.rest

    def noted(cache: SteadyRedisCache, fault: RedisError) -> None:
        found.append(fault)
        rest(cache, fault)

    monkeypatch.setattr(steady, "ANSWER_SECONDS", ANSWER_SECONDS)
    monkeypatch.setattr(steady, "REST_SECONDS", REST_SECONDS)
    monkeypatch.setattr(SteadyRedisCache, "rest", noted)
    return found


def kept(redis: OwnRedis) -> dict[str, int]:
    """The keys and for how many seconds they are kept, by Redis's own word."""
    server = Redis.from_url(redis.url)
    return {name.decode(): int(server.ttl(name)) for name in server.scan_iter()}


def sign_in(client: Client, user: User) -> int:
    return client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}).status_code


def test_a_session_is_read_from_its_row_every_five_seconds(redis: OwnRedis, alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    assert alice_client.get(LIST).status_code == 200
    (left,) = [seconds for name, seconds in kept(redis).items() if name.startswith("sessions:")]
    assert 0 < left <= 5
    Session.objects.all().delete()
    assert alice_client.get(LIST).status_code == 200
    caches["sessions"].clear()
    assert alice_client.get(LIST).status_code == 302


def test_a_sign_out_ends_the_session_in_both_places(redis: OwnRedis, alice_client: Client) -> None:
    cookie = alice_client.cookies["sessionid"].value
    alice_client.get("/teams/")
    alice_client.post("/accounts/logout/")
    assert [name for name in kept(redis) if cookie in name] == []
    alice_client.cookies["sessionid"] = cookie
    assert alice_client.get("/teams/").status_code == 302


@pytest.mark.proof
def test_a_session_that_could_not_be_taken_out_of_redis_ends_all_the_same(
    redis: OwnRedis, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: object, *args: object, **kwargs: object) -> None:
        raise LostConnection

    assert alice_client.get("/teams/").status_code == 200
    cookie = alice_client.cookies["sessionid"].value
    monkeypatch.setattr(RedisCache, "delete", lost)
    SessionStore().delete(alice_client.session.session_key)
    assert [name for name in kept(redis) if name.startswith("sessions:")]
    assert alice_client.get("/teams/").status_code == 302
    sessions: Any = caches["sessions"]
    until(lambda: not sessions.is_resting, what="the end of the rest")
    alice_client.cookies["sessionid"] = cookie
    assert alice_client.get("/teams/").status_code == 302


@pytest.mark.usefixtures("environment", "sim")
def test_what_was_asked_for_is_remembered_for_a_minute(redis: OwnRedis, alice_client: Client) -> None:
    for number in range(12):
        alice_client.post(f"{LIST}{PATH}/{snapshot_id(number)}/check/", {"lookup": "1"})
    memories = {name: seconds for name, seconds in kept(redis).items() if "unknown:" in name}
    assert len(memories) == 10
    assert all(0 < seconds <= 60 for seconds in memories.values())


def test_every_cached_part_is_kept_under_its_team(
    redis: OwnRedis, alice_client: Client, fill: Fill, team: Team
) -> None:
    fill([record(1)])
    for query in ("", "?q=web", "?listed=no", "?state=BackedUp"):
        alice_client.get(LIST + query)
    parts = [name.split(":") for name in kept(redis) if name.startswith("fragments:")]
    assert {what for _cache, _version, what, *_rest in parts} == {"table", "menus", "page"}
    assert len([each for each in parts if each[2] == "page"]) == 4
    assert {team_pk for _cache, _version, _what, team_pk, _key in parts} == {str(team.pk)}


def test_nobody_notices_when_redis_dies(
    redis: OwnRedis, waits: list[RedisError], alice_client: Client, fill: Fill
) -> None:
    fill([record(1)])
    before = numbers(alice_client.get(LIST))
    redis.stop()
    for _ in range(2):
        assert numbers(alice_client.get(LIST)) == before == [1]
    assert len(waits) == 1
    assert alice_client.get("/readyz").status_code == 200
    redis.start()


def test_a_redis_that_hangs_holds_up_one_request_for_a_tenth_of_a_second(
    redis: OwnRedis, waits: list[RedisError], alice_client: Client, fill: Fill
) -> None:
    fill([record(1)])
    alice_client.get(LIST)
    redis.hang()
    for _ in range(3):
        assert numbers(alice_client.get(LIST)) == [1]
    assert [type(fault) for fault in waits] == [NoAnswer]
    assert ANSWER_SECONDS == 0.1


def test_sign_in_and_out_without_redis(redis: OwnRedis, client: Client, alice: User) -> None:
    redis.stop()
    assert sign_in(client, alice) == 302
    assert client.get("/teams/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302
    assert (client.get("/teams/").status_code, Session.objects.count()) == (302, 0)


def test_guesses_are_counted_without_redis(redis: OwnRedis, client: Client, alice: User) -> None:
    redis.stop()
    statuses = [
        client.post("/accounts/login/", {"login": alice.email, "password": f"wrong-{number}"}).status_code
        for number in range(6)
    ]
    assert statuses == [200] * 5 + [429]


def test_it_is_asked_again_after_a_rest(redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    redis.stop()
    assert caches["fragments"].get("a") is None
    redis.start()
    caches["fragments"].set("a", 1)
    assert kept(redis) == {}
    monkeypatch.setattr(steady, "_resting_until", {})
    caches["fragments"].set("a", 2)
    assert list(kept(redis)) == ["fragments:1:a"]


def spoil(redis: OwnRedis, value: bytes | None) -> None:
    """Put bytes, or None for a list, in the place of every value."""
    server = Redis.from_url(redis.url)
    for name in list(server.scan_iter()):
        server.delete(name)
        if value is None:
            server.rpush(name, "x")
        else:
            server.set(name, value)


@pytest.mark.parametrize("value", [b"", b"garbage", pickle.dumps({"a": 1})[:9], pickle.dumps("x"), None])
def test_what_cannot_be_read_is_not_there_and_redis_is_asked_on(
    redis: OwnRedis, waits: list[RedisError], alice_client: Client, fill: Fill, value: bytes | None
) -> None:
    fill([record(1)])
    before = numbers(alice_client.get(LIST))
    caches["fragments"].set("count", 1)
    spoil(redis, value)
    with pytest.raises(ValueError):
        caches["fragments"].incr("count")
    assert numbers(alice_client.get(LIST)) == before == [1]
    assert caches["fragments"].get_many(["count"]) == {}
    assert waits == []
