"""How often one visitor may ask for shared links: few guesses, many views. No view costs a write to the database."""

import logging
import time
from ipaddress import IPv6Address, ip_address, ip_network

from django.core.cache import caches
from django.http import HttpRequest

from dashboard.clients import address_of

WRONG_A_MINUTE = 30
RIGHT_A_MINUTE = 600
"""Of one process, unless all share a Redis."""
ALARM = 300
"""Wrong tries of all visitors within a minute that are worth a line in the log."""
MINUTE = 60
SUBSCRIBER_BITS = 64

log = logging.getLogger(__name__)


def visitor_of(request: HttpRequest) -> str:
    """Give the network address; of IPv6 the /64, as one subscriber has all of it."""
    try:
        address = ip_address(address_of(request) or "")
    except ValueError:
        return "-"
    if isinstance(address, IPv6Address):
        own = address.ipv4_mapped
        return str(own) if own else str(ip_network((address, SUBSCRIBER_BITS), strict=False))
    return str(address)


def wait_of(visitor: str) -> int:
    """Give the seconds for which a visitor of too many wrong tries is told nothing; 0: may ask."""
    taken: list[float] = list(caches["default"].get_many(_places(visitor)).values())
    if len(taken) < WRONG_A_MINUTE:
        return 0
    return int(min(taken) + MINUTE - time.time()) + 1


def count_wrong(visitor: str) -> bool:
    """Take one of the visitor's places, each free again after a minute; False: others took the last meanwhile."""
    _watch()
    cache, places = caches["default"], _places(visitor)
    taken = cache.get_many(places)
    return any(cache.add(place, time.time(), MINUTE) for place in places if place not in taken)


def count_right(visitor: str) -> int:
    """Count a view; gives the seconds to wait where there were too many in this minute, else 0."""
    if _count(f"share-right:{visitor}") <= RIGHT_A_MINUTE:
        return 0
    return MINUTE - int(time.time()) % MINUTE


def _places(visitor: str) -> list[str]:
    return [f"share-wrong:{visitor}:{number}" for number in range(WRONG_A_MINUTE)]


def _watch() -> None:
    if _count("share-wrong") == ALARM:
        log.warning("%d shared links that do not work were asked for within a minute.", ALARM)


def _count(name: str) -> int:
    """Count up within this minute, in what may be forgotten."""
    cache, key = caches["fragments"], f"{name}:{int(time.time() // MINUTE)}"
    cache.add(key, 0, 2 * MINUTE)
    try:
        return cache.incr(key)
    except ValueError:  # pushed out of the cache that very moment
        return 1
