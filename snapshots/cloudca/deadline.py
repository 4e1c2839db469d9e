"""A budget of time that several calls share."""

from time import monotonic
from typing import Self


class Deadline:
    """A moment of the monotonic clock after which nothing may be waited for."""

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
