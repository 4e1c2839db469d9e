"""A time budget that several calls share."""

from time import monotonic
from typing import Self


class Deadline:
    """A time of the monotonic clock after which no call may wait any longer."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    @classmethod
    def after(cls, seconds: float) -> Self:
        return cls(monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._moment - monotonic())

    @property
    def expired(self) -> bool:
        return self.remaining() == 0.0
