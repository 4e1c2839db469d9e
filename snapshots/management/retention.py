"""Delete old data in small pieces. Each is one short transaction, so that nobody has to wait.

If a run is interrupted, the next one finishes its work.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from dashboard.teams.core import retention as teams
from snapshots.models import (
    Alert,
    Change,
    DataGap,
    Delivery,
    Environment,
    Problem,
    RuleTime,
    Snapshot,
    VerdictDay,
    Volume,
)
from snapshots.setup import pending_keys
from snapshots.sharing import links

REMOVED_KEPT = timedelta(days=7)
# Tests of channels, and summaries.
MESSAGES_KEPT = timedelta(days=30)
PIECE_ROWS = 200


class Subject(Enum):
    """What can be deleted, in the order of deletion."""

    ENVIRONMENTS = "environments"
    CHANGES = "changes"
    SNAPSHOTS = "snapshots"
    PROBLEMS = "problems"
    TIMES = "times"
    GAPS = "gaps"
    ALERTS = "alerts"
    MESSAGES = "messages"
    VOLUMES = "volumes"
    DAYS = "days"
    KEYS = "keys"
    SESSIONS = "sessions"
    SIGN_INS = "sign-ins"
    INVITATIONS = "invitations"
    SHARED_LINKS = "shared links"
    LIMITS = "limits"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Piece:
    """What one transaction deleted. `environment`: team and path of an environment that is deleted completely."""

    subject: Subject
    rows: int
    environment: tuple[str, str] | None = None


Rows = Callable[[datetime], QuerySet[Model]]
# Subjects whose rows nothing else depends on, and the query for their expired rows.
ALONE: dict[Subject, Rows] = {
    Subject.CHANGES: lambda now: Change.objects.filter(at__lt=_changes_since(now)),
    Subject.PROBLEMS: lambda now: Problem.objects.filter(ended_at__lt=_history_since(now)),
    Subject.TIMES: lambda now: RuleTime.objects.filter(ended_at__lt=_history_since(now)),
    Subject.GAPS: lambda now: DataGap.objects.filter(ended_at__lt=_history_since(now)),
    Subject.ALERTS: lambda now: ended_alerts(now),
    Subject.MESSAGES: lambda now: Delivery.objects.filter(alert__isnull=True, made_at__lt=now - MESSAGES_KEPT),
    Subject.VOLUMES: lambda now: gone_volumes(now),
    Subject.DAYS: lambda now: VerdictDay.objects.filter(day__lt=_history_since(now).date()),
    Subject.KEYS: pending_keys.expired,
    Subject.SESSIONS: teams.expired_sessions,
    Subject.SIGN_INS: teams.ended_sign_ins,
    Subject.INVITATIONS: teams.ended_invitations,
    Subject.SHARED_LINKS: links.ended_links,
    Subject.LIMITS: teams.expired_limits,
    Subject.EVENTS: teams.old_events,
}


def forget(now: datetime) -> Iterator[Piece]:
    """Delete expired data; each step of the iterator deletes one piece."""
    for subject in Subject:
        if subject is Subject.ENVIRONMENTS:
            yield from _forget_environments(now)
        elif subject is Subject.SNAPSHOTS:
            yield from _forget_snapshots(now)
        else:
            yield from (Piece(subject, count) for count in _delete(ALONE[subject](now)))


def would_forget(now: datetime) -> Iterator[Piece]:
    """Count what `forget` would delete, without dependent rows."""
    for environment in _removed(now):
        place = (environment.team.slug, environment.path)
        yield Piece(Subject.ENVIRONMENTS, Snapshot.objects.filter(environment=environment).count(), place)
    yield Piece(Subject.SNAPSHOTS, gone_snapshots(now).count())
    yield from (Piece(subject, rows(now).count()) for subject, rows in ALONE.items())


def in_words(pieces: Iterable[Piece]) -> list[str]:
    """Add the pieces up: one line per environment and per other subject, without zeros."""
    sums: dict[tuple[Subject, tuple[str, str] | None], int] = {}
    for piece in pieces:
        sums[piece.subject, piece.environment] = sums.get((piece.subject, piece.environment), 0) + piece.rows
    order = list(Subject)
    lines = sorted(sums.items(), key=lambda line: order.index(line[0][0]))
    return [_line(subject, place, rows) for (subject, place), rows in lines if rows or place]


def gone_snapshots(now: datetime) -> QuerySet[Snapshot]:
    """Snapshots that the provider stopped listing more than `HISTORY_DAYS` ago.

    A snapshot stays as long as its changes (`CHANGES_DAYS`).
    """
    kept = Change.objects.filter(snapshot=OuterRef("pk"), at__gte=_changes_since(now))
    gone = Snapshot.objects.no_longer_listed().annotate(last=Coalesce(F("last_seen_at"), F("missing_since")))
    return gone.filter(~Exists(kept), last__lt=_history_since(now))


def gone_volumes(now: datetime) -> QuerySet[Volume]:
    """Volumes that have been unlisted and without any snapshot for `HISTORY_DAYS`."""
    rows = Snapshot.objects.filter(
        team=OuterRef("team"), environment=OuterRef("environment"), volume_id=OuterRef("volume_id")
    )
    last = Coalesce(F("deleted_at"), F("missing_since"), F("judged_at"))
    unlisted = Volume.objects.filter(listed=False, snapshot_count=0).annotate(last=last)
    return unlisted.filter(~Exists(rows), last__lt=_history_since(now))


def ended_alerts(now: datetime) -> QuerySet[Alert]:
    """Alerts of `HISTORY_DAYS` ago that are over; their ends and messages go with them."""
    since = _history_since(now)
    is_over = Q(event=Alert.Event.BEGAN, is_over=True) | Q(event=Alert.Event.FEWER)
    return Alert.objects.filter(is_over, at__lt=since).exclude(end__at__gte=since)


def _history_since(now: datetime) -> datetime:
    return now - timedelta(days=settings.HISTORY_DAYS)


def _changes_since(now: datetime) -> datetime:
    return now - timedelta(days=settings.CHANGES_DAYS)


def _delete(rows: QuerySet[Model]) -> Iterator[int]:
    """Find the rows without a lock; the DELETE statement checks again whether each row is expired."""
    while chunk := list(rows.order_by("pk").values_list("pk", flat=True)[:PIECE_ROWS]):
        deleted, _by_model = rows.filter(pk__in=chunk).delete()
        yield deleted


def _forget_snapshots(now: datetime) -> Iterator[Piece]:
    for environment in Environment.objects.filter(Exists(gone_snapshots(now).filter(environment=OuterRef("pk")))):
        gone = gone_snapshots(now).filter(environment=environment)
        while chunk := list(gone.values_list("pk", flat=True)[:PIECE_ROWS]):
            yield Piece(Subject.SNAPSHOTS, _forget_some(environment, gone.filter(pk__in=chunk)))


@transaction.atomic
def _forget_some(environment: Environment, gone: QuerySet[Snapshot]) -> int:
    """Delete under the lock of the sync, which may just have found one of the rows listed again."""
    locked = Environment.everything.select_for_update(no_key=True).filter(pk=environment.pk).first()
    if locked is None:
        return 0
    chunk = list(gone.values_list("pk", flat=True))
    Snapshot.objects.filter(pk__in=chunk).delete()
    locked.facets["gone"] = max(0, int(locked.facets.get("gone", 0)) - len(chunk))
    locked.raise_generation()
    locked.save(update_fields=["facets", "generation", "generation_id"])
    return len(chunk)


def _removed(now: datetime) -> QuerySet[Environment]:
    old = Environment.everything.removed().filter(removed_at__lte=now - REMOVED_KEPT)
    return old.select_related("team").order_by("pk")


def _forget_environments(now: datetime) -> Iterator[Piece]:
    """Rename it first, so that it cannot be added again with half of its rows, then delete piece by piece."""
    for environment in _removed(now):
        place = (environment.team.slug, environment.path)
        if not _put_out_of_reach(environment, now):
            continue
        yield Piece(Subject.ENVIRONMENTS, 0, place)
        yield from (Piece(Subject.ENVIRONMENTS, 0, place) for _count in _delete(_of(Change, environment)))
        yield from (Piece(Subject.ENVIRONMENTS, count, place) for count in _delete_with_others(environment))
        for model in (Alert, Problem, RuleTime, DataGap, Volume):
            yield from (Piece(Subject.ENVIRONMENTS, 0, place) for _count in _delete(_of(model, environment)))
        environment.delete()


def _put_out_of_reach(environment: Environment, now: datetime) -> bool:
    """Rename it to a name that no environment can have; return False if it was added again in the meantime."""
    mark = f" ({environment.pk})"
    name = environment.name if environment.name.endswith(mark) else environment.name[: 64 - len(mark)] + mark
    return bool(_removed(now).filter(pk=environment.pk).update(name=name))


def _of(model: type[Model], environment: Environment) -> QuerySet[Model]:
    return model._default_manager.filter(environment=environment)


def _delete_with_others(environment: Environment) -> Iterator[int]:
    """Delete its snapshots and dependent rows; return the number of snapshots."""
    rows = Snapshot.objects.filter(environment=environment)
    while chunk := list(rows.values_list("pk", flat=True)[:PIECE_ROWS]):
        Snapshot.objects.filter(pk__in=chunk).delete()
        yield len(chunk)


def _line(subject: Subject, place: tuple[str, str] | None, rows: int) -> str:
    if place is not None:
        text = _("- %(team)s: environment %(path)s (snapshots: %(count)d, with their history)")
        return text % {"team": place[0], "path": place[1], "count": rows}
    texts = {
        Subject.CHANGES: _("- changes older than %(days)d days: %(count)d"),
        Subject.SNAPSHOTS: _("- snapshots last listed more than %(days)d days ago: %(count)d"),
        Subject.PROBLEMS: _("- problems that ended more than %(days)d days ago: %(count)d"),
        Subject.TIMES: _("- times of reports older than %(days)d days: %(count)d"),
        Subject.GAPS: _("- times without data that ended more than %(days)d days ago: %(count)d"),
        Subject.ALERTS: _("- alerts older than %(days)d days: %(count)d"),
        Subject.MESSAGES: _("- tests and summaries of channels older than %(days)d days: %(count)d"),
        Subject.VOLUMES: _("- volumes without a snapshot, last listed more than %(days)d days ago: %(count)d"),
        Subject.DAYS: _("- days of verdicts older than %(days)d days: %(count)d"),
        Subject.KEYS: _("- API keys that were tried and never saved: %(count)d"),
        Subject.SESSIONS: _("- sessions that have expired: %(count)d"),
        Subject.SIGN_INS: _("- entries of sessions that have ended: %(count)d"),
        Subject.INVITATIONS: _("- invitations that ended more than %(days)d days ago: %(count)d"),
        Subject.SHARED_LINKS: _("- shared links that ended more than %(days)d days ago: %(count)d"),
        Subject.LIMITS: _("- counts of limits that have expired: %(count)d"),
        Subject.EVENTS: _("- rows of the audit older than %(days)d days: %(count)d"),
    }
    days = {
        Subject.CHANGES: settings.CHANGES_DAYS,
        Subject.SNAPSHOTS: settings.HISTORY_DAYS,
        Subject.PROBLEMS: settings.HISTORY_DAYS,
        Subject.TIMES: settings.HISTORY_DAYS,
        Subject.GAPS: settings.HISTORY_DAYS,
        Subject.ALERTS: settings.HISTORY_DAYS,
        Subject.MESSAGES: MESSAGES_KEPT.days,
        Subject.VOLUMES: settings.HISTORY_DAYS,
        Subject.DAYS: settings.HISTORY_DAYS,
        Subject.INVITATIONS: teams.INVITATIONS_KEPT.days,
        Subject.SHARED_LINKS: links.ENDED_KEPT.days,
        Subject.EVENTS: settings.AUDIT_DAYS,
    }
    return texts[subject] % {"days": days.get(subject, 0), "count": rows}
