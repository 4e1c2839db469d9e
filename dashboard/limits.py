"""How often something may be done, and how much of it at once: the one place for every limit.

A limit counts the uses of a key in the last seconds, in one database row for each key. All processes share the table,
and only time removes a row: a cache would drop counts when a flood of other keys fills it.
"""

import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil
from queue import Empty, SimpleQueue
from threading import Lock

from django.db import OperationalError, transaction
from django.utils.crypto import salted_hmac

from dashboard.teams.models import LimitCount

PURGED_AT_ONCE = 10
"""Expired rows that go for each new one: a flood leaves no more rows than it makes within the longest limit."""
MOST_AHEAD = 10_000
DIGITS = 40


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a limit: true where it was allowed. `left` further ones are, and the next is after `wait` seconds."""

    key: str
    at: float
    allowed: bool
    left: int
    next_at: float

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def wait(self) -> int:
        return max(1, ceil(self.next_at - time.time()))

    def give_back(self) -> None:
        """Take the use back, for example because the password was right."""
        if self.allowed:
            _forget(self.key, self.at)


def allow(key: str, limit: int, seconds: float, *, at_once: int = 1) -> Use:
    """Count one use of a key, unless there were `limit` of them in the last `seconds`.

    `key` begins with what is limited and a colon; the rest is kept as a hash alone. With `at_once`, this process counts
    by itself and writes every `at_once`th use: for limits that keep away load and no guesses. Each process may be that
    much ahead, and a use passes while the database is busy.
    """
    if at_once == 1:
        return _count(key, limit, seconds, take=True)
    with _ahead_lock:
        kept = _kept_ahead(key, limit, seconds)
        kept.unwritten += 1
        if kept.unwritten < at_once and kept.unwritten <= kept.left:
            return Use(key, kept.since, True, kept.left - kept.unwritten, kept.next_at)
        kept.unwritten = 0
    try:
        use = _count(key, limit // at_once, seconds, take=True)
    except OperationalError:
        return Use(key, kept.since, True, kept.left, kept.next_at)
    kept.since, kept.left, kept.next_at = use.at, use.left * at_once, use.next_at
    return Use(key, use.at, use.allowed, kept.left, use.next_at)


def wait_of(key: str, limit: int, seconds: float) -> int:
    """Give the seconds until a use would be allowed, and count none; 0: now."""
    use = _count(key, limit, seconds, take=False)
    return 0 if use else use.wait


def clear(key: str) -> None:
    """Forget all uses of a key."""
    _forget(key, None)


class Slots:
    """Places for work that holds a thread of this process for long: `most` in total, `most_each` for one owner.

    Returning a place waits for nothing, as the garbage collector may do it at any point of any thread, also while that
    thread holds the lock. `SimpleQueue.put` is made for that; the next taker counts what came back.
    """

    def __init__(self, most: int, most_each: int | None = None) -> None:
        self.most, self.most_each = most, most if most_each is None else most_each
        self._taken: Counter[Hashable] = Counter()
        self._given_back: SimpleQueue[Hashable] = SimpleQueue()
        self._lock = Lock()

    def take(self, owner: Hashable = None) -> bool:
        with self._lock:
            taken = self._count()
            if taken[owner] >= self.most_each or taken.total() >= self.most:
                return False
            taken[owner] += 1
            return True

    def give_back(self, owner: Hashable = None) -> None:
        self._given_back.put(owner)

    def taken(self) -> Counter[Hashable]:
        """Count the places that are taken, by owner."""
        with self._lock:
            return +self._count()

    def _count(self) -> Counter[Hashable]:
        """Subtract the returned places. Call under the lock."""
        try:
            while True:
                self._taken[self._given_back.get_nowait()] -= 1
        except Empty:
            return self._taken


@dataclass(slots=True)
class Ahead:
    """What this process counted of a key since it last wrote, and how many uses were left then."""

    since: float
    unwritten: int
    left: int
    next_at: float


_ahead: dict[str, Ahead] = {}
_ahead_lock = Lock()


def _kept_ahead(key: str, limit: int, seconds: float) -> Ahead:
    now = time.time()
    kept = _ahead.get(key)
    if kept is None or not kept.since <= now < kept.since + seconds:
        if len(_ahead) >= MOST_AHEAD:
            _ahead.clear()  # what was written stays counted
        kept = _ahead[key] = Ahead(now, 0, limit, now + seconds)
    return kept


def _count(key: str, limit: int, seconds: float, *, take: bool) -> Use:
    """Look first: what is refused writes nothing, so that a flood from one place keeps no writer waiting."""
    now, name = round(time.time(), 6), _name(key)
    row = LimitCount.objects.filter(name=name).first()
    used = row.since(now, seconds) if row else []
    if len(used) < limit and take:
        with transaction.atomic():
            # The row's lock comes with it, so that of two at once the second sees the first.
            locked = LimitCount.objects.hold(name, expires_at=now + seconds)
            used = locked.since(now, seconds)
            if len(used) < limit:
                LimitCount.objects.filter(name=name).update(times=[*used, now])
    if row is None and take:
        LimitCount.objects.purge(now, PURGED_AT_ONCE)
    allowed = len(used) < limit
    return Use(key, now, allowed, max(0, limit - len(used) - allowed), min(used, default=now) + seconds)


def _name(key: str) -> str:
    kind, _colon, rest = key.partition(":")
    return f"{kind}:{salted_hmac('dashboard.limits', rest, algorithm='sha256').hexdigest()[:DIGITS]}"


def _forget(key: str, at: float | None) -> None:
    """Forget one use of a moment, or all."""
    name = _name(key)
    with transaction.atomic():
        row = LimitCount.objects.select_for_update().filter(name=name).first()
        if row is not None:
            times = [] if at is None else row.without(at)
            LimitCount.objects.filter(name=name).update(times=times)
