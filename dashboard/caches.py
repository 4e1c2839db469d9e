"""Redis that may fail: what it holds may be forgotten, so no page and no sign-in waits for it or falls with it."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError
from redis.retry import Retry

ANSWER_SECONDS = 0.1
REST_SECONDS = 5.0
# Each thread has a cache object of its own; what one of them learnt of a server spares all of this process the wait.
_resting_until: dict[str, float] = {}
_log = logging.getLogger(__name__)


def _steady(name: str) -> Callable[..., Any]:
    """Make a method that asks Redis, and the stand-in while Redis does not answer."""

    def method(self: "SteadyRedisCache", *args: object, **kwargs: object) -> object:
        # A removal is always tried: an ended session must not live on in a server that others still reach.
        if self.is_resting and name != "delete":
            return getattr(self.stand_in, name)(*args, **kwargs)
        try:
            return getattr(RedisCache, name)(self, *args, **kwargs)
        except RedisError as fault:
            self.rest(fault)
            return getattr(self.stand_in, name)(*args, **kwargs)

    return method


class SteadyRedisCache(RedisCache):
    """Django's Redis cache with a stand-in for outages.

    Options: `stand_in`, the alias of the cache that is asked while Redis gives no answer within 0.1 s, and for the 5 s
    after; `longest`, the most seconds that a value is kept. What was written to the one is not copied to the other.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = dict(params["OPTIONS"])
        self._stand_in: str = options.pop("stand_in")
        self._longest: int | None = options.pop("longest", None)
        self._server = server
        options["socket_timeout"] = options["socket_connect_timeout"] = ANSWER_SECONDS
        # Once more for a connection that the server closed meanwhile; a server that is silent is not asked again.
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

    def run(self, script: str, key: str, *args: str | float) -> Any:
        """Run a script on one key at once for all processes; None while Redis gives no answer."""
        if self.is_resting:
            return None
        try:
            server = self._cache.get_client(key, write=True)
            return server.eval(script, 1, self.make_and_validate_key(key), *args)
        except RedisError as fault:
            self.rest(fault)
            return None

    @property
    def stand_in(self) -> Any:
        return caches[self._stand_in]

    @property
    def is_resting(self) -> bool:
        return time.monotonic() < _resting_until.get(self._server, 0.0)

    def rest(self, fault: RedisError) -> None:
        """Leave the server alone for a while; told once each time."""
        if not self.is_resting:
            _log.warning("Redis does not answer (%s); done without it for %d s", type(fault).__name__, REST_SECONDS)
        _resting_until[self._server] = time.monotonic() + REST_SECONDS

    def get_backend_timeout(self, timeout: float | None = DEFAULT_TIMEOUT) -> float | None:
        seconds = super().get_backend_timeout(timeout)
        if self._longest is None:
            return seconds
        return self._longest if seconds is None else min(seconds, self._longest)
