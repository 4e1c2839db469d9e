"""The sentence under a snapshot's title: can it be used, and is there a newer one."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypedDict

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.models import Environment, Snapshot, SnapshotQuerySet
from snapshots.models.environment import ttl
from snapshots.rules import states
from snapshots.rules.runs import COPYING, MOVING, Run
from snapshots.rules.states import Kind
from snapshots.rules.taken_time import UNDATED
from snapshots.text import times


class Usability(Enum):
    """Whether a snapshot can be restored from."""

    USABLE = "usable"
    # It is in progress, or complete and being copied.
    NOT_YET = "not-yet"
    UNKNOWN = "unknown"
    NEVER = "never"


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
        newest_label=_("the newest usable one"),
        usability=usability(snapshot),
        older_url=f"{prefix}{older.snapshot_id}/" if older else "",
        newer_url=f"{prefix}{newer.snapshot_id}/" if newer else "",
    )


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
        return _("Gone.")
    if run.is_candidate and usability(snapshot) is not Usability.NEVER:
        return _("Cannot tell: left out of the provider's last list.")
    if run.is_in_doubt and run.state == COPYING:
        return _("Cannot tell: it was being copied when it was first listed.")
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
    return answers.get(states.kind_of(run.state), _("Cannot tell: the provider gives a state that is not known."))


def _run(snapshot: Snapshot) -> Run:
    """The snapshot as the judge sees it, without its times."""
    seen = snapshot.taken_before
    usable_at, is_candidate = snapshot.usable_at, snapshot.is_candidate
    return Run((), snapshot.state, None, seen, seen, usable_at, snapshot.listed, is_candidate)


def _as_it_was(run: Run, environment: Environment, now: datetime) -> str:
    age = environment.data_age(now)
    if environment.listed_at is None or age is None:
        return _("Cannot tell: the environment has never been listed whole.")
    text = _("Was usable at %(time)s UTC; our copy is %(age)s old.")
    if states.kind_of(run.state) is Kind.UNDER_WAY:
        text = _("Was in progress at %(time)s UTC; our copy is %(age)s old.")
    return text % {
        "time": times.clock(environment.listed_at, now),
        "age": times.age(age),
    }


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
            "This volume has %(count)d usable one%(newest)s.",
            "This volume has %(count)d usable ones%(newest)s.",
            known["count"],
        )
        return text % {"count": known["count"], "newest": _newest_age(known, now)}
    if known["count"] == 1:
        return _("The only usable one of this volume.")
    return _place(snapshot, usable, known, now)


def _place(snapshot: Snapshot, usable: SnapshotQuerySet, known: Others, now: datetime) -> str:
    """Which of several usable ones it is, where their times tell."""
    is_newer = Q(taken_after__gte=snapshot.taken_before)
    is_open = Q(taken_after__isnull=True) | ~is_newer
    if snapshot.taken_after is not None:
        is_open &= Q(taken_before__gt=snapshot.taken_after)
    others = usable.exclude(pk=snapshot.pk)
    found = others.aggregate(newer=Count("pk", filter=is_newer), open=Count("pk", filter=is_open))
    numbers = {"count": known["count"], "newest": _newest_age(known, now), "open": found["open"]}
    if found["open"]:
        text = _("One of %(count)d usable ones of this volume; %(open)d of them may be older or newer%(newest)s.")
        return text % numbers
    place = found["newer"] + 1
    if place == 1:
        return _("The newest of %(count)d usable ones of this volume.") % numbers
    if place == known["count"]:
        return _("The oldest of %(count)d usable ones of this volume%(newest)s.") % numbers
    text = _("Number %(place)d of %(count)d usable ones of this volume, newest first%(newest)s.")
    return text % (numbers | {"place": place})


def _newest_age(known: Others, now: datetime) -> str:
    """How old the newest usable one is at most, by what is known of all their times."""
    after = known["after"]
    if after is None:
        return _("; when the newest was taken is not known")
    if known["undated"] is not None and known["undated"] > after:
        return _("; the newest is at most %(age)s old") % {"age": times.age(now - after)}
    return _("; the newest is %(age)s old") % {"age": times.age(now - after)}
