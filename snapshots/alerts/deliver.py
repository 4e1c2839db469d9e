"""Send what is in the outbox, at least once, each message within its own time.

Threads send and never use the database; the caller's thread claims and records. A claim is a lease with a fence, as in
`snapshots.sync.leases`: after a crash the message is sent again, with the same id. A channel is sent one message at a
time, and no further one in a pass after it failed. Add a channel type to `SENDERS`.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from snapshots.alerts import mail, services, webhook
from snapshots.alerts.digest import queue_digests
from snapshots.alerts.messages import NotSent, event_of, summary_of
from snapshots.alerts.outbox import announce_late, announce_pause
from snapshots.containment import Internal, contain
from snapshots.models import Channel, Delivery, Problem
from snapshots.models.channel import PAGING

Send = Callable[[], None]
Event, Outcome = Delivery.Event, Delivery.Outcome
SENDERS: dict[str, Callable[[Delivery], Send]] = {
    Channel.Type.MAIL: mail.prepare,
    Channel.Type.WEBHOOK: webhook.prepare,
    **dict.fromkeys(services.MAKERS, services.prepare),
}

AT_ONCE = 8
# Longer than the longest try.
LEASE = timedelta(seconds=90)
RETRY_FIRST, RETRY_MOST = timedelta(minutes=1), timedelta(hours=1)
# About a day.
MOST_TRIES = 29
JITTER = 0.2
PAUSE_AFTER = timedelta(days=3)
HOUR = timedelta(hours=1)
MOST_AN_HOUR = 60
MOST_SUMMARIZED = 500


@dataclass(frozen=True, slots=True)
class Held:
    """The right to send one message, and to record the result while the fence is valid."""

    delivery: Delivery
    fence: int


def deliver(*, budget: float, is_over: Callable[[], bool] = lambda: False) -> int:
    """Send what is due. No try starts after `budget` seconds; returns how many messages were sent."""
    until, sent = time.monotonic() + budget, 0
    announce_late(timezone.now())
    # A fault in it delays no alert.
    contain(lambda: queue_digests(timezone.now()), "summaries", expected=(OperationalError, InterfaceError))
    failed, running = set[int](), dict[Future[str], Held]()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alerts") as threads:
        while True:
            if time.monotonic() < until and not is_over():
                busy = {held.delivery.channel_id for held in running.values()}
                for held in _claim_some(AT_ONCE - len(running), failed | busy):
                    running[threads.submit(_sent, _prepared(held.delivery), held.delivery.key)] = held
            if not running:
                return sent
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                held, failure = running.pop(future), future.result()
                if failure:
                    failed.add(held.delivery.channel_id)
                    _record_failure(held, failure)
                else:
                    sent += _record_success(held)


def _prepared(delivery: Delivery) -> Send:
    """Make the message. A fault in that is one of the try."""

    def prepare() -> Send:
        return SENDERS[delivery.channel.type](delivery)

    try:
        made = contain(prepare, delivery.key, expected=(NotSent,))
    except NotSent as fault:
        sentence = str(fault)
    else:
        if not isinstance(made, Internal):
            return made
        sentence = _unexpected()

    def fail() -> None:
        raise NotSent(sentence)

    return fail


def _sent(send: Send, place: str) -> str:
    """Send, in a thread. Return a sentence about the failure, or nothing."""
    try:
        return _unexpected() if isinstance(contain(send, place, expected=(NotSent,)), Internal) else ""
    except NotSent as fault:
        return str(fault)


def _unexpected() -> str:
    return _("The message could not be made or sent. The dashboard's log says why.")


# --- claims


def _claim_some(number: int, without: Collection[int]) -> Iterator[Held]:
    """Claim the first due message of each channel, of at most `number` channels."""
    now, passed = timezone.now(), set(without)
    while number > 0:
        delivery = _with_all(Delivery.objects.due(now, LEASE).exclude(channel__in=passed)).first()
        if delivery is None:
            return
        if _is_held_back(delivery, now):
            continue  # it is not due any more
        passed.add(delivery.channel_id)
        number -= 1
        if (held := _claim(delivery, now)) is not None:
            yield held


def _with_all(found: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return found.select_related(
        "channel__team", "channel__membership__user", "alert__team", "alert__environment__team", "alert__beginning"
    )


def _claim(delivery: Delivery, now: datetime) -> Held | None:
    same = Delivery.objects.pending().filter(pk=delivery.pk, fence=delivery.fence)
    if not same.update(fence=delivery.fence + 1, lease_until=now + LEASE):
        return None
    return Held(delivery, delivery.fence + 1)


def _is_held_back(delivery: Delivery, now: datetime) -> bool:
    """Move what quiet hours or the rate hold back to when they let it pass."""
    if delivery.event != Event.ALERT:
        return False
    channel = delivery.channel
    waiting = Delivery.objects.pending().filter(channel=channel, event=Event.ALERT, due_at__lte=now)
    quiet_end = channel.quiet_end(now)
    if quiet_end is not None and delivery.alert is not None and delivery.alert.kind != Problem.Kind.NONE:
        waiting.exclude(alert__kind=Problem.Kind.NONE).update(due_at=quiet_end)
        return True
    if channel.type in PAGING:
        # An incident ends by its own message only.
        return False
    recent = Delivery.objects.filter(channel=channel, outcome=Outcome.SENT, event=Event.ALERT, done_at__gt=now - HOUR)
    if recent.count() < MOST_AN_HOUR:
        return False
    _summarize(channel, now)
    return True


@transaction.atomic
def _summarize(channel: Channel, now: datetime) -> None:
    """Replace the messages that wait by one, at most once an hour."""
    locked = Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
    waiting = Delivery.objects.due(now, LEASE).filter(channel=channel, event=Event.ALERT)
    last = locked.summarized_at
    if last is not None and now - HOUR < last <= now:
        waiting.update(due_at=last + HOUR)
        return
    told = list(_with_all(waiting)[:MOST_SUMMARIZED])
    alerts = [summary_of(each.alert) | {"event": event_of(each)} for each in told if each.alert]
    Delivery.objects.create(
        channel=channel,
        key=f"summary-{now:%Y%m%d%H%M%S}",
        event=Event.SUMMARY,
        content={"alerts": alerts},
        made_at=now,
        due_at=now,
    )
    Delivery.objects.filter(pk__in=[each.pk for each in told]).update(outcome=Outcome.SUMMARIZED, done_at=now)
    Channel.objects.filter(pk=channel.pk).update(summarized_at=now)


# --- results


def _record_success(held: Held) -> bool:
    """Return False if another process took the message over, and records it."""
    now = timezone.now()
    if not _still_held(held).update(outcome=Outcome.SENT, done_at=now, lease_until=None):
        return False
    channel = Channel.objects.filter(pk=held.delivery.channel_id)
    channel.update(last_success_at=now, failing_since=None, failure="")
    return True


def _record_failure(held: Held, sentence: str) -> None:
    delivery, now = held.delivery, timezone.now()
    tries = delivery.tries + 1
    is_last = delivery.event == Event.TEST or tries >= MOST_TRIES
    values = {"outcome": Outcome.GIVEN_UP, "done_at": now} if is_last else {"due_at": now + delay(tries)}
    with transaction.atomic():
        if not _still_held(held).update(tries=tries, lease_until=None, **values):
            return
        if is_last and delivery.alert is not None:
            # Its end is only for channels that got the beginning.
            end = Delivery.objects.pending().filter(channel=delivery.channel_id, alert__beginning=delivery.alert)
            end.update(outcome=Outcome.GIVEN_UP, done_at=now)
        channel = Channel.objects.filter(pk=delivery.channel_id)
        channel.update(last_failure_at=now, failure=sentence[:200], failing_since=Coalesce("failing_since", now))
        failing = channel.active().wanted().filter(failing_since__lte=now - PAUSE_AFTER)
        if failing.update(paused_at=now, is_given_up=True):
            announce_pause(channel.select_related("membership__user").get(), now)


def _still_held(held: Held) -> QuerySet[Delivery]:
    return Delivery.objects.pending().filter(pk=held.delivery.pk, fence=held.fence)


def delay(tries: int) -> timedelta:
    """Return how long to wait after this number of tries: 1 min, doubling to 1 h, each a little longer or shorter."""
    usual = min(RETRY_FIRST * int(2 ** min(tries - 1, 16)), RETRY_MOST)
    return usual * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # no secret
