"""How many requests a token may make in a minute, counted where forgetting does no harm.

The count lies in the cache `fragments`: each web process counts alone, all together where there is Redis. No request
writes a row for it.
"""

import time
from dataclasses import dataclass
from math import ceil

from django.core.cache import caches

MOST_A_MINUTE = 600
WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """How a token stands in this minute; `seconds` until the next one begins."""

    used: int
    seconds: int

    @property
    def is_over(self) -> bool:
        return self.used > MOST_A_MINUTE

    @property
    def headers(self) -> dict[str, str]:
        left = max(0, MOST_A_MINUTE - self.used)
        said = {"RateLimit-Limit": MOST_A_MINUTE, "RateLimit-Remaining": left, "RateLimit-Reset": self.seconds}
        return {name: str(number) for name, number in said.items()}


def count(token_pk: int) -> Rate:
    """Count one more request of a token."""
    now = time.time()
    window, cache = int(now // WINDOW_SECONDS), caches["fragments"]
    key = f"token-rate:{token_pk}:{window}"
    cache.add(key, 0, 2 * WINDOW_SECONDS)
    try:
        used = int(cache.incr(key))
    except ValueError:  # pushed out between the two
        used = 1
    return Rate(used, max(1, ceil((window + 1) * WINDOW_SECONDS - now)))
