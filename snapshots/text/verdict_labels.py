"""A volume's verdict in words: what it is called, short and for a list's row. The sentence is `verdict_why`'s.

All of it is worded when it is asked for, in the reader's language, from a `VolumeStatus`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from snapshots.models import Environment, Volume
from snapshots.rules.rhythms import RHYTHM, rhythm_of
from snapshots.rules.schedules import period
from snapshots.rules.states import INTERVAL_TYPES
from snapshots.rules.thresholds import USUAL_TARGET
from snapshots.rules.verdict import Verdict
from snapshots.text import times
from snapshots.text.labels import Badge
from snapshots.text.rhythms import NAMES
from snapshots.verdicts.sql import FOR_EVER, Reason
from snapshots.verdicts.status import Part, VolumeStatus

# Late by this many periods is marked as a failure.
PERIODS_TO_BE_BAD = 2
LABELS: Mapping[Verdict, str | Promise] = {
    Verdict.NONE: gettext_lazy("No usable snapshot"),
    Verdict.LATE: pgettext_lazy("verdict", "Late"),
    Verdict.STUCK: pgettext_lazy("verdict", "Stuck"),
    Verdict.FAILING: pgettext_lazy("verdict", "Failing"),
    Verdict.UNKNOWN: pgettext_lazy("verdict", "Unknown"),
    Verdict.NEW: pgettext_lazy("verdict", "New"),
    Verdict.RUNNING: pgettext_lazy("verdict", "Running"),
    Verdict.FRESH: pgettext_lazy("verdict", "Fresh"),
    Verdict.EXCLUDED: pgettext_lazy("verdict", "Excluded"),
    Verdict.DELETED: pgettext_lazy("volume", "Deleted"),
}
# Mark and tone, as of `Badge`.
MARKS = {
    Verdict.NONE: ("✕", "bad"),
    Verdict.LATE: ("!", "warn"),
    Verdict.STUCK: ("!", "warn"),
    Verdict.FAILING: ("!", "warn"),
    Verdict.UNKNOWN: ("?", "unknown"),
    Verdict.NEW: ("◐", "busy"),
    Verdict.RUNNING: ("◐", "busy"),
    Verdict.FRESH: ("✓", "ok"),
    Verdict.EXCLUDED: ("–", "unknown"),
    Verdict.DELETED: ("–", "gone"),
}


def badge(status: VolumeStatus) -> Badge:
    """A row's verdict, short: "Daily late by 2 d", "Was late at 06:44", "Age unknown"."""
    mark, tone = MARKS[status.verdict]
    if status.verdict is Verdict.FRESH and status.asks_nothing:
        return Badge("–", _("No schedule or target"), "unknown")
    if status.verdict is Verdict.LATE and any(_is_very_late(part, status) for part in status.parts):
        tone = "bad"
    return Badge(mark, _short(status), tone)


def beside(status: VolumeStatus) -> str:
    """What the badge leaves out: the other schedules, failed tries, until when a volume is excluded."""
    match status.verdict:
        case Verdict.DELETED:
            left = status.volume.snapshot_count
            return ngettext("%(n)d snapshot left", "%(n)d snapshots left", left) % {"n": left}
        case Verdict.EXCLUDED:
            return _exclusion(status)
        case Verdict.UNKNOWN:
            return _run_due(status)
        case Verdict.NEW:
            return first_due(status)
    return "; ".join(_others(status))


def short_name(status: VolumeStatus) -> str:
    """Badge and what it leaves out as one text: "Daily late by 2 d; Hourly OK"."""
    return "; ".join(text for text in (badge(status).word, beside(status)) if text)


def schedule_name(schedule: str) -> str:
    """The schedule as a word, "Daily" for DAILY; a rhythm without its times."""
    if schedule == RHYTHM:
        return _("Rhythm")
    rhythm = rhythm_of(schedule)
    return str(NAMES[rhythm.kind] if rhythm else INTERVAL_TYPES[schedule])


def _short(status: VolumeStatus) -> str:
    if status.verdict is Verdict.UNKNOWN:
        return _unknown(status)
    for part in status.parts:
        if status.verdict_of(part) is status.verdict and status.verdict.is_problem:
            return _state_of(part, status)
    if status.verdict is Verdict.LATE and status.is_over_target:
        return _over_target(status)
    return str(LABELS[status.verdict])


def _unknown(status: VolumeStatus) -> str:
    listed_at = status.environment.listed_at
    match status.reason:
        case Reason.TIME:
            return _("Age unknown")
        case Reason.UNKNOWN_STATE:
            return _("State unknown")
        case Reason.UNKNOWN_TYPE:
            return _("Schedule unknown")
        case Reason.HIDDEN:
            return _("Hidden from the API key")
        case Reason.IN_DOUBT:
            return _("Snapshot unconfirmed")
        case Reason.OLD_DATA if listed_at is not None:
            time = {"time": times.clock(listed_at, status.now)}
            by_data = status.verdict_by_data
            return _was(by_data) % time if by_data.is_problem else _("Stale data from %(time)s") % time
    return _("No complete list yet")


def _was(verdict: Verdict) -> str:
    return {
        Verdict.NONE: _("No usable snapshot at %(time)s"),
        Verdict.LATE: _("Was late at %(time)s"),
        Verdict.STUCK: _("Was stuck at %(time)s"),
    }.get(verdict, _("Was failing at %(time)s"))


def _state_of(part: Part, status: VolumeStatus) -> str:
    """A schedule's verdict with its name: "Daily late by 2 d"."""
    name = {"schedule": schedule_name(part.schedule)}
    match status.verdict_of(part):
        case Verdict.LATE:
            return _lateness(part, status)
        case Verdict.STUCK if part.running_since is not None:
            return _("%(schedule)s stuck for %(age)s") % (name | {"age": times.age(status.moment - part.running_since)})
        case Verdict.FAILING:
            return _("%(schedule)s failing") % name
        case Verdict.UNKNOWN:
            return _("%(schedule)s unknown") % name
    return _("%(schedule)s OK") % name


def _lateness(part: Part, status: VolumeStatus) -> str:
    name = {"schedule": schedule_name(part.schedule)}
    if status.has_stopped(part):
        age = times.age(status.moment - part.last_began)
        return _("%(schedule)s: no run for %(age)s") % (name | {"age": age})
    if part.late_since is None:
        return _("%(schedule)s: no usable snapshot") % name
    return _("%(schedule)s late by %(age)s") % (name | {"age": times.age(status.moment - part.late_since)})


def _is_very_late(part: Part, status: VolumeStatus) -> bool:
    if status.verdict_of(part) is not Verdict.LATE:
        return False
    late_since = part.late_since
    return late_since is None or status.moment - late_since >= PERIODS_TO_BE_BAD * period(part.schedule)


def _over_target(status: VolumeStatus) -> str:
    newest, target = status.volume.newest_before, status.target
    if newest is None or target is None:
        return ""
    age, asked = times.age(status.moment - newest), target_text(target)
    if age == asked:
        over = times.age(status.moment - newest - target)
        return _("%(over)s over its target of %(target)s") % {"over": over, "target": asked}
    return _("%(age)s old, target %(target)s") % {"age": age, "target": asked}


def _others(status: VolumeStatus) -> Iterator[str]:
    """The schedules that the badge does not name, the target where it is missed too, and the tries."""
    if status.verdict.is_problem:
        named = _short(status)
        states = [_state_of(part, status) for part in status.parts]
        yield from (state for state in states if state != named)
        over = _over_target(status) if status.is_over_target else ""
        if over and over != named:
            yield over
        yield from _last_tries(status)
    if status.verdict is Verdict.NONE and (status.volume.last_usable_at or not status.parts):
        yield _last_usable(status)


def _last_tries(status: VolumeStatus) -> Iterator[str]:
    failed = max((part.failed for part in status.parts if part.failed == part.tries), default=0)
    if failed:
        yield ngettext("Last attempt failed", "Last %(n)d attempts failed", failed) % {"n": failed}


def target_text(target: timedelta) -> str:
    """A target's age without loss: "7 d", but "36 h"."""
    hours = int(target.total_seconds()) // 3600
    if hours % 24:
        return ngettext("%(n)d h", "%(n)d h", hours) % {"n": hours}
    return ngettext("%(n)d d", "%(n)d d", hours // 24) % {"n": hours // 24}


def _last_usable(status: VolumeStatus) -> str:
    last = status.volume.last_usable_at
    if last is None:
        return _("Never had one")
    return _("Last one listed until %(time)s") % {"time": times.clock(last, status.now)}


def _run_due(status: VolumeStatus) -> str:
    """The first run that fell due after the data that we have."""
    if status.reason is not Reason.OLD_DATA or status.verdict_by_data.is_problem:
        return ""
    dues = [part.due for part in status.parts if part.due is not None and part.due <= status.moment]
    return _("Run was due %(time)s") % {"time": times.clock(min(dues), status.now)} if dues else ""


def first_due(status: VolumeStatus) -> str:
    due = first_due_at(status)
    return _("First snapshot due by %(time)s") % {"time": times.stamp(due, status.now)} if due else ""


def first_due_at(status: VolumeStatus) -> datetime | None:
    """When a new volume must have its first snapshot; None where its creation time is unknown."""
    created = status.volume.created_at
    return created + (status.target or USUAL_TARGET) if created else None


def exclusion_of(status: VolumeStatus) -> Volume | Environment:
    """What excludes a volume: the volume itself, or else its environment."""
    own = status.volume.excluded_until
    return status.volume if own is not None and own > status.now else status.environment


def _exclusion(status: VolumeStatus) -> str:
    """Until when and why a volume is excluded, as a label."""
    source = exclusion_of(status)
    until = source.excluded_until
    if until is None or until >= FOR_EVER:
        text = pgettext("excluded", "Without end")
    else:
        text = pgettext("excluded", "Until %(time)s") % {"time": times.stamp(until, status.now)}
    return f"{text}: {source.exclusion_reason}" if source.exclusion_reason else text
