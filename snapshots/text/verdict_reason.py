"""The sentence that explains a volume's verdict, made of what the judgement stored."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.models import Volume
from snapshots.rules.verdict import Verdict
from snapshots.text import times as words
from snapshots.text.verdict_labels import exemption, first_due, schedule_name, target_text
from snapshots.verdicts.doubts import Doubt, doubts, undated
from snapshots.verdicts.sql import Reason
from snapshots.verdicts.status import Part, VolumeStatus


def newest_taken(status: VolumeStatus, part: Part | None = None) -> str:
    """When the newest usable one, of a schedule or of any type, was taken and how that is known.

    "20 Nov 03:10 (from the name)"; "" where there is none.
    """
    of: Part | Volume = part or status.volume
    after, before, now = of.newest_after, of.newest_before, status.now
    if before is None:
        return ""
    others = undated(status, part.schedule if part else "")
    if after is not None and others:
        text = ngettext(
            "%(time)s or later (%(n)d without a known time may be newer)",
            "%(time)s or later (%(n)d without a known time may be newer)",
            others,
        )
        return text % {"time": words.stamp(after, now), "n": others}
    taken = _between(after, before, now)
    how = words.origin(after, before, newest_source(status, after, before))
    return f"{taken} ({how})" if how else taken


def newest_source(status: VolumeStatus, after: datetime | None, before: datetime | None) -> str:
    """Where such a time comes from, if it is that of the newest usable one; only of that one it is known here."""
    newest = status.volume.newest_usable
    is_of_newest = newest is not None and (newest.taken_after, newest.taken_before) == (after, before)
    return newest.taken_source if newest is not None and is_of_newest else ""


def _between(after: datetime | None, before: datetime, now: datetime) -> str:
    if after is None:
        return _("before %(day)s") % {"day": words.day(before, now)}
    times = {"first": words.stamp(after, now), "last": words.stamp(before, now)}
    if times["first"] == times["last"]:
        return times["last"]
    return _("between %(first)s and %(last)s") % times


def why(status: VolumeStatus) -> str:
    """The sentence that explains a verdict, with all its times in UTC.

    "Daily runs since 12 Oct, newest usable 20 Nov 03:10 (from the name). Next was due 21 Nov 03:10, deadline 09:10.
    Tries since: 2, both failed. Judged on data of 06:44."
    """
    return " ".join(sentence for sentence in _sentences(status) if sentence)


def why_part(part: Part, status: VolumeStatus) -> str:
    """The sentences on one schedule."""
    return " ".join(sentence for sentence in _on_schedule(part, status) if sentence)


def _sentences(status: VolumeStatus) -> Iterator[str]:
    if status.verdict is Verdict.EXCLUDED:
        yield _("Not judged %(until)s.") % {"until": exemption(status)}
    for part in status.parts:
        yield from _on_schedule(part, status)
    yield from _on_age(status)
    yield _on_doubt(status)
    yield from (_doubt(doubt, status) for doubt in doubts(status))
    listed_at = status.environment.listed_at
    if listed_at is not None:
        yield _("Judged on data of %(time)s UTC.") % {"time": words.clock(listed_at, status.now)}


def _on_schedule(part: Part, status: VolumeStatus) -> Iterator[str]:
    now = status.now
    names = {"schedule": schedule_name(part.schedule), "day": words.day(part.first_began, now)}
    if part.newest_before is None:
        text = _("%(schedule)s runs since %(day)s, none of them usable.")
        if status.volume.doubts:
            text = _("%(schedule)s runs since %(day)s, none of them known to be usable.")
        yield text % names
    else:
        taken = newest_taken(status, part)
        yield _("%(schedule)s runs since %(day)s, newest usable %(taken)s.") % (names | {"taken": taken})
    if part.due is not None and part.deadline is not None:
        yield _due(part, part.due, part.deadline, status)
    yield _tries(part)
    if part.running_since is not None:
        yield _("One is being made since %(time)s.") % {"time": words.stamp(part.running_since, now)}
    if status.has_stopped(part):
        yield _("No run began since %(time)s.") % {"time": words.stamp(part.last_began, now)}


def _due(part: Part, due: datetime, deadline: datetime, status: VolumeStatus) -> str:
    times = {
        "due": words.stamp(due, status.now),
        "deadline": words.clock(deadline, due) if deadline.date() == due.date() else words.stamp(deadline, status.now),
    }
    if part.newest_after != part.newest_before:
        return _("Next due %(due)s at the latest, deadline %(deadline)s at the latest.") % times
    if due <= status.moment:
        return _("Next was due %(due)s, deadline %(deadline)s.") % times
    return _("Next is due %(due)s, deadline %(deadline)s.") % times


def _tries(part: Part) -> str:
    if not part.failed:
        # What is being made is told by itself.
        return ""
    if part.failed == part.tries:
        if part.tries == 2:
            return _("Tries since: 2, both failed.")
        return ngettext("One try since: it failed.", "Tries since: %(n)d, all failed.", part.tries) % {"n": part.tries}
    return _("Tries since: %(n)d, failed %(failed)d.") % {"n": part.tries, "failed": part.failed}


def _on_age(status: VolumeStatus) -> Iterator[str]:
    """The newest usable one of any type, and the target."""
    volume, target = status.volume, status.target
    named = {part.newest_before for part in status.parts}
    if volume.newest_before is not None and volume.newest_before not in named:
        yield _("Newest usable of any type: %(taken)s.") % {"taken": newest_taken(status)}
    if target is not None:
        yield _("Target: not older than %(age)s.") % {"age": target_text(target)}
        if status.is_waiting:
            yield _("A snapshot that began in time is still in progress.")
    elif not status.parts and status.reason is not Reason.UNKNOWN_TYPE:
        yield _("It has no schedule and no target, so nothing is due.")
    if volume.newest_before is None and not volume.doubts:
        yield _none_usable(status)


def _none_usable(status: VolumeStatus) -> str:
    last, began = status.volume.last_usable_at, status.environment.first_listed_at
    if last is not None:
        text = _("The last usable one was listed until %(time)s UTC.") % {"time": words.stamp(last, status.now)}
    elif began is not None:
        text = _("No usable snapshot of it was listed since monitoring started (%(day)s).") % {
            "day": words.day(began, status.now)
        }
    else:
        text = ""
    due = first_due(status) if status.verdict is Verdict.NEW else ""
    return f"{text} {due[:1].upper()}{due[1:]}." if due else text


def _on_doubt(status: VolumeStatus) -> str:
    """Why nothing can be told, in a sentence."""
    match status.reason:
        case Reason.NEVER_LISTED:
            return _("Its environment was never listed whole.")
        case Reason.OLD_DATA:
            return _("What happened since then is not known.")
        case Reason.UNKNOWN_STATE:
            return _("A snapshot is in a state that this dashboard does not know: it may be usable or not.")
        case Reason.UNKNOWN_TYPE:
            return _("A snapshot has an interval type that this dashboard does not know: a run may be due or not.")
    return ""


def _doubt(doubt: Doubt, status: VolumeStatus) -> str:
    """The one thing that is not known, in a sentence."""
    volume, now = status.volume, status.now
    match doubt:
        case Doubt.UNDATED:
            return _("One of the usable snapshots without a known time may be young enough.")
        case Doubt.NO_TIME:
            return _("When its usable snapshots were created is not known, so the newest may be too old or not.")
        case Doubt.RANGE:
            return _("The newest may have been created at any time in between, so it may be too old or not.")
        case Doubt.FIRST_RUN:
            return _("When the first run began is not known exactly, so the next may be overdue or not.")
        case Doubt.RUN_IN_PROGRESS:
            return _("When the run in progress began is not known exactly, so it may be overdue or not.")
        case Doubt.CREATED if volume.unknown_from is not None and volume.none_from is not None:
            times = {
                "first": words.stamp(volume.unknown_from, now),
                "last": words.stamp(volume.none_from, now),
            }
            text = _("When the volume was created is not known exactly: its first one is due by %(first)s to %(last)s.")
            return text % times
        case Doubt.LEFT_OUT:
            return _("A snapshot is missing from the newest list; the next complete list decides.")
        case Doubt.COPIED:
            return _("A snapshot was being copied when it was first listed; whether it is usable shows when that ends.")
    return ""
