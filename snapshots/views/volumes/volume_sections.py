"""The lists on a volume's page: schedules, snapshots with the gaps between them, left-overs, changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _

from snapshots.lists import volume_history
from snapshots.lists.volume_history import MOST_CHANGES, MOST_SNAPSHOTS, Entry, Gap
from snapshots.models import Change, Environment, Snapshot, Volume
from snapshots.rules import states
from snapshots.rules.judge import LEAST_PATIENCE
from snapshots.rules.rhythms import Rhythm, rhythm_of
from snapshots.rules.schedules import SCHEDULES, period
from snapshots.rules.verdict import ALWAYS, Verdict
from snapshots.text import change_labels, labels, times
from snapshots.text.labels import Badge, has_returned, is_excluded, returned_in_words, until_in_words
from snapshots.text.rhythms import times_of
from snapshots.text.verdict_labels import LABELS, MARKS, schedule_name
from snapshots.text.verdict_reason import newest_taken
from snapshots.verdicts.status import Part, VolumeStatus, verdict_under
from snapshots.views.common.components import Fact, TimelineItem


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of the volume. `has_stopped`: it may be intentionally stopped; `ended`: since when it is.

    `is_rhythm`: a member confirmed it, and a member may end it.
    """

    key: str
    name: str
    badge: Badge | None = None
    facts: list[Fact] = field(default_factory=list)
    has_stopped: bool = False
    ended: str = ""
    is_rhythm: bool = False


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """What happened, when and to which snapshot."""

    when: str
    iso: str
    badge: Badge
    detail: str
    name: str
    url: str


def schedules(status: VolumeStatus) -> list[Schedule]:
    """The schedules that are judged; none of a deleted volume."""
    if status.verdict is Verdict.DELETED:
        return []
    return [_schedule(part, status) for part in status.parts]


def _schedule(part: Part, status: VolumeStatus) -> Schedule:
    rhythm = rhythm_of(part.schedule)
    confirmed = list(_confirmed(rhythm, status)) if rhythm else []
    return Schedule(
        part.schedule,
        schedule_name(part.schedule),
        _badge(part, status),
        [*confirmed, *_facts(part, status)],
        status.has_stopped(part) and not rhythm,
        is_rhythm=rhythm is not None,
    )


def _confirmed(rhythm: Rhythm, status: VolumeStatus) -> Iterator[Fact]:
    """When the runs of a rhythm are expected, and who confirmed it."""
    said = status.volume.rhythm
    yield Fact(_("Expected"), _("%(times)s UTC") % {"times": times_of(rhythm)})
    since = times.day(datetime.fromisoformat(said["since"]), status.now)
    yield Fact(_("Confirmed"), _("%(day)s by %(person)s") % {"day": since, "person": said["by"]})


def _badge(part: Part, status: VolumeStatus) -> Badge:
    """The current verdict on one schedule, by the same rules as the whole volume."""
    patience = max(LEAST_PATIENCE, period(part.schedule) / 4)
    verdict = verdict_under(part.thresholds, patience, status.environment, status.now)
    mark, tone = MARKS[verdict]
    return Badge(mark, str(LABELS[verdict]), tone)


def ended(status: VolumeStatus) -> list[Schedule]:
    """Return the stopped schedules: they have no status until a new run appears."""
    if status.verdict is Verdict.DELETED:
        return []
    judged = {part.schedule for part in status.parts}
    since = {name: datetime.fromisoformat(text) for name, text in status.volume.ended.items()}
    return [
        Schedule(name, schedule_name(name), ended=times.stamp(since[name], status.now))
        for name in SCHEDULES
        if name in since and name not in judged
    ]


def _facts(part: Part, status: VolumeStatus) -> Iterator[Fact]:
    now = status.now
    taken = newest_taken(status, part) or _("none")
    yield Fact(_("Newest usable"), taken)
    yield Fact(_("Runs since"), times.day(part.first_began, now))
    is_exact = part.newest_after == part.newest_before
    if part.due is not None and part.newest_before is not None:
        label = _("Next due") if is_exact else _("Next due, at the latest")
        if part.due <= status.moment:
            label = _("Was due") if is_exact else _("Was due, at the latest")
        yield Fact(label, f"{times.stamp(part.due, now)} UTC")
    if part.deadline is not None and part.deadline != ALWAYS:
        label = _("Late from") if is_exact else _("Late from, at the latest")
        if status.verdict_of(part) is Verdict.LATE:
            label = _("Late since") if is_exact else _("Late since, at the latest")
        yield Fact(label, f"{times.stamp(part.deadline, now)} UTC")
    if part.tries:
        yield Fact(_("Attempts since then"), _tries(part))
    if part.running_since is not None:
        yield Fact(_("In progress since"), f"{times.stamp(part.running_since, now)} UTC")


def _tries(part: Part) -> str:
    return _("%(tries)d, %(failed)d failed") % {"tries": part.tries, "failed": part.failed}


def snapshot_line(snapshots: Sequence[Snapshot], status: VolumeStatus, prefix: str) -> list[TimelineItem]:
    """The newest snapshots, and where there was none for too long."""
    entries = list(volume_history.with_gaps(snapshots, status))
    items = [_entry(entry, status.now, prefix) for entry in entries]
    if len(snapshots) <= MOST_SNAPSHOTS:
        return items
    # One more than is shown was fetched, so that the last gap is seen too.
    return [*items[:-1], TimelineItem("…", "unknown")]


def _entry(entry: Entry, now: datetime, prefix: str) -> TimelineItem:
    if isinstance(entry, Gap):
        length = times.age(entry.length)
        if entry.until is None:
            return TimelineItem(_("%(age)s without a usable snapshot so far") % {"age": length}, "gap")
        # Some may have been there that the provider has deleted since.
        return TimelineItem(_("no usable snapshot left from these %(age)s") % {"age": length}, "gap")
    taken = times.taken(entry.taken_after, entry.taken_before, entry.taken_source, entry.taken_key, now)
    badge = labels.badge(entry.state, listed=entry.listed, candidate=entry.is_candidate)
    text = f"{taken.text} · {badge.mark} {badge.word} · {states.type_label(entry.interval_type)}"
    return TimelineItem(text, badge.tone, f"{prefix}{entry.snapshot_id}/")


def left_overs(status: VolumeStatus, prefix: str) -> list[TimelineItem]:
    found = volume_history.left_overs(status.volume, status.environment, status.parts)
    return [_entry(one, status.now, prefix) for one in found]


def changes(volume: Volume, environment: Environment, prefix: str, changes_url: str, now: datetime) -> list[ChangeLine]:
    """What happened to it, the newest first."""
    return [
        ChangeLine(
            when=times.stamp(change.at, now),
            iso=times.iso(change.at),
            badge=change_labels.badge(change.kind),
            detail=_detail(change),
            name=_name(change),
            url=f"{changes_url}&line={change.pk}" if change.number else _snapshot_url(change, prefix),
        )
        for change in volume_history.changes(volume, environment)[:MOST_CHANGES]
    ]


def _name(change: Change) -> str:
    if change.since is not None and change.number:
        return change_labels.repeated(change.number, change.since, change.at)
    return labels.title(change.snapshot.name, change.snapshot.snapshot_id) if change.snapshot else ""


def _detail(change: Change) -> str:
    if change.number:
        return ""
    return change_labels.detail(change.kind, change.before, change.after, change.seconds)


def _snapshot_url(change: Change, prefix: str) -> str:
    return f"{prefix}{change.snapshot.snapshot_id}/" if change.snapshot else ""


class ExclusionState(NamedTuple):
    """Whether a volume is excluded; `own`: by itself and not by its environment."""

    is_excluded: bool
    own: bool
    text: str
    reason: str
    by: str


def exclusion(volume: Volume, environment: Environment, now: datetime) -> ExclusionState:
    """Return whether a volume is excluded, by itself or its environment, or was until recently."""
    for thing in (volume, environment):
        if is_excluded(thing, now) and thing.excluded_until:
            text = until_in_words(thing.excluded_until, now)
            return ExclusionState(True, thing is volume, text, thing.exclusion_reason, thing.excluded_by)
    ended = [one.excluded_until for one in (volume, environment) if one.excluded_until and has_returned(one, now)]
    return ExclusionState(False, False, returned_in_words(ended[0], now) if ended else "", "", "")
