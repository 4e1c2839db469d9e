"""What people do with channels: create, change, pause and delete them, and choose mails for themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from secrets import token_urlsafe

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from dashboard.random_secrets import digest_of, new_secret
from dashboard.secrets import Secret, seal_webhook_secret
from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, Membership, Team, User
from snapshots.alerts.outbox import queue_test
from snapshots.alerts.services import SERVICES, Service, check
from snapshots.models import Channel, Delivery, Feed

MOST_WEBHOOKS = 10
# So that secret scanners recognize it in code or logs.
PREFIX = "snapwh_"
SECRET_BYTES = 32


class NameTaken(Exception):
    """The team has a webhook with this name: perhaps the form was sent twice."""


class TooManyWebhooks(Exception):
    """The team has `MOST_WEBHOOKS`, services among them."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours, in UTC; both or none."""

    begin: time | None = None
    end: time | None = None


@dataclass(frozen=True, slots=True)
class MailChoice:
    """What a member wants by mail. `digest`: "" for none."""

    wants_alerts: bool
    digest: str
    digest_hour: int
    quiet: Quiet = Quiet()


@transaction.atomic
def make_webhook(
    team: Team, *, name: str, url: str, quiet: Quiet, person: User, request: HttpRequest | None = None
) -> tuple[Channel, str]:
    """Create a webhook, and return it with its secret, which is shown once.

    Raises `NameTaken`, `TooManyWebhooks`, and `KeyRingMissing` if no secret can be stored.
    """
    _check_room(team, name)
    sealed, text = _new_secret(team)
    values = {"name": name, "url": url, "sealed": sealed, "quiet_from": quiet.begin, "quiet_until": quiet.end}
    channel = Channel.objects.create(team=team, type=Channel.Type.WEBHOOK, **values)
    audit.record(EventKind.CHANNEL_MADE, team=team, actor=person, target=name, detail=_host(url), request=request)
    return channel, text


@transaction.atomic
def make_service(
    team: Team,
    service: Service,
    *,
    name: str,
    secret: str,
    quiet: Quiet,
    person: User,
    request: HttpRequest | None = None,
) -> Channel:
    """Create a chat or paging service. Raises `Refused` if the secret is none of its, and as `make_webhook` does."""
    url = check(service, secret)
    _check_room(team, name)
    values = {"name": name, "url": url, "quiet_from": quiet.begin, "quiet_until": quiet.end}
    sealed = seal_webhook_secret(Secret(secret), team_pk=team.pk)
    channel = Channel.objects.create(team=team, type=service.type, sealed=sealed, **values)
    audit.record(EventKind.CHANNEL_MADE, team=team, actor=person, target=name, detail=_host(url), request=request)
    return channel


@transaction.atomic
def change_service(
    channel: Channel, *, name: str, secret: str, quiet: Quiet, person: User, request: HttpRequest | None = None
) -> None:
    """Change it; its address or key only if there is a new one. Raises `NameTaken` and `Refused`."""
    Team.objects.select_for_update(no_key=True).get(pk=channel.team_id)
    if name != channel.name:
        _check_name(channel.team, name)
    values = {"name": name, "quiet_from": quiet.begin, "quiet_until": quiet.end}
    if secret:
        values["url"] = check(service_of(channel), secret)
        values["sealed"] = seal_webhook_secret(Secret(secret), team_pk=channel.team_id)
    _change(channel, values)
    _record(channel, EventKind.CHANNEL_CHANGED, name, "new secret" if secret else "", person, request)


def service_of(channel: Channel) -> Service:
    """Return what a stored service is: one of the same type, at the same place if that is part of it."""
    same = [each for each in SERVICES.values() if each.type == channel.type]
    return next((each for each in same if each.base == channel.url), same[0])


@transaction.atomic
def change_webhook(
    channel: Channel, *, name: str, url: str, quiet: Quiet, person: User, request: HttpRequest | None = None
) -> None:
    """Raises `NameTaken`."""
    Team.objects.select_for_update(no_key=True).get(pk=channel.team_id)
    if name != channel.name:
        _check_name(channel.team, name)
    _change(channel, {"name": name, "url": url, "quiet_from": quiet.begin, "quiet_until": quiet.end})
    _record(channel, EventKind.CHANNEL_CHANGED, name, _host(url), person, request)


@transaction.atomic
def replace_secret(channel: Channel, *, person: User, request: HttpRequest | None = None) -> str:
    """Replace a webhook's secret; messages are signed with the new one from now on."""
    sealed, text = _new_secret(channel.team)
    _change(channel, {"sealed": sealed})
    _record(channel, EventKind.CHANNEL_CHANGED, str(channel), "new secret", person, request)
    return text


@transaction.atomic
def delete(channel: Channel, *, person: User, request: HttpRequest | None = None) -> None:
    name, team = str(channel), channel.team
    channel.delete()
    audit.record(EventKind.CHANNEL_DELETED, team=team, actor=person, target=name, request=request)


@transaction.atomic
def pause(channel: Channel, *, person: User, request: HttpRequest | None = None) -> None:
    Channel.objects.filter(pk=channel.pk).active().update(paused_at=timezone.now(), is_given_up=False)
    _record(channel, EventKind.CHANNEL_CHANGED, str(channel), "paused", person, request)


@transaction.atomic
def resume(channel: Channel, *, person: User, request: HttpRequest | None = None) -> None:
    """Send what waited, and what comes."""
    _change(channel, {"paused_at": None, "is_given_up": False, "failing_since": None})
    _record(channel, EventKind.CHANNEL_CHANGED, str(channel), "resumed", person, request)


@transaction.atomic
def send_test(channel: Channel, *, person: User, request: HttpRequest | None = None) -> None:
    queue_test(channel)
    _record(channel, EventKind.CHANNEL_CHANGED, str(channel), "tested", person, request)


@transaction.atomic
def choose_mail(membership: Membership, choice: MailChoice) -> None:
    """Let a member get alerts or summaries by mail, change them, or end both."""
    if not choice.wants_alerts and not choice.digest:
        Channel.objects.filter(membership=membership).delete()
        return
    values = {
        "wants_alerts": choice.wants_alerts,
        "digest": choice.digest,
        "digest_hour": choice.digest_hour,
        "quiet_from": choice.quiet.begin,
        "quiet_until": choice.quiet.end,
    }
    made = {"team": membership.team, "type": Channel.Type.MAIL, "digested_at": timezone.now(), **values}
    channel, is_new = Channel.objects.get_or_create(membership=membership, defaults=made)
    if is_new:
        return
    if (channel.digest, channel.digest_hour) != (choice.digest, choice.digest_hour):
        # The first one comes at its next time.
        values["digested_at"] = timezone.now()
    _change(channel, values)
    dropped = [Delivery.Event.ALERT, Delivery.Event.SUMMARY] if not choice.wants_alerts else []
    dropped += [Delivery.Event.DIGEST] if not choice.digest else []
    Delivery.objects.pending().filter(channel=channel, event__in=dropped).delete()


@transaction.atomic
def make_feed(membership: Membership, *, person: User, request: HttpRequest | None = None) -> str:
    """Create a member's feed, in place of the one before. Return its address, which is shown once."""
    secret = new_secret()
    Feed.objects.update_or_create(
        membership=membership, defaults={"digest": digest_of(secret), "made_at": timezone.now()}
    )
    _record_feed(membership, EventKind.CHANNEL_MADE, person, request)
    return settings.SITE_URL.rstrip("/") + reverse("snapshots:feed", kwargs={"link": secret})


@transaction.atomic
def end_feed(feed: Feed, *, person: User, request: HttpRequest | None = None) -> None:
    membership = feed.membership
    feed.delete()
    _record_feed(membership, EventKind.CHANNEL_DELETED, person, request)


def _record_feed(membership: Membership, kind: EventKind, person: User, request: HttpRequest | None) -> None:
    audit.record(
        kind, team=membership.team, actor=person, target=membership.user.email, detail="Atom feed", request=request
    )


def _change(channel: Channel, values: Mapping[str, object]) -> None:
    """Write values; what waits is looked at again, as the quiet hours may be others."""
    Channel.objects.filter(pk=channel.pk).update(**values)
    Delivery.objects.pending().filter(channel=channel).update(due_at=timezone.now())


def _record(
    channel: Channel, kind: EventKind, name: str, detail: str, person: User, request: HttpRequest | None
) -> None:
    audit.record(kind, team=channel.team, actor=person, target=name, detail=detail, request=request)


def _check_room(team: Team, name: str) -> None:
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    _check_name(team, name)
    if Channel.objects.filter(team=team).of_team_itself().count() >= MOST_WEBHOOKS:
        raise TooManyWebhooks


def _check_name(team: Team, name: str) -> None:
    if Channel.objects.filter(team=team, name=name).of_team_itself().exists():
        raise NameTaken


def _new_secret(team: Team) -> tuple[str, str]:
    text = PREFIX + token_urlsafe(SECRET_BYTES)
    return seal_webhook_secret(Secret(text), team_pk=team.pk), text


def _host(url: str) -> str:
    """Of an address only the host goes into the audit: the path may be a secret."""
    return url.split("/")[2]
