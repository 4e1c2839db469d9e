"""The provider's states and interval types: what each means, in one place.

States are CloudStack's (`Snapshot.State`); only `BackedUp` can be used. Both lists may grow: an unknown value is
shown as it came.
"""

from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Kind(Enum):
    """What a state means to someone who wants their data back. The value is the badge's tone."""

    USABLE = "ok"
    FAILED = "bad"
    UNDER_WAY = "busy"
    LEAVING = "gone"
    UNKNOWN = "unknown"


USABLE_STATE = "BackedUp"

STATES: dict[str, tuple[Kind, str | Promise]] = {
    "BackedUp": (Kind.USABLE, _("Completed")),
    "Error": (Kind.FAILED, _("Error")),
    "Allocated": (Kind.UNDER_WAY, _("In progress")),
    "Creating": (Kind.UNDER_WAY, _("In progress")),
    "CreatedOnPrimary": (Kind.UNDER_WAY, _("In progress")),
    "BackingUp": (Kind.UNDER_WAY, _("In progress")),
    "Copying": (Kind.UNDER_WAY, _("Being copied")),
    "Destroying": (Kind.LEAVING, _("Destroying")),
    "Destroyed": (Kind.LEAVING, _("Destroyed")),
}

MARKS = {Kind.USABLE: "✓", Kind.FAILED: "✕", Kind.UNDER_WAY: "◐", Kind.LEAVING: "–", Kind.UNKNOWN: "?"}

INTERVAL_TYPES: dict[str, str | Promise] = {
    "MANUAL": pgettext_lazy("interval type", "Manual"),
    "HOURLY": pgettext_lazy("interval type", "Hourly"),
    "DAILY": pgettext_lazy("interval type", "Daily"),
    "WEEKLY": pgettext_lazy("interval type", "Weekly"),
    "MONTHLY": pgettext_lazy("interval type", "Monthly"),
    "RECURRING": pgettext_lazy("interval type", "Recurring"),
    "TEMPLATE": pgettext_lazy("interval type", "Template"),
    "GROUP": pgettext_lazy("interval type", "Group"),
}


def kind_of(state: str) -> Kind:
    return STATES[state][0] if state in STATES else Kind.UNKNOWN


def state_label(state: str) -> str:
    """The provider console's word for a state; an unknown one as it came."""
    if not state:
        return str(_("No state"))
    return str(STATES[state][1]) if state in STATES else state


def is_unknown_type(interval_type: str) -> bool:
    """Whether it names a type that is not known, or none, so that nobody can say how often a run is due."""
    parts = [part.strip() for part in interval_type.split(",")]
    return any(part not in INTERVAL_TYPES for part in parts)


def type_label(interval_type: str) -> str:
    """A word for an interval type. Old CloudStack joins several by commas: each is worded."""
    parts = [part.strip() for part in interval_type.split(",") if part.strip()]
    return ", ".join(str(INTERVAL_TYPES.get(part, part)) for part in parts) or "—"
