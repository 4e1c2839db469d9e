"""A team's next key: tried at the provider before it counts, kept aside while the provider is down.

Between trial and word the key rests sealed in a row of its person; it is in no page, session or cookie.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from dashboard.secrets import MASK, KeyUnreadable, Secret, seal_key
from dashboard.teams.access.roles import hold_role
from dashboard.teams.core import audit
from dashboard.teams.models import ApiKey, EventKind, PendingKey, Role, Team, User
from snapshots.containment import contain
from snapshots.setup.key_trial import Answer, Trial, Verdict, try_key

OFFERED_FOR = timedelta(minutes=10)
KEPT_FOR = timedelta(days=7)
KEPT_EVERY = timedelta(seconds=60)


def answers_of(pending: PendingKey) -> list[Answer]:
    return [Answer(**row) for row in pending.answers]


def propose(*, team: Team, person: User, secret: Secret, whose: str, request: HttpRequest | None = None) -> PendingKey:
    """Try a key. One that works waits 10 min for its person's word; while nothing can be learnt it is kept aside.

    Of one that is refused only the answers are stored. Raises `KeyRingMissing`.
    """
    sealed = seal_key(secret, team_pk=team.pk)
    trial = try_key(secret, list(team.environments.order_by("name", "service_code")))
    is_kept = trial.verdict is Verdict.UNKNOWN
    now = timezone.now()
    replaced = Q(made_by=person, is_kept=False) | (Q(is_kept=True) if is_kept else Q(made_at__lt=now - KEPT_FOR))
    with transaction.atomic():
        # One after the other: of two at the same time the second replaces what the first has stored.
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        PendingKey.objects.filter(replaced, team=team).delete()
        pending = PendingKey.objects.create(
            team=team,
            made_by=person,
            made_at=now,
            sealed="" if trial.verdict is Verdict.REFUSED else sealed,
            whose=whose,
            answers=trial.rows,
            sees=trial.sees,
            is_kept=is_kept,
            tried_at=now,
            next_try_at=now + _pause(trial),
        )
        hold_role(request)
    return pending


def _pause(trial: Trial) -> timedelta:
    return max(KEPT_EVERY, trial.retry_after)


def offered_to(team: Team, person: User) -> PendingKey | None:
    """The key that this person tried in this team within the last ten minutes, and its answers."""
    young = timezone.now() - OFFERED_FOR
    return PendingKey.objects.filter(team=team, made_by=person, is_kept=False, made_at__gt=young).first()


def kept_for(team: Team) -> PendingKey | None:
    """The key that waits for the provider."""
    young = timezone.now() - KEPT_FOR
    return PendingKey.objects.filter(team=team, is_kept=True, made_at__gt=young).select_related("made_by").first()


def accept(*, team: Team, person: User, pending_pk: int, request: HttpRequest | None = None) -> ApiKey | None:
    """Make a tried key the team's key, by the word of the person who tried it; None if it is not there any more."""
    pending = offered_to(team, person)
    if pending is None or pending.pk != pending_pk or not pending.sealed:
        return None
    return _adopt(pending, request)


@transaction.atomic
def drop(*, team: Team, person: User, pending_pk: int, request: HttpRequest | None = None) -> bool:
    """Forget a tried key of one's own, or the team's key that was kept aside."""
    mine_or_kept = Q(made_by=person) | Q(is_kept=True)
    deleted, _by_model = PendingKey.objects.filter(mine_or_kept, team=team, pk=pending_pk).delete()
    hold_role(request)
    return bool(deleted)


@transaction.atomic
def _adopt(pending: PendingKey, request: HttpRequest | None = None) -> ApiKey | None:
    """None if it was replaced, dropped or adopted meanwhile, or cannot be read."""
    if not PendingKey.objects.select_for_update().filter(pk=pending.pk, sealed=pending.sealed).exists():
        return None
    try:
        secret = pending.open()
    except KeyUnreadable:
        return None
    person = pending.made_by
    key = ApiKey.replace(pending.team, secret, by=person, whose=pending.whose, sees=pending.sees)
    target = f"{MASK}{key.last_signs}"
    audit.record(EventKind.KEY_CHANGED, team=key.team, actor=person, target=target, request=request)
    return key


@dataclass(frozen=True, slots=True)
class Kept:
    """How the trial of a key that was kept aside ended."""

    team: Team
    verdict: Verdict


def try_kept(slug: str | None = None) -> list[Kept]:
    """Try every key that waits for the provider, each at most once a minute; one that works is the team's at once."""
    now = timezone.now()
    forget_expired(now)
    waiting = PendingKey.objects.filter(is_kept=True, next_try_at__lte=now).exclude(sealed="")
    waiting = waiting.filter(team__slug=slug) if slug else waiting
    tried = [
        contain(partial(_try_one, pending, now), f"key kept for team {pending.team_id}")
        for pending in waiting.select_related("team", "made_by").order_by("pk")
    ]
    return [one for one in tried if isinstance(one, Kept)]


def expired(now: datetime) -> QuerySet[PendingKey]:
    """The keys nobody has said a word about in time."""
    old = Q(is_kept=False, made_at__lte=now - OFFERED_FOR) | Q(is_kept=True, made_at__lte=now - KEPT_FOR)
    return PendingKey.objects.filter(old)


def forget_expired(now: datetime) -> None:
    # A look first: a round without anything to forget must not wait for the database's one writer.
    if expired(now).exists():
        expired(now).delete()


def _try_one(pending: PendingKey, now: datetime) -> Kept | None:
    row = PendingKey.objects.filter(pk=pending.pk, next_try_at=pending.next_try_at)
    if not row.update(tried_at=now, next_try_at=now + KEPT_EVERY):
        return None  # another process tries it
    if not _is_admin(pending):
        PendingKey.objects.filter(pk=pending.pk).delete()
        return None
    try:
        secret = pending.open()
    except KeyUnreadable:
        PendingKey.objects.filter(pk=pending.pk).delete()
        return Kept(pending.team, Verdict.REFUSED)
    return _judge(pending, try_key(secret, list(pending.team.environments.order_by("name", "service_code"))))


def _judge(pending: PendingKey, trial: Trial) -> Kept | None:
    if trial.verdict is Verdict.WORKS:
        pending.sees = trial.sees
        return Kept(pending.team, Verdict.WORKS) if _adopt(pending) else None
    changed: dict[str, object] = {"answers": trial.rows, "next_try_at": timezone.now() + _pause(trial)}
    if trial.verdict is Verdict.REFUSED:
        changed["sealed"] = ""
    PendingKey.objects.filter(pk=pending.pk, sealed=pending.sealed).update(**changed)
    return Kept(pending.team, trial.verdict)


def _is_admin(pending: PendingKey) -> bool:
    """Whoever left it must still be the one who may replace the key."""
    found = pending.team.memberships.filter(user=pending.made_by, user__is_active=True, role=Role.ADMIN)
    return found.exists()
