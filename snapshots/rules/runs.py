"""A run: one snapshot as the judge sees it, and what its state says of it. Pure values.

The states and the steps between them are CloudStack's (`SnapshotStateMachineManagerImpl`).
"""

from datetime import datetime
from typing import NamedTuple

from snapshots.rules.states import USABLE_STATE, Kind, kind_of

MAKING = frozenset({"Allocated", "Creating", "CreatedOnPrimary", "BackingUp"})
# States in which a snapshot that was complete before is moved and can still be used afterwards.
MOVING = frozenset({"Copying", "BackingUp"})
# States that only a snapshot gets into which was complete before.
AFTER_COMPLETION = frozenset({"BackedUp", "Copying", "Destroying", "Destroyed"})
COPYING = "Copying"
FAILED = "Error"


class Run(NamedTuple):
    """A snapshot as the judge sees it. It began between `began_after` (None: not known) and `began_before`."""

    schedules: tuple[str, ...]
    state: str
    began_after: datetime | None
    began_before: datetime
    first_seen_at: datetime
    # When it was first seen complete.
    usable_at: datetime | None = None
    # False: the provider lists it no more. With `is_candidate` the newest list left it out and the next one decides.
    listed: bool = True
    is_candidate: bool = False
    # Whether its interval type is one that is not known: it may be of a schedule.
    is_of_unknown_type: bool = False

    @property
    def is_usable(self) -> bool:
        if not self.listed:
            return False
        return self.state == USABLE_STATE or (self.usable_at is not None and self.state in MOVING)

    @property
    def is_being_made(self) -> bool:
        return self.listed and self.state in MAKING and not self.is_usable

    @property
    def was_completed(self) -> bool:
        return self.usable_at is not None or self.state in AFTER_COMPLETION

    @property
    def is_in_unknown_state(self) -> bool:
        """Its state is none of those that are known, so that nobody can say whether it is usable."""
        return self.listed and kind_of(self.state) is Kind.UNKNOWN

    @property
    def is_in_doubt(self) -> bool:
        """It may be usable or not.

        It was left out once, or first met while it was copied and never seen complete, or its state is not known.
        """
        is_copied = self.listed and self.state == COPYING and self.usable_at is None
        return self.is_candidate or is_copied or self.is_in_unknown_state

    @property
    def has_failed(self) -> bool:
        """It ended in Error, or vanished while it was being made, which is how some failures look from outside."""
        vanished = not self.listed and not self.was_completed and self.state in MAKING
        return self.state == FAILED or vanished
