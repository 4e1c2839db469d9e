"""Two time lines of a snapshot's page: its volume's newest snapshots, and what happened to this one."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from snapshots.models import Change, Environment, Snapshot
from snapshots.rules import states
from snapshots.rules.states import USABLE_STATE, Kind
from snapshots.text import change_labels, labels, times
from snapshots.views.common.components import TimelineItem

MOST_NEIGHBOURS = 5
MOST_CHANGES = 50
ENDS = frozenset({Change.Kind.COMPLETED, Change.Kind.FAILED})
MADE = ENDS | {Change.Kind.STATE}
# Kinds that hold a state in what was before and after.
WITH_STATE = MADE | {Change.Kind.VANISHED, Change.Kind.DELETED, Change.Kind.ROTATED}


def volume_line(snapshot: Snapshot, environment: Environment, list_url: str, now: datetime) -> list[TimelineItem]:
    """The volume's newest snapshots, and this one in its place."""
    if not snapshot.volume_id:
        return []
    newest = list(
        Snapshot.objects.of_volume(environment, snapshot.volume_id).listed().newest_first()[: MOST_NEIGHBOURS + 1]
    )
    items = [_item(one, snapshot, environment, list_url, now) for one in newest[:MOST_NEIGHBOURS]]
    if snapshot.pk in {one.pk for one in newest[:MOST_NEIGHBOURS]}:
        return items
    if len(newest) > MOST_NEIGHBOURS and newest[-1].pk != snapshot.pk:
        items.append(TimelineItem("…", Kind.UNKNOWN.value))
    return [*items, _item(snapshot, snapshot, environment, list_url, now)]


def _item(one: Snapshot, snapshot: Snapshot, environment: Environment, list_url: str, now: datetime) -> TimelineItem:
    when = times.taken(one.taken_after, one.taken_before, one.taken_source, one.taken_key, now).text
    badge = labels.badge(one.state, listed=one.listed, candidate=one.is_candidate)
    if one.pk == snapshot.pk:
        return TimelineItem(_("%(when)s · this one") % {"when": when}, badge.tone, current=True)
    url = f"{list_url}{environment.path}/{one.snapshot_id}/"
    return TimelineItem(f"{when} · {badge.mark} {badge.word}", badge.tone, url)


def life(snapshot: Snapshot, environment: Environment, now: datetime) -> list[TimelineItem]:
    """First sight, then every change that was recorded, oldest first."""
    changes = list(snapshot.changes.order_by("at", "pk")[:MOST_CHANGES])
    items = [_first(snapshot, environment, _first_state(changes, snapshot), now)]
    return items + [_changed(one, now) for one in changes if not _is_first_sight(one, snapshot)]


def _first_state(changes: Sequence[Change], snapshot: Snapshot) -> str:
    """What it was when it was first seen, "" if that is not known: not every change of a state is recorded."""
    named = next((one for one in changes if one.kind in WITH_STATE), None)
    if named and named.kind in MADE:
        return named.before or named.after
    if snapshot.usable_at == snapshot.first_seen_at:
        return USABLE_STATE
    if named and named.kind == Change.Kind.VANISHED:
        return named.before
    return snapshot.state if snapshot.changed_at == snapshot.first_seen_at else ""


def _is_first_sight(change: Change, snapshot: Snapshot) -> bool:
    return change.kind == Change.Kind.APPEARED or (change.kind in ENDS and change.at == snapshot.first_seen_at)


def _first(snapshot: Snapshot, environment: Environment, state: str, now: datetime) -> TimelineItem:
    when = times.stamp(snapshot.first_seen_at, now)
    tone = states.kind_of(state).value
    word = states.state_label(state) if state else _("its state then is not known")
    if environment.first_listed_at is None or snapshot.first_seen_at <= environment.first_listed_at:
        text = _("%(when)s · existed before monitoring started, %(state)s")
    else:
        text = _("%(when)s · first seen, %(state)s")
    return TimelineItem(text % {"when": when, "state": word}, tone)


def _changed(change: Change, now: datetime) -> TimelineItem:
    told = change_labels.in_life(change.kind, change.before, change.after, change.seconds)
    if change.kind == Change.Kind.STATE:
        tone = states.kind_of(change.after).value
    else:
        tone = change_labels.badge(change.kind).tone
    return TimelineItem(f"{times.stamp(change.at, now)} · {told}", tone)
