"""The sentence under a snapshot's title: can it be used, and is there a newer one."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots import states
from snapshots.claims import ttl
from snapshots.models import Environment, Snapshot, SnapshotQuerySet
from snapshots.states import Kind
from snapshots.timing import UNDATED
from snapshots.views import words


@dataclass(frozen=True, slots=True)
class Verdict:
    """`strong` answers, `text` compares with the volume's other usable snapshots."""

    strong: str
    text: str = ""
    newest_url: str = ""
    newest_label: str = ""
    older_url: str = ""
    newer_url: str = ""


def verdict(
    snapshot: Snapshot, environment: Environment, list_url: str, now: datetime, *, confirmed: bool = False
) -> Verdict:
    """Answer for a snapshot; `confirmed`: the provider was asked about this very one a moment ago."""
    strong = answer(snapshot, now, is_current=confirmed or environment.is_current(now, ttl()), environment=environment)
    if not snapshot.volume_id:
        return Verdict(strong, _("It names no volume, so it cannot be compared with others."))
    siblings = Snapshot.objects.of_volume(environment, snapshot.volume_id)
    usable = siblings.usable()
    newest = usable.newest_first().first()
    prefix = f"{list_url}{environment.path}/"
    listed = siblings.listed().exclude(pk=snapshot.pk)
    older = listed.filter(_before(snapshot)).newest_first().first()
    newer = listed.exclude(_before(snapshot)).order_by("taken_key", "pk").first()
    return Verdict(
        strong=strong,
        text=_compare(snapshot, usable, newest, now),
        newest_url=f"{prefix}{newest.snapshot_id}/" if newest and newest.pk != snapshot.pk else "",
        newest_label=_("the newest usable one"),
        older_url=f"{prefix}{older.snapshot_id}/" if older else "",
        newer_url=f"{prefix}{newer.snapshot_id}/" if newer else "",
    )


def answer(snapshot: Snapshot, now: datetime, *, is_current: bool, environment: Environment) -> str:
    """The answer. Only what the provider listed as completed a moment ago is called usable without more words."""
    if not snapshot.listed:
        return _("Gone.")
    if snapshot.is_candidate:
        return _("Cannot tell: left out of the provider's last list.")
    if snapshot.is_usable and not is_current:
        return _was_usable(environment, now)
    answers = {
        Kind.USABLE: _("Usable."),
        Kind.FAILED: _("Not usable: it failed."),
        Kind.UNDER_WAY: _("Not usable yet: in progress."),
        Kind.LEAVING: _("Not usable: it is being removed."),
    }
    return answers.get(states.kind_of(snapshot.state), _("Cannot tell: the provider gives a state that is not known."))


def _was_usable(environment: Environment, now: datetime) -> str:
    if environment.listed_at is None:
        return _("Cannot tell: the environment has never been listed whole.")
    return _("Was usable at %(time)s UTC; our copy is %(age)s old.") % {
        "time": words.clock(environment.listed_at, now),
        "age": words.age(now - environment.listed_at),
    }


def _before(snapshot: Snapshot) -> Q:
    key = snapshot.taken_key
    return Q(taken_key__lt=key) | Q(taken_key=key, pk__lt=snapshot.pk)


def _compare(snapshot: Snapshot, usable: SnapshotQuerySet, newest: Snapshot | None, now: datetime) -> str:
    count = usable.count()
    if newest is None:
        return _("This volume has no usable snapshot.")
    if not snapshot.is_usable:
        text = ngettext(
            "This volume has %(count)d usable one%(newest)s.", "This volume has %(count)d usable ones%(newest)s.", count
        )
        return text % {"count": count, "newest": _newest_age(newest, now)}
    if count == 1:
        return _("The only usable one of this volume.")
    place = usable.exclude(_before(snapshot)).count()
    if place == 1:
        return _("The newest of %(count)d usable ones of this volume.") % {"count": count}
    if place == count:
        text = _("The oldest of %(count)d usable ones of this volume%(newest)s.")
        return text % {"count": count, "newest": _newest_age(newest, now)}
    text = _("Number %(place)d of %(count)d usable ones of this volume, newest first%(newest)s.")
    return text % {"place": place, "count": count, "newest": _newest_age(newest, now)}


def _newest_age(newest: Snapshot, now: datetime) -> str:
    """How old the newest usable one is, by the oldest end of what we know of its time."""
    if newest.taken_key == UNDATED or newest.taken_after is None:
        return _("; when the newest was taken is not known")
    return _("; the newest is %(age)s old") % {"age": words.age(now - newest.taken_after)}
