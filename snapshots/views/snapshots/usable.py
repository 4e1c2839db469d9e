"""The sentence under a snapshot's title: can it be used, and is there a newer one."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.models import Environment, Snapshot, SnapshotQuerySet
from snapshots.models.environment import ttl
from snapshots.rules.taken_time import UNDATED
from snapshots.text import times
from snapshots.text.usable import Usability, answer, usability


@dataclass(frozen=True, slots=True)
class Verdict:
    """`strong` answers, `text` compares with the volume's other usable snapshots."""

    strong: str
    usability: Usability
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
        return Verdict(strong, usability(snapshot), _("It names no volume, so it cannot be compared with others."))
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
        newest_label=_("the newest usable snapshot"),
        usability=usability(snapshot),
        older_url=f"{prefix}{older.snapshot_id}/" if older else "",
        newer_url=f"{prefix}{newer.snapshot_id}/" if newer else "",
    )


def _before(snapshot: Snapshot) -> Q:
    key = snapshot.taken_key
    return Q(taken_key__lt=key) | Q(taken_key=key, pk__lt=snapshot.pk)


class Others(TypedDict):
    """What is known of a volume's usable snapshots: how many, the latest begin, the latest end without a begin."""

    count: int
    after: datetime | None
    undated: datetime | None


def _compare(snapshot: Snapshot, usable: SnapshotQuerySet, newest: Snapshot | None, now: datetime) -> str:
    if newest is None:
        if usability(snapshot) is Usability.NEVER:
            return _("This volume has no usable snapshot.")
        return _("This volume has no other usable snapshot.")
    undated = Max("taken_before", filter=Q(taken_key=UNDATED))
    known: Others = usable.aggregate(count=Count("pk"), after=Max("taken_after"), undated=undated)  # type: ignore[assignment]
    if not snapshot.is_usable:
        text = ngettext(
            "This volume has %(count)d usable snapshot.",
            "This volume has %(count)d usable snapshots.",
            known["count"],
        ) % {"count": known["count"]}
        return f"{text} {_newest_age(known, now)}"
    if known["count"] == 1:
        return _("The only usable snapshot of this volume.")
    return _place(snapshot, usable, known, now)


def _place(snapshot: Snapshot, usable: SnapshotQuerySet, known: Others, now: datetime) -> str:
    """Which of several usable ones it is, where their times tell."""
    is_newer = Q(taken_after__gte=snapshot.taken_before)
    is_open = Q(taken_after__isnull=True) | ~is_newer
    if snapshot.taken_after is not None:
        is_open &= Q(taken_before__gt=snapshot.taken_after)
    others = usable.exclude(pk=snapshot.pk)
    found = others.aggregate(newer=Count("pk", filter=is_newer), open=Count("pk", filter=is_open))
    numbers = {"count": known["count"], "open": found["open"], "place": found["newer"] + 1}
    if found["open"]:
        text = _("One of %(count)d usable snapshots of this volume; %(open)d of them may be older or newer.")
    elif numbers["place"] == 1:
        return _("The newest of %(count)d usable snapshots of this volume.") % numbers
    elif numbers["place"] == known["count"]:
        text = _("The oldest of %(count)d usable snapshots of this volume.")
    else:
        text = _("Number %(place)d of %(count)d usable snapshots of this volume, newest first.")
    return f"{text % numbers} {_newest_age(known, now)}"


def _newest_age(known: Others, now: datetime) -> str:
    """How old the newest usable snapshot is at most, by what is known of all their times."""
    after = known["after"]
    if after is None:
        return _("It is not known when the newest was taken.")
    if known["undated"] is not None and known["undated"] > after:
        return _("The newest is at most %(age)s old.") % {"age": times.age(now - after)}
    return _("The newest is %(age)s old.") % {"age": times.age(now - after)}
