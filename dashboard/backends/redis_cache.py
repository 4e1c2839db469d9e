"""Caches that never break a page or a sign-in: values may be lost or unreadable, and the server may not answer."""

import logging
import pickle
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

T = TypeVar("T")

# The exceptions of `pickle.loads` for a value that is truncated, invalid, or of a class that no longer exists.
UNREADABLE = (
    *(pickle.PickleError, struct.error, EOFError, LookupError, AttributeError, ImportError, AssertionError),
    *(TypeError, ValueError, ArithmeticError, MemoryError, RecursionError, NotImplementedError),
)
# Redis's messages for a value of the wrong type.
NOT_SUCH_A_VALUE = ("WRONGTYPE", "value is not")
ANSWER_SECONDS = 0.1
REST_SECONDS = 5.0
# Each thread has its own cache object; a failure that one of them saw stops all threads from waiting for the server.
_resting_until: dict[str, float] = {}
_log = logging.getLogger(__name__)


def kept(key: str, kind: type[T], make: Callable[[], T], *, seconds: int, alias: str = "fragments") -> T:
    """Return the cached value of a key, or create and cache it. A value that is not a readable `kind` counts as absent.

    `kind`: plain values, and tuples, dictionaries and dataclasses of them. Safe text comes back as plain text.
    """
    cache = caches[alias]
    found = cache.get(key)
    try:
        return msgspec.msgpack.decode(found, type=kind)
    except (TypeError, msgspec.MsgspecError):
        made = make()
    cache.set(key, msgspec.msgpack.encode(made, enc_hook=_plain), seconds)
    return made


def _plain(value: object) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    raise NotImplementedError(type(value))


def key_of(what: str, team_pk: int, parts: object) -> str:
    """Return a team's cache key for everything that the value depends on: the `repr` of `parts`, and the release."""
    return f"{what}:{team_pk}:{sha256(repr((settings.RELEASE, parts)).encode()).hexdigest()}"


class Readable(BaseCache):
    """Mixin for a cache backend: an unreadable value counts as absent, and is removed."""

    def get(self, key: str, default: object = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except UNREADABLE:
            self.delete(key, version)
            return default

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        names, nothing = list(keys), object()
        try:
            return super().get_many(names, version)
        except UNREADABLE:
            found = {name: self.get(name, nothing, version) for name in names}
            return {name: value for name, value in found.items() if value is not nothing}

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError for an absent key."""
        try:
            return super().incr(key, delta, version)
        except UNREADABLE as fault:
            self.delete(key, version)
            raise ValueError(key) from fault


class ReadableDatabaseCache(Readable, DatabaseCache):
    """Django's cache in a table."""


class BoundedLocMemCache(Readable, LocMemCache):
    """Django's cache in the process, bounded by the bytes of its values too: the least recently used go first.

    Option: `max_bytes`.
    """

    _cache: OrderedDict[str, bytes]
    _expire_info: dict[str, float | None]

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        options = dict(params["OPTIONS"])
        self._max_bytes: int = options.pop("max_bytes")
        super().__init__(name, params | {"OPTIONS": options})

    def _set(self, key: str, value: bytes, timeout: float | None = DEFAULT_TIMEOUT) -> None:
        super()._set(key, value, timeout)  # type: ignore[misc]  # not in the stubs
        used = sum(map(len, self._cache.values()))
        while used > self._max_bytes:
            oldest, removed = self._cache.popitem()
            del self._expire_info[oldest]
            used -= len(removed)


def _steady(name: str) -> Callable[..., Any]:
    """Return a method that uses Redis, and the stand-in while Redis does not answer."""

    def method(self: "_SteadyRedisCache", *args: object, **kwargs: object) -> object:
        # Always try to remove: an ended session must not stay valid in a server that other processes still reach.
        if self.is_resting and name != "delete":
            return getattr(self.stand_in, name)(*args, **kwargs)
        try:
            return getattr(RedisCache, name)(self, *args, **kwargs)
        except RedisError as fault:
            if isinstance(fault, ResponseError) and str(fault).startswith(NOT_SUCH_A_VALUE):
                raise ValueError(name) from fault
            self.rest(fault)
            return getattr(self.stand_in, name)(*args, **kwargs)

    return method


class _SteadyRedisCache(RedisCache):
    """Django's Redis cache with a stand-in for outages.

    Options: `stand_in`, the alias of the cache to use if Redis does not answer within 0.1 s, and for 5 s afterwards;
    `longest`, the maximum lifetime of a value in seconds. Values are not copied between the two caches.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = dict(params["OPTIONS"])
        self._stand_in: str = options.pop("stand_in")
        self._longest: int | None = options.pop("longest", None)
        self._server = server
        options["socket_timeout"] = options["socket_connect_timeout"] = ANSWER_SECONDS
        # Retry once for a connection that the server closed; do not retry if the server does not answer.
        options["retry"] = Retry(NoBackoff(), 1, supported_errors=(LostConnection,))
        super().__init__(server, params | {"OPTIONS": options})

    add = _steady("add")
    get = _steady("get")
    set = _steady("set")
    touch = _steady("touch")
    delete = _steady("delete")
    incr = _steady("incr")
    has_key = _steady("has_key")
    get_many = _steady("get_many")
    set_many = _steady("set_many")
    delete_many = _steady("delete_many")
    clear = _steady("clear")

    @property
    def stand_in(self) -> Any:
        return caches[self._stand_in]

    @property
    def is_resting(self) -> bool:
        return time.monotonic() < _resting_until.get(self._server, 0.0)

    def rest(self, fault: RedisError) -> None:
        """Do not use the server for a while; log that once."""
        if not self.is_resting:
            _log.warning("Redis does not answer (%s); done without it for %d s", type(fault).__name__, REST_SECONDS)
        _resting_until[self._server] = time.monotonic() + REST_SECONDS

    def get_backend_timeout(self, timeout: float | None = DEFAULT_TIMEOUT) -> float | None:
        seconds = super().get_backend_timeout(timeout)
        if self._longest is None:
            return seconds
        return self._longest if seconds is None else min(seconds, self._longest)


class SteadyRedisCache(Readable, _SteadyRedisCache):
    """The same, where a value that cannot be read is not there."""
