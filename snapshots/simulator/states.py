"""The states of a snapshot and the allowed steps between them, as in CloudStack's SnapshotStateMachineManagerImpl."""

from typing import Final

TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "Allocated": frozenset({"Creating"}),
    "Creating": frozenset({"CreatedOnPrimary", "BackedUp", "Error"}),
    "CreatedOnPrimary": frozenset({"BackingUp", "BackedUp"}),
    "BackingUp": frozenset({"BackedUp", "Error", "BackingUp"}),
    "BackedUp": frozenset({"Destroying", "Copying", "BackingUp"}),
    "Copying": frozenset({"BackedUp"}),
    "Destroying": frozenset({"Destroyed", "BackedUp", "Destroying"}),
    "Destroyed": frozenset(),
    "Error": frozenset(),
}
BUSY: Final = frozenset({"Creating", "CreatedOnPrimary", "BackingUp"})
"""States of a snapshot in which its volume is Snapshotting."""

HIDDEN: Final = "Destroyed"
"""The one state that lists leave out."""


class IllegalTransition(Exception):
    """The world tried a step that the provider's state machine does not allow."""


def check_transition(old: str, new: str) -> None:
    """Raise IllegalTransition unless the provider allows the step from `old` to `new`."""
    if new not in TRANSITIONS.get(old, frozenset()):
        raise IllegalTransition(f"A snapshot cannot go from {old} to {new}.")
