"""A key that works and waits for the person who tried it to save it.

It is stored encrypted, in a row of that person; it is in no page, session or cookie.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from dashboard.secrets import MASK, KeyUnreadable, Secret, seal_key
from dashboard.teams.access.roles import hold_role
from dashboard.teams.core import audit
from dashboard.teams.models import ApiKey, EventKind, PendingKey, Team, User
from snapshots.setup.key_trial import Answer, Trial, Verdict, try_key

OFFERED_FOR = timedelta(minutes=10)


def answers_of(pending: PendingKey) -> list[Answer]:
    return [Answer(**row) for row in pending.answers]


def propose(*, team: Team, person: User, secret: Secret, whose: str, request: HttpRequest | None = None) -> Trial:
    """Try a key. One that works is stored for ten minutes, until its person saves it; of any other nothing is stored.

    The key that this person tried before is forgotten. Raises `KeyRingMissing`.
    """
    sealed = seal_key(secret, team_pk=team.pk)
    trial = try_key(secret, list(team.environments.order_by("name", "service_code")))
    with transaction.atomic():
        # One after the other: of two at the same time the second replaces what the first has stored.
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        PendingKey.objects.filter(team=team, made_by=person).delete()
        if trial.verdict is Verdict.WORKS:
            PendingKey.objects.create(
                team=team,
                made_by=person,
                made_at=timezone.now(),
                sealed=sealed,
                whose=whose,
                answers=trial.rows,
                sees=trial.sees,
            )
        hold_role(request)
    return trial


def offered_to(team: Team, person: User) -> PendingKey | None:
    """The key that this person tried in this team within the last ten minutes, and its answers."""
    return _offers(team, person).first()


def _offers(team: Team, person: User) -> QuerySet[PendingKey]:
    return PendingKey.objects.filter(team=team, made_by=person, made_at__gt=timezone.now() - OFFERED_FOR)


@transaction.atomic
def accept(*, team: Team, person: User, pending_pk: int, request: HttpRequest | None = None) -> ApiKey | None:
    """Make a tried key the team's key, for the person who tried it; None if it is not there any more or unreadable."""
    pending = _offers(team, person).select_for_update().filter(pk=pending_pk).first()
    if pending is None:
        return None
    try:
        secret = pending.open()
    except KeyUnreadable:
        return None
    key = ApiKey.replace(team, secret, by=person, whose=pending.whose, sees=pending.sees)
    audit.record(EventKind.KEY_CHANGED, team=team, actor=person, target=f"{MASK}{key.last_signs}", request=request)
    return key


@transaction.atomic
def drop(*, team: Team, person: User, pending_pk: int, request: HttpRequest | None = None) -> bool:
    """Forget a tried key of one's own."""
    deleted, _by_model = PendingKey.objects.filter(team=team, made_by=person, pk=pending_pk).delete()
    hold_role(request)
    return bool(deleted)


def expired(now: datetime) -> QuerySet[PendingKey]:
    """The keys that were not saved in time."""
    return PendingKey.objects.filter(made_at__lte=now - OFFERED_FOR)


def forget_expired(now: datetime) -> None:
    # A look first: a round without anything to forget must not wait for the database's one writer.
    if expired(now).exists():
        expired(now).delete()
