"""Whether a snapshot can be restored from, in one sentence."""

from datetime import datetime
from enum import Enum

from django.utils.translation import gettext as _

from snapshots.models import Environment, Snapshot
from snapshots.rules import states
from snapshots.rules.runs import COPYING, MOVING, Run
from snapshots.rules.states import Kind
from snapshots.text import times


class Usability(Enum):
    """Whether a snapshot can be restored from."""

    USABLE = "usable"
    # It is in progress, or complete and being copied.
    NOT_YET = "not-yet"
    UNKNOWN = "unknown"
    NEVER = "never"


def usability(snapshot: Snapshot) -> Usability:
    """Say whether a snapshot can be restored from, as far as our copy tells."""
    run = _run(snapshot)
    if not run.listed or states.kind_of(run.state) in (Kind.FAILED, Kind.LEAVING):
        return Usability.NEVER
    if run.is_in_doubt:
        return Usability.UNKNOWN
    return Usability.USABLE if snapshot.is_usable else Usability.NOT_YET


def answer(snapshot: Snapshot, now: datetime, *, is_current: bool, environment: Environment) -> str:
    """The answer. Only what the provider listed as completed a moment ago is called usable without more words."""
    run = _run(snapshot)
    if not run.listed:
        return _("No longer listed.")
    if run.is_candidate and usability(snapshot) is not Usability.NEVER:
        return _("Unknown: missing from the provider's newest list.")
    if run.is_in_doubt and run.state == COPYING:
        return _("Unknown: it was being copied when it was first listed.")
    if not is_current and states.kind_of(run.state) in (Kind.USABLE, Kind.UNDER_WAY):
        return _as_it_was(run, environment, now)
    if run.usable_at is not None and run.state in MOVING:
        return _("Not usable yet: in progress. It was complete before, and is being copied.")
    answers = {
        Kind.USABLE: _("Usable."),
        Kind.FAILED: _("Not usable: it failed."),
        Kind.UNDER_WAY: _("Not usable yet: in progress."),
        Kind.LEAVING: _("Not usable: it is being removed."),
    }
    return answers.get(states.kind_of(run.state), _("Unknown: this dashboard does not know the provider's state."))


def _run(snapshot: Snapshot) -> Run:
    """The snapshot as the judge sees it, without its times."""
    seen = snapshot.taken_before
    usable_at, is_candidate = snapshot.usable_at, snapshot.is_candidate
    return Run((), snapshot.state, None, seen, seen, usable_at, snapshot.listed, is_candidate)


def _as_it_was(run: Run, environment: Environment, now: datetime) -> str:
    age = environment.data_age(now)
    if environment.listed_at is None or age is None:
        return _("Unknown: there is no complete list of the environment yet.")
    text = _("Was usable at %(time)s UTC; our copy is %(age)s old.")
    if states.kind_of(run.state) is Kind.UNDER_WAY:
        text = _("Was in progress at %(time)s UTC; our copy is %(age)s old.")
    return text % {
        "time": times.clock(environment.listed_at, now),
        "age": times.age(age),
    }
