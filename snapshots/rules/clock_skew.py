"""The provider's clock and ours, and which of them a sync may trust.

Every answer's `Date` header tells how far the provider's clock is ahead of this machine's. One reading proves nothing:
a jump shows only against the reading before. Names and deadlines follow the provider's clock, but only by as much as
clocks drift; a larger difference is shown on the pages and not followed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# Clocks that are no further apart agree: the header counts whole seconds, and answers take their time.
AGREE = timedelta(minutes=2)
# A larger difference is not followed: were only the header wrong, ages would be wrong by as much.
MOST_FOLLOWED = timedelta(minutes=15)
MOST_TOLD = timedelta(days=3650)
# Between two syncs that are no further apart it is plain which clock jumped: the other one alone shows such a step.
USUAL_STEP = timedelta(hours=1)
# A difference that lasted so long without another jump is how the clocks are.
SETTLED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Clocks:
    """How the two clocks stand after a reading. All numbers are whole seconds.

    Attributes:
        at: our time of the reading, corrected; None before the first one.
        ahead: how far the provider's clock is ahead of our corrected time, as far as it is followed.
        told: how far the header said that it is ahead of our clock.
        apart_since: since when the clocks disagree; None while they agree.
        correction: what must be added to our clock, which jumped while the provider's did not.
        doubt: how far apart the possible moments are, where it is not known which clock jumped.
        earlier: how far the earliest of them is before the corrected time.
    """

    at: datetime | None = None
    ahead: int = 0
    told: int = 0
    apart_since: datetime | None = None
    correction: int = 0
    doubt: int = 0
    earlier: int = 0

    @property
    def is_trusted(self) -> bool:
        """Whether the moment of this reading may date what was first seen with it."""
        return self.has_lasted and not self.doubt

    @property
    def has_lasted(self) -> bool:
        """Whether no difference is left, or it has lasted for so long that it is how the clocks are."""
        return self.at is None or self.apart_since is None or self.at - self.apart_since >= SETTLED

    @property
    def is_provider_right(self) -> bool:
        """Whether names and dates tell a time that can be followed: no difference is left, or it is our clock's."""
        return not self.doubt and _is_near(self.told - self.correction, self.ahead)

    @property
    def unfollowed(self) -> int:
        """How far the provider's clock is from what is followed of it."""
        return self.told - self.ahead

    def ours(self, moment: datetime) -> datetime:
        """A moment of our clock, corrected."""
        return moment + timedelta(seconds=self.correction)

    def provider(self, moment: datetime) -> datetime:
        """The provider's time at a moment of our clock; the earliest one where it is not known which clock jumped."""
        return self.ours(moment) + timedelta(seconds=self.ahead - self.earlier)


def clock_ahead(told: datetime | None, received_at: datetime) -> int | None:
    """Return by how many seconds the provider's clock is ahead of ours; 0 if they agree, None without a time."""
    if told is None:
        return None
    if abs(told - received_at) <= AGREE:
        return 0
    return int(max(-MOST_TOLD, min(told - received_at, MOST_TOLD)).total_seconds())


def read(before: Clocks, ours: datetime, told: int | None) -> Clocks:
    """Take a reading: `ours` is our clock's time, `told` how far the header says that the provider's is ahead of it."""
    if told is None:
        told = before.told
    if before.at is None:
        return _first(ours, told)
    if _is_near(told, before.ahead):
        return Clocks(ours, ahead=told, told=told)
    if told == 0:
        return Clocks(ours)
    has_gone_back = before.ours(ours) - before.at < -AGREE
    if before.apart_since is not None and _is_near(told, before.told) and not has_gone_back:
        return _again(before, before.apart_since, ours, told)
    return _jumped(before, before.at, ours, told)


def _is_near(one: int, other: int) -> bool:
    return abs(one - other) <= AGREE.total_seconds()


def _followed(told: int) -> int:
    return told if abs(told) <= MOST_FOLLOWED.total_seconds() else 0


def _first(ours: datetime, told: int) -> Clocks:
    """Without an earlier reading, accept a small difference, and treat a large one as uncertain."""
    if _followed(told) == told:
        return Clocks(ours, ahead=told, told=told)
    return Clocks(ours, told=told, apart_since=ours, doubt=abs(told), earlier=max(0, -told))


def _again(before: Clocks, since: datetime, ours: datetime, told: int) -> Clocks:
    """The same difference as last time: it is how the clocks are once it has lasted."""
    if before.is_provider_right:
        return _corrected(before, since, ours, told, told - before.ahead)
    settled = _corrected(before, since, ours, told, before.correction)
    if not settled.has_lasted:
        return settled
    if _followed(told) == told:
        return Clocks(ours, told, told)
    # Where it was not plain which clock jumped, time alone does not tell.
    return replace(settled, ahead=_followed(told - before.correction))


def _jumped(before: Clocks, at: datetime, ours: datetime, told: int) -> Clocks:
    """One clock jumped since the last reading: the one of which the step is not possible.

    What was known or uncertain of an earlier jump stays so: this one comes on top of it.
    """
    jump = told - before.told
    step = before.ours(ours) - at
    provider_step = step + timedelta(seconds=jump)
    if _is_possible(provider_step) and not _is_possible(step):
        correction = before.correction + jump
        return _corrected(before, None, ours, told, 0 if _is_near(correction, 0) else correction)
    jumped = _corrected(before, None, ours, told, before.correction)
    if _is_possible(step) and not _is_possible(provider_step):
        return jumped
    # Either one jumped, or both, and one of them is right again.
    possible = [-before.earlier, before.doubt - before.earlier]
    possible += [*(each + jump for each in possible), -before.correction, told - before.correction - before.ahead]
    return replace(jumped, doubt=max(possible) - min(possible), earlier=-min(possible))


def _corrected(before: Clocks, since: datetime | None, ours: datetime, told: int, correction: int) -> Clocks:
    """The clocks after a reading with this correction; apart `since` then, or since now."""
    at = ours + timedelta(seconds=correction)
    return replace(before, at=at, told=told, apart_since=since or at, correction=correction)


def _is_possible(step: timedelta) -> bool:
    """Whether a clock may have gone so far between two readings: it went neither back nor further than usual."""
    return -AGREE <= step <= USUAL_STEP
