"""A volume's verdict in words: what it is called, short and for a list's row. The sentence is `verdict_why`'s.

All of it is worded when it is asked for, in the reader's language, from a `Standing`.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from snapshots.rules.schedules import period
from snapshots.rules.states import INTERVAL_TYPES
from snapshots.rules.thresholds import USUAL_TARGET
from snapshots.rules.verdict import Verdict
from snapshots.text import times
from snapshots.text.labels import Badge
from snapshots.verdicts.sql import FOR_EVER
from snapshots.verdicts.status import Part, Reason, Standing

# Late by so many periods is marked as a failure.
PERIODS_TO_BE_BAD = 2
HOUR = timedelta(hours=1)
LABELS: Mapping[Verdict, str | Promise] = {
    Verdict.NONE: gettext_lazy("None usable"),
    Verdict.LATE: pgettext_lazy("verdict", "Late"),
    Verdict.STUCK: pgettext_lazy("verdict", "Stuck"),
    Verdict.FAILING: pgettext_lazy("verdict", "Failing"),
    Verdict.UNKNOWN: gettext_lazy("Cannot tell"),
    Verdict.NEW: pgettext_lazy("verdict", "New"),
    Verdict.RUNNING: gettext_lazy("Run under way"),
    Verdict.FRESH: pgettext_lazy("verdict", "Fresh"),
    Verdict.EXCLUDED: gettext_lazy("Not judged"),
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


def badge(standing: Standing) -> Badge:
    """A row's verdict, short: "Daily late by 2 d", "Was late at 06:44", "Time not known"."""
    mark, tone = MARKS[standing.said]
    if standing.said is Verdict.FRESH and standing.asks_nothing:
        return Badge("–", _("Nothing due"), "unknown")
    if standing.said is Verdict.LATE and any(_is_very_late(part, standing) for part in standing.parts):
        tone = "bad"
    return Badge(mark, _short(standing), tone)


def beside(standing: Standing) -> str:
    """What the badge leaves out: the other schedules, failed tries, until when a volume is not judged."""
    match standing.said:
        case Verdict.DELETED:
            left = standing.volume.snapshot_count
            return ngettext("%(n)d snapshot left", "%(n)d snapshots left", left) % {"n": left}
        case Verdict.EXCLUDED:
            return exemption(standing)
        case Verdict.UNKNOWN:
            return _run_due(standing)
        case Verdict.NEW:
            return first_due(standing)
    return "; ".join(_others(standing))


def short_name(standing: Standing) -> str:
    """Badge and what it leaves out as one text: "Daily late by 2 d; hourly ok"."""
    return "; ".join(text for text in (badge(standing).word, beside(standing)) if text)


def reason_label(reason: Reason) -> str:
    """Why nothing can be told, as it stands behind a number: "9 on old data"."""
    return {
        Reason.NEVER_LISTED: _("never listed whole"),
        Reason.OLD_DATA: _("on old data"),
        Reason.TIME: _("without a known time"),
        Reason.UNKNOWN_STATE: _("with a snapshot in a state that is not known"),
        Reason.UNKNOWN_TYPE: _("of an interval type that is not known"),
        Reason.IN_DOUBT: _("with a snapshot in doubt"),
    }[reason]


def schedule_name(schedule: str) -> str:
    """The schedule as a word, "Daily" for DAILY."""
    return str(INTERVAL_TYPES[schedule])


def _short(standing: Standing) -> str:
    if standing.said is Verdict.UNKNOWN:
        return _unknown(standing)
    for part in standing.parts:
        if standing.verdict_of(part) is standing.said and standing.said.is_problem:
            return _state_of(part, standing)
    if standing.said is Verdict.LATE and standing.is_over_target:
        return _over_target(standing)
    return str(LABELS[standing.said])


def _unknown(standing: Standing) -> str:
    listed_at = standing.environment.listed_at
    match standing.reason:
        case Reason.TIME:
            return _("Time not known")
        case Reason.UNKNOWN_STATE:
            return _("State not known")
        case Reason.UNKNOWN_TYPE:
            return _("Schedule not known")
        case Reason.IN_DOUBT:
            return _("Snapshot in doubt")
        case Reason.OLD_DATA if listed_at is not None:
            time = {"time": times.clock(listed_at, standing.now)}
            return _was(standing.then) % time if standing.then.is_problem else _("Data of %(time)s") % time
    return _("Never listed whole")


def _was(then: Verdict) -> str:
    return {
        Verdict.NONE: _("None usable at %(time)s"),
        Verdict.LATE: _("Was late at %(time)s"),
        Verdict.STUCK: _("Was stuck at %(time)s"),
    }.get(then, _("Was failing at %(time)s"))


def _state_of(part: Part, standing: Standing) -> str:
    """How a schedule stands, with its name: "Daily late by 2 d"."""
    name = {"schedule": schedule_name(part.schedule)}
    match standing.verdict_of(part):
        case Verdict.LATE:
            return _lateness(part, standing)
        case Verdict.STUCK if part.running_since is not None:
            return _("%(schedule)s stuck for %(age)s") % (
                name | {"age": times.age(standing.moment - part.running_since)}
            )
        case Verdict.FAILING:
            return _("%(schedule)s failing") % name
        case Verdict.UNKNOWN:
            return _("%(schedule)s not known") % name
    return _("%(schedule)s ok") % name


def _lateness(part: Part, standing: Standing) -> str:
    name = {"schedule": schedule_name(part.schedule)}
    if standing.has_stopped(part):
        age = times.age(standing.moment - part.last_began)
        return _("No %(schedule)s run for %(age)s") % {"schedule": name["schedule"].lower(), "age": age}
    if part.late_since is None:
        return _("%(schedule)s: none usable") % name
    return _("%(schedule)s late by %(age)s") % (name | {"age": times.age(standing.moment - part.late_since)})


def _is_very_late(part: Part, standing: Standing) -> bool:
    if standing.verdict_of(part) is not Verdict.LATE:
        return False
    late_since = part.late_since
    return late_since is None or standing.moment - late_since >= PERIODS_TO_BE_BAD * period(part.schedule)


def _over_target(standing: Standing) -> str:
    newest, target = standing.volume.newest_before, standing.target
    if newest is None or target is None:
        return ""
    age, asked = times.age(standing.moment - newest), target_text(target)
    if age == asked:
        hours = {"age": int((standing.moment - newest).total_seconds()) // 3600, "target": target // HOUR}
        return _("%(age)d h old, target %(target)d h") % hours
    return _("%(age)s old, target %(target)s") % {"age": age, "target": asked}


def _others(standing: Standing) -> Iterator[str]:
    """The schedules that the badge does not name, the target where it is missed too, and the tries."""
    named = _short(standing)
    states = [_state_of(part, standing) for part in standing.parts]
    if standing.said.is_problem:
        yield from (_lower_first(state) for state in states if state != named)
        over = _over_target(standing) if standing.is_over_target else ""
        if over and over != named:
            yield over
        yield from _last_tries(standing)
    if standing.said is Verdict.NONE and (standing.volume.last_usable_at or not standing.parts):
        yield _last_usable(standing)


def _last_tries(standing: Standing) -> Iterator[str]:
    failed = max((part.failed for part in standing.parts if part.failed == part.tries), default=0)
    if failed:
        yield ngettext("the last try failed", "the last %(n)d tries failed", failed) % {"n": failed}


def target_text(target: timedelta) -> str:
    """A target's age without loss: "7 d", but "36 h"."""
    hours = int(target.total_seconds()) // 3600
    if hours % 24:
        return ngettext("%(n)d h", "%(n)d h", hours) % {"n": hours}
    return ngettext("%(n)d d", "%(n)d d", hours // 24) % {"n": hours // 24}


def _last_usable(standing: Standing) -> str:
    last = standing.volume.last_usable_at
    if last is None:
        return _("never had one")
    return _("the last one was listed until %(time)s") % {"time": times.clock(last, standing.now)}


def _run_due(standing: Standing) -> str:
    """The first run that fell due after the data that we have."""
    if standing.reason is not Reason.OLD_DATA or standing.then.is_problem:
        return ""
    dues = [part.due for part in standing.parts if part.due is not None and part.due <= standing.moment]
    return _("a run was due %(time)s") % {"time": times.clock(min(dues), standing.now)} if dues else ""


def first_due(standing: Standing) -> str:
    """Until when the first snapshot of a new volume is to be there."""
    made = standing.volume.created_at
    if made is None:
        return ""
    first = made + (standing.target or USUAL_TARGET)
    return _("first one due by %(time)s") % {"time": times.stamp(first, standing.now)}


def exemption(standing: Standing) -> str:
    """Until when and why a volume is not judged, by its own exemption or else its environment's."""
    own = standing.volume.exempt_until
    source = standing.volume if own is not None and own > standing.now else standing.environment
    until = source.exempt_until
    if until is None or until >= FOR_EVER:
        text = pgettext("not judged", "without end")
    else:
        text = pgettext("not judged", "until %(time)s") % {"time": times.stamp(until, standing.now)}
    return f"{text}: {source.exempt_reason}" if source.exempt_reason else text


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
