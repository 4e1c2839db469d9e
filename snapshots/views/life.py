"""Two time lines of a snapshot's page: its volume's newest snapshots, and what happened to this one."""

from datetime import datetime

from django.utils.translation import gettext as _

from snapshots import states
from snapshots.models import Change, Environment, Snapshot
from snapshots.states import Kind
from snapshots.views import words
from snapshots.views.pages import TimelineItem

MOST_NEIGHBOURS = 5
MOST_CHANGES = 50


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
    when = words.taken(one.taken_after, one.taken_before, one.taken_from_name, one.taken_key, now).text
    badge = words.badge(one.state, listed=one.listed, candidate=one.is_candidate)
    if one.pk == snapshot.pk:
        return TimelineItem(_("%(when)s · this one") % {"when": when}, badge.tone, current=True)
    url = f"{list_url}{environment.path}/{one.snapshot_id}/"
    return TimelineItem(f"{when} · {badge.mark} {badge.word}", badge.tone, url)


def life(snapshot: Snapshot, environment: Environment, now: datetime) -> list[TimelineItem]:
    """First sight, then every change that was recorded, oldest first."""
    changes = list(snapshot.changes.order_by("at", "pk")[:MOST_CHANGES])
    first_state = next((one.before for one in changes if one.kind == Change.Kind.STATE), snapshot.state)
    items = [_first(snapshot, environment, first_state, now)]
    return items + [_changed(one, now) for one in changes if one.kind != Change.Kind.APPEARED]


def _first(snapshot: Snapshot, environment: Environment, state: str, now: datetime) -> TimelineItem:
    when = words.stamp(snapshot.first_seen_at, now)
    tone = states.kind_of(state).value
    word = states.state_label(state)
    if environment.first_listed_at is None or snapshot.first_seen_at <= environment.first_listed_at:
        text = _("%(when)s · already there when we began to look, %(state)s")
    else:
        text = _("%(when)s · first seen, %(state)s")
    return TimelineItem(text % {"when": when, "state": word}, tone)


def _changed(change: Change, now: datetime) -> TimelineItem:
    when = words.stamp(change.at, now)
    if change.kind == Change.Kind.STATE:
        return TimelineItem(f"{when} · {states.state_label(change.after)}", states.kind_of(change.after).value)
    if change.kind == Change.Kind.RENAMED:
        text = _("%(when)s · renamed, was %(before)s") % {"when": when, "before": change.before}
        return TimelineItem(text, Kind.UNKNOWN.value)
    tone = Kind.LEAVING.value if change.kind == Change.Kind.MISSING else Kind.UNDER_WAY.value
    return TimelineItem(f"{when} · {Change.Kind(change.kind).label}", tone)
