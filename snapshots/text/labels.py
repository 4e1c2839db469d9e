"""Short labels: what a snapshot and a volume are called, the badge of a state, numbers, exclusions."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from snapshots.models import Environment, Volume
from snapshots.models.volume import RETURN_IS_SAID
from snapshots.rules import states
from snapshots.rules.states import Kind
from snapshots.text import times
from snapshots.verdicts.sql import FOR_EVER


@dataclass(frozen=True, slots=True)
class Badge:
    """Mark + word + tone: colour never speaks alone. Tone is one of ok, warn, bad, busy, unknown, gone."""

    mark: str
    word: str
    tone: str
    raw: str = ""


def badge(state: str, *, listed: bool, candidate: bool) -> Badge:
    """A snapshot's state as mark, word and tone. What the provider left out of its list is never shown as usable."""
    if not listed:
        return Badge(states.MARKS[Kind.LEAVING], _("Not listed"), Kind.LEAVING.value, state)
    kind = states.kind_of(state)
    if candidate and kind is Kind.USABLE:
        kind = Kind.UNKNOWN
    return Badge(states.MARKS[kind], states.state_label(state), kind.value, state)


def title(name: str, snapshot_id: str) -> str:
    """What a snapshot is called: its name, or its id where the name is empty or blank."""
    return name if name.strip() else snapshot_id


def volume_name(volume_id: str, name: str) -> str:
    """A volume's name; where it has none, the head of its id; where it has no id either, "No volume"."""
    if name.strip():
        return name
    return f"{volume_id[:8]}…" if volume_id else _("No volume")


def grouped(number: int) -> str:
    """A number with its thousands apart: "12,345"."""
    return number_format(number, force_grouping=True)


def is_excluded(thing: Environment | Volume, now: datetime) -> bool:
    return thing.excluded_until is not None and thing.excluded_until > now


def has_returned(thing: Environment | Volume, now: datetime) -> bool:
    """Whether its exclusion expired recently."""
    until = thing.excluded_until
    return until is not None and now - RETURN_IS_SAID < until <= now


def returned_in_words(until: datetime, now: datetime) -> str:
    return _("exclusion ended %(day)s") % {"day": times.day(until, now)}


def until_in_words(until: datetime, now: datetime) -> str:
    return _("without end") if until == FOR_EVER else _("until %(day)s") % {"day": times.day(until, now)}
