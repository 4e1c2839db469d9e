"""The states of a snapshot and the legal steps between them, as in CloudStack's SnapshotStateMachineManagerImpl."""

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
"""States in which the snapshot keeps its volume in Snapshotting."""

HIDDEN: Final = "Destroyed"
"""The one state that lists leave out."""


class IllegalTransition(Exception):
    """The world tried a step that the provider's state machine does not know."""


def check_transition(old: str, new: str) -> None:
    """Raise IllegalTransition unless the provider knows the step from `old` to `new`."""
    if new not in TRANSITIONS.get(old, frozenset()):
        raise IllegalTransition(f"A snapshot cannot go from {old} to {new}.")
