"""Two clocks as the readings show them: how far each is off the true time, and what nobody can tell by that."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

NOTHING = timedelta()
AGREE, DRIFT = timedelta(minutes=2), timedelta(minutes=15)
HOUR = timedelta(hours=1)


@dataclass
class Readings:
    """How far the provider's clock and ours are off now, and what the readings show of it.

    A jump is seen against the reading before. Where readings follow each other closely, the clock that jumped is the
    one whose step is odd, and one that goes back is wrong; else after a silence it may have been either.
    """

    provider: timedelta = NOTHING
    ours: timedelta = NOTHING
    # How far off the provider's clock usually is, and was before: names are no more exact than that.
    usual: timedelta = NOTHING
    drifts: set[timedelta] = field(default_factory=lambda: {NOTHING})
    since: datetime | None = None
    is_trusted: bool = True
    # Names and dates are the provider's: they are right where its clock is, and was at the reading before.
    names_are_right: bool = True
    # It may have been either that jumped.
    is_open: bool = False
    _apart: timedelta = NOTHING
    _usually_apart: timedelta = NOTHING
    _ours: timedelta = NOTHING
    _provider: timedelta = NOTHING
    _at: datetime | None = None
    _was_ours: bool = False
    _is_right: bool = True

    def read(self, now: datetime) -> None:
        """Take a reading at this true moment."""
        apart, last = self.provider - self.ours, self._at
        self._at, was_right = now, self._is_right
        is_usual = abs(apart - self._usually_apart) <= AGREE or abs(apart) <= AGREE
        # At first nobody can know whether the provider's clock has long been a little off, as are its names.
        if is_usual or (last is None and abs(apart) <= DRIFT):
            self._settle(apart)
        elif self.since is None or abs(apart - self._apart) > AGREE:
            self.since, self.is_trusted = now, False
            self.is_open = last is None or (now - last > HOUR and not self._goes_back(now - last))
            self._was_ours = not self.is_open and (self.ours != self._ours or self._is_put_back(now, last))
        elif now - self.since >= HOUR:
            self.is_trusted = not self.is_open
            if abs(apart) <= DRIFT and not self._was_ours:
                self._settle(apart)
        self._apart, self._ours, self._provider = apart, self.ours, self.provider
        self._is_right = self.since is None or self._was_ours
        self.names_are_right = was_right and self._is_right

    def _goes_back(self, step: timedelta) -> bool:
        """Whether one of the clocks shows an earlier time than at the reading before: that one is wrong."""
        return min(step + self.ours - self._ours, step + self.provider - self._provider) < -AGREE

    def _is_put_back(self, now: datetime, last: datetime | None) -> bool:
        """Whether the provider's clock was put back by less than a step: it looks as if ours had been put ahead."""
        is_back = last is not None and -(now - last) <= self.provider - self._provider < NOTHING
        if is_back:
            self.drifts.add(self.provider)
        return is_back

    def _settle(self, apart: timedelta) -> None:
        self._usually_apart = apart
        self.usual, self.since, self.is_trusted, self.is_open = self.provider, None, True, False
        self.drifts.add(self.provider)

    def may_be_off(self) -> set[timedelta]:
        """How far the moment of the newest list may lie from the one that is believed."""
        return {self.provider, self.ours} if self.is_open else {NOTHING}

    def may_have_drifted(self) -> set[timedelta]:
        return {one - other for one in self.drifts for other in self.drifts}
