"""The sentences that explain a volume's verdict, from what the judge stored."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.models import Volume
from snapshots.rules.verdict import Verdict
from snapshots.text import times as words
from snapshots.text.verdict_labels import exclusion_of, first_due_at, schedule_name, target_text
from snapshots.verdicts.doubts import Doubt, doubts, undated
from snapshots.verdicts.sql import FOR_EVER, Reason
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
    if after == before:
        return words.stamp(before, now)
    times = {"first": words.stamp(after, now), "last": words.stamp(before, now)}
    if times["first"] == times["last"]:
        return times["last"]
    return _("between %(first)s and %(last)s") % times


def why(status: VolumeStatus) -> str:
    """The sentence that explains a verdict, with all its times in UTC.

    "Daily runs since 12 Oct; newest usable snapshot: 20 Nov 03:10 (from the name). The next run was due 21 Nov 03:10,
    deadline 09:10. 2 attempts since then, both failed. Based on data from 06:44 UTC."
    """
    return " ".join(sentence for sentence in _sentences(status) if sentence)


def _sentences(status: VolumeStatus) -> Iterator[str]:
    if status.verdict is Verdict.EXCLUDED:
        yield from _on_exclusion(status)
    for part in status.parts:
        yield from _on_schedule(part, status)
    yield from _on_age(status)
    yield _on_doubt(status)
    yield from (_doubt(doubt, status) for doubt in doubts(status))
    listed_at = status.environment.listed_at
    if listed_at is not None:
        yield _("Based on data from %(time)s UTC.") % {"time": words.clock(listed_at, status.now)}


def _on_exclusion(status: VolumeStatus) -> Iterator[str]:
    exclusion = exclusion_of(status)
    until, reason = exclusion.excluded_until, exclusion.exclusion_reason
    if until is None or until >= FOR_EVER:
        yield _("Excluded without end.")
    else:
        yield _("Excluded until %(time)s.") % {"time": words.stamp(until, status.now)}
    if reason:
        yield _("Reason: %(reason)s.") % {"reason": reason}


def _on_schedule(part: Part, status: VolumeStatus) -> Iterator[str]:
    now = status.now
    names = {"schedule": schedule_name(part.schedule), "day": words.day(part.first_began, now)}
    if part.newest_before is None:
        text = _("%(schedule)s runs since %(day)s; no usable snapshot.")
        if status.volume.doubts:
            text = _("%(schedule)s runs since %(day)s; no snapshot is known to be usable.")
        yield text % names
    else:
        taken = newest_taken(status, part)
        yield _("%(schedule)s runs since %(day)s; newest usable snapshot: %(taken)s.") % (names | {"taken": taken})
    if part.due is not None and part.deadline is not None:
        yield _due(part, part.due, part.deadline, status)
    yield _tries(part)
    if part.running_since is not None:
        yield _("A snapshot has been in progress since %(time)s.") % {"time": words.stamp(part.running_since, now)}
    if status.has_stopped(part):
        yield _("No run has started since %(time)s.") % {"time": words.stamp(part.last_began, now)}


def _due(part: Part, due: datetime, deadline: datetime, status: VolumeStatus) -> str:
    times = {
        "due": words.stamp(due, status.now),
        "deadline": words.clock(deadline, due) if deadline.date() == due.date() else words.stamp(deadline, status.now),
    }
    if part.newest_after != part.newest_before:
        return _("Next run due by %(due)s, deadline by %(deadline)s.") % times
    if due <= status.moment:
        return _("The next run was due %(due)s, deadline %(deadline)s.") % times
    return _("The next run is due %(due)s, deadline %(deadline)s.") % times


def _tries(part: Part) -> str:
    if not part.failed:
        # A run in progress has another sentence.
        return ""
    if part.failed == part.tries:
        if part.tries == 2:
            return _("2 attempts since then, both failed.")
        return ngettext("1 attempt since then failed.", "%(n)d attempts since then, all failed.", part.tries) % {
            "n": part.tries
        }
    return _("%(n)d attempts since then, %(failed)d failed.") % {"n": part.tries, "failed": part.failed}


def _on_age(status: VolumeStatus) -> Iterator[str]:
    """The newest usable one of any type, and the target."""
    volume, target = status.volume, status.target
    named = {part.newest_before for part in status.parts}
    if volume.newest_before is not None and volume.newest_before not in named:
        yield _("Newest usable snapshot of any type: %(taken)s.") % {"taken": newest_taken(status)}
    if target is not None:
        yield _("Target: at most %(age)s old.") % {"age": target_text(target)}
        if status.is_waiting:
            yield _("A snapshot that started in time is still in progress.")
    elif not status.parts and status.reason is not Reason.UNKNOWN_TYPE:
        yield _("It has no schedule and no target, so no run is due.")
    if volume.newest_before is None and not volume.doubts:
        yield from _none_usable(status)


def _none_usable(status: VolumeStatus) -> Iterator[str]:
    last, began = status.volume.last_usable_at, status.environment.first_listed_at
    if last is not None:
        yield _("Its last usable snapshot was listed until %(time)s UTC.") % {"time": words.stamp(last, status.now)}
    elif began is not None:
        day = words.day(began, status.now)
        yield _("It has had no usable snapshot since monitoring started (%(day)s).") % {"day": day}
    due = first_due_at(status)
    if status.verdict is Verdict.NEW and due is not None:
        yield _("Its first snapshot is due by %(time)s.") % {"time": words.stamp(due, status.now)}


def _undated(status: VolumeStatus) -> str:
    number, began = undated(status), status.environment.first_listed_at
    if not number or began is None:
        return _("A usable snapshot without a known time may be newer.")
    text = ngettext(
        "%(n)d undated snapshot existed when monitoring started (%(day)s); it may be newer.",
        "%(n)d undated snapshots existed when monitoring started (%(day)s); one may be newer.",
        number,
    )
    return text % {"n": number, "day": words.day(began, status.now)}


def _on_doubt(status: VolumeStatus) -> str:
    """Why the verdict is unknown, in a sentence."""
    match status.reason:
        case Reason.NEVER_LISTED:
            return _("There is no complete list of its environment yet.")
        case Reason.OLD_DATA:
            return _("What happened since the newest list is unknown.")
        case Reason.UNKNOWN_STATE:
            return _("A snapshot is in a state that this dashboard does not know, so it may or may not be usable.")
        case Reason.HIDDEN:
            return _("The team's current API key shows none of its snapshots.")
        case Reason.UNKNOWN_TYPE:
            return _(
                "A snapshot has an interval type that this dashboard does not know, so a run may or may not be due."
            )
    return ""


def _doubt(doubt: Doubt, status: VolumeStatus) -> str:
    """What exactly is unknown, in a sentence."""
    volume, now = status.volume, status.now
    match doubt:
        case Doubt.UNDATED:
            return _undated(status)
        case Doubt.NO_TIME:
            return _("The creation times of its usable snapshots are too uncertain to judge their age.")
        case Doubt.RANGE:
            return _("The creation time of its newest usable snapshot is too uncertain to judge its age.")
        case Doubt.FIRST_RUN:
            return _("The start time of the first run is too uncertain to judge whether the next is overdue.")
        case Doubt.RUN_IN_PROGRESS:
            return _("The start time of the run in progress is too uncertain to judge whether it is overdue.")
        case Doubt.CREATED if volume.unknown_from is not None and volume.none_from is not None:
            text = _("The volume's creation time is uncertain: its first snapshot is due %(time)s.")
            return text % {"time": _between(volume.unknown_from, volume.none_from, now)}
        case Doubt.LEFT_OUT:
            return _("A snapshot is missing from the newest list; the next complete list decides.")
        case Doubt.COPIED:
            return _("A snapshot was being copied when it was first listed; it is usable once that is complete.")
    return ""
