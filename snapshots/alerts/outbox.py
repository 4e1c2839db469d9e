"""The outbox: alerts are decided and written in the transaction of the problems; `deliver` sends them later.

What is announced follows from what is stored, not from what the last sync saw: problems that were held back, because
their environment had a problem itself or a member had acknowledged them, are announced when nothing holds them.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from secrets import token_hex

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from dashboard.teams.models import Membership, Role
from dashboard.teams.people.invitations import sends_mail
from snapshots.alerts.content import content_of
from snapshots.alerts.problems import Settled
from snapshots.models import Alert, AnnouncedProblem, Channel, Delivery, Environment, Problem, ProblemQuerySet

Kind, Event, Outcome = Problem.Kind, Alert.Event, Delivery.Outcome


def announce(environment: Environment, settled: Settled, now: datetime) -> None:
    """Write the alerts that follow from an environment's problems, with a delivery to each channel of its team.

    Runs in the transaction that writes the problems, under the lock of the environment.
    """
    groups = defaultdict[int, list[Problem]](list)
    for problem in _to_announce(environment, now):
        if not problem.is_quiet(now):
            groups[problem.kind].append(problem)
    for kind in sorted(groups, reverse=True):
        _announce_beginning(environment, kind, groups[kind], now)
    _announce_ends(environment, now)


def announce_late(now: datetime) -> None:
    """Announce what nothing holds back any more, although nothing was written: an acknowledgement is over."""
    waiting = _unannounced(now).not_acknowledged(now).filter(environment__removed_at__isnull=True)
    waiting = waiting.filter(~Exists(_own_problem(OuterRef("environment"))) | Q(volume__isnull=True))
    for pk in sorted(set(waiting.values_list("environment", flat=True))):
        with transaction.atomic():
            environment = Environment.everything.select_for_update(no_key=True).filter(pk=pk).first()
            if environment is not None:
                announce(environment, Settled(), timezone.now())


def announce_pause(channel: Channel, now: datetime) -> None:
    """Let the team's admins know by mail that nothing is sent to a channel any more."""
    if not sends_mail():
        return
    admins = Membership.objects.filter(team=channel.team_id, role=Role.ADMIN, user__is_active=True)
    for admin in admins.select_related("user"):
        if admin.user.has_proved_address and admin.pk != channel.membership_id:
            made = {"team_id": channel.team_id, "type": Channel.Type.MAIL, "wants_alerts": False}
            mailbox, _is_new = Channel.objects.get_or_create(membership=admin, defaults=made)
            if mailbox.paused_at is None:
                Delivery.objects.create(
                    channel=mailbox,
                    key=f"paused-{channel.pk}-{int(now.timestamp())}",
                    event=Delivery.Event.PAUSE,
                    content={
                        "channel": str(channel),
                        "failing_since": channel.failing_since and channel.failing_since.isoformat(),
                        "failure": channel.failure,
                    },
                    made_at=now,
                    due_at=now,
                )


def queue_test(channel: Channel) -> Delivery:
    """Let the worker send a test message."""
    now = timezone.now()
    return Delivery.objects.create(
        channel=channel, key=f"test-{token_hex(8)}", event=Delivery.Event.TEST, made_at=now, due_at=now
    )


def _unannounced(now: datetime) -> ProblemQuerySet:
    """Return confirmed problems without an alert, those that became worse, and those quiet since their alert until now.

    A silence becomes a refusal when that is repeated, as a refusal is confirmed.
    """
    became_none = Q(kind=Kind.NONE, announced__alert__kind__lt=Kind.NONE)
    became_refused = Q(kind=Kind.REFUSED, announced__alert__kind=Kind.SILENT, environment__fault_count__gt=1)
    was_quiet = Q(announced__alert__at__lte=F("acknowledged_at"), acknowledged_until__lte=now)
    found: ProblemQuerySet = Problem.objects.current().filter(confirmed_at__isnull=False)
    return found.filter(Q(announced__isnull=True) | became_none | became_refused | was_quiet)


def _own_problem(environment: Environment | OuterRef) -> QuerySet[Problem]:
    return Problem.objects.current().filter(environment=environment, volume__isnull=True)


def _to_announce(environment: Environment, now: datetime) -> list[Problem]:
    """While the environment itself has a problem, only that one is announced."""
    found = _unannounced(now).filter(environment=environment).select_related("volume", "announced")
    if _own_problem(environment).exists():
        found = found.filter(volume__isnull=True)
    return list(found)


def _announce_beginning(environment: Environment, kind: int, problems: Sequence[Problem], now: datetime) -> None:
    others = Problem.objects.current().filter(team=environment.team_id, confirmed_at__isnull=False).count()
    is_over = all(each.acknowledged_until and each.acknowledged_until <= now for each in problems)
    alert = Alert.objects.create(
        team_id=environment.team_id,
        environment=environment,
        event=Event.BEGAN,
        kind=kind,
        at=now,
        content=content_of(environment, kind, problems, others=max(0, others - len(problems)))
        | {"was_acknowledged": is_over},
    )
    AnnouncedProblem.objects.bulk_create(
        [AnnouncedProblem(problem=problem, alert=alert) for problem in problems],
        update_conflicts=True,
        update_fields=["alert"],
        unique_fields=["problem"],
    )
    enqueue(alert, Channel.objects.filter(team=environment.team_id).for_alerts().active(), now)


def _announce_ends(environment: Environment, now: datetime) -> None:
    """Announce the end of each alert all of whose problems have ended, to those who were told its beginning."""
    is_open = AnnouncedProblem.objects.filter(alert=OuterRef("pk"), problem__ended_at__isnull=True)
    begun = Alert.objects.filter(environment=environment, event=Event.BEGAN, is_over=False)
    for beginning in begun.filter(~Exists(is_open)).order_by("pk"):
        problems = [each.problem for each in beginning.announced.select_related("problem__volume")]
        Alert.objects.filter(pk=beginning.pk).update(is_over=True)
        told = beginning.deliveries.exclude(outcome=Outcome.GIVEN_UP).values("channel")
        channels = Channel.objects.filter(pk__in=told).for_alerts()
        if problems:
            content = content_of(environment, beginning.kind, problems, others=0)
            content |= {name: beginning.content.get(name) for name in ("since", "has_due")}
        else:
            # All of them are in another alert now. People know from that one; a receiver that keeps incidents does not.
            channels = channels.keeping_incidents()
            content = beginning.content | {"count": 0, "problems": [], "usable": 0, "ended_at": now.isoformat()}
        if problems or channels.exists():
            alert = Alert.objects.create(
                team_id=environment.team_id,
                environment=environment,
                event=Event.ENDED,
                kind=beginning.kind,
                at=now,
                beginning=beginning,
                content=content,
            )
            enqueue(alert, channels, now)


def enqueue(alert: Alert, channels: QuerySet[Channel], now: datetime) -> None:
    """Write a delivery of an alert to each of these channels, in the transaction that writes the alert."""
    # Locked, so that none is deleted before this is committed.
    locked = list(channels.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    Delivery.objects.bulk_create(
        Delivery(
            channel_id=pk,
            key=f"{alert.event}-{alert.pk}",
            event=Delivery.Event.ALERT,
            alert=alert,
            made_at=now,
            due_at=now,
        )
        for pk in locked
    )
