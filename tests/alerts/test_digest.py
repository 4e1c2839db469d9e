"""The summary by mail: when it is due, once, what it says, and that it comes also when nothing is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import AddressProof, Membership, Team, User
from snapshots.alerts.digest import due_at, figures_of, queue_digests
from snapshots.alerts.outbox import announce
from snapshots.alerts.problems import settle
from snapshots.models import Channel, Delivery, Environment, Policy, Volume
from tests.alerts.conftest import Records
from tests.alerts.mail_server import MailServer
from tests.alerts.page import ALERTS
from tests.alerts.steps import listed
from tests.alerts.test_mail import parts, said, sent, server
from tests.conftest import Answer
from tests.views.snapshots.conftest import Fill, refuse
from tests.views.snapshots.reading import tree
from tests.views.volumes.home.steps import HOSTILE, disk

__all__ = ["server"]

pytestmark = pytest.mark.django_db
PAGE = "/t/acme/settings/alerts/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 30, 7, tzinfo=UTC)


def choose(client: Client, digest: str, hour: int = 7, **others: str) -> Answer:
    return client.post(f"{PAGE}mail/", {"digest": digest, "digest_hour": str(hour)} | others)


def digests(server: MailServer) -> list[EmailMessage]:
    return [message for message in sent(server) if message["In-Reply-To"] is None]


@pytest.mark.parametrize(
    ("digest", "hour", "now", "due"),
    [
        ("daily", 7, MONDAY, MONDAY),
        ("daily", 7, MONDAY - timedelta(seconds=1), MONDAY - DAY),
        ("daily", 0, MONDAY, MONDAY - 7 * HOUR),
        ("weekly", 7, MONDAY, MONDAY),
        ("weekly", 8, MONDAY, MONDAY - 7 * DAY + HOUR),
        ("weekly", 7, MONDAY + 6.9 * DAY, MONDAY),
    ],
)
def test_when_it_is_due(digest: str, hour: int, now: datetime, due: datetime) -> None:
    assert due_at(Channel(digest=digest, digest_hour=hour), now) == due


@pytest.mark.both_databases
def test_it_comes_once_each_week_whatever_dies(
    begun: Environment, bob: User, bob_client: Client, server: MailServer, clock: time_machine.Traveller
) -> None:
    choose(bob_client, "weekly")
    assert digests(server) == []

    def die(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("INSERT") and "snapshots_delivery" in sql:
            raise OperationalError("killed")
        return execute(sql, *rest)

    clock.move_to(MONDAY)
    with connection.execute_wrapper(die), pytest.raises(OperationalError, match="killed"):
        queue_digests(timezone.now())
    assert not Delivery.objects.exists()
    for _again in range(3):
        queue_digests(timezone.now())
        sent(server)
        clock.shift(DAY)
    assert [to for to, _message in server.got] == ["bob@example.com"]
    # The worker was away for weeks: one, of the newest week.
    clock.move_to(MONDAY + 22 * DAY)
    sent(server)
    assert [message["Subject"].partition(": ")[0] for _to, message in server.got] == [
        "[Acme Platform] Week 23 to 29 Nov",
        "[Acme Platform] Week 14 to 20 Dec",
    ]


def test_both_parts_say_the_same_and_links_open_pages(
    begun: Environment,
    records: Records,
    fill: Fill,
    alice_client: Client,
    server: MailServer,
    clock: time_machine.Traveller,
) -> None:
    choose(alice_client, "weekly")
    listed(fill, [*records, *disk("none", 0)], clock)
    refuse(refuse(Environment.objects.create(team=begun.team, service_code="compute-qc", name="dev")))
    clock.move_to(MONDAY)
    (message,) = digests(server)
    plain, html = parts(message)
    assert [word for word in said(plain) if word != "Change"] == [
        word.rstrip(":") for word in html.words if word not in ("|", "Change")
    ]
    assert html.loads == []
    assert {"img", "link", "script", "form", "style"}.isdisjoint(html.tags)
    assert message["List-Unsubscribe"] == f"<http://localhost:8000{PAGE}>"
    assert all(alice_client.get(link.partition("8000")[2]).status_code in (200, 302) for link in html.links)


def test_without_problems_it_comes_too(
    week: Policy, fill: Fill, bob_client: Client, server: MailServer, clock: time_machine.Traveller
) -> None:
    choose(bob_client, "daily", 13)
    clock.shift(HOUR)
    for _day in range(2):
        settle(fill([*disk("one", 1), *disk("two", 2)]), announce=announce)
        assert len(digests(server)) == 1
        clock.shift(DAY - 1 * HOUR)
    words = parts(server.got[0][1])[0]
    assert ("0 problems open" in str(server.got[0][1]["Subject"]), "All 2 volumes are fresh" in words) == (True, True)


SHARES: list[tuple[list[tuple[float, float]], float, str]] = [
    ([], 0, "100%"),
    ([(24, 24 + 80 / 60)], 0, "99.2%"),
    ([(-100, 0)], 0, "100%"),
    ([(-1, 167)], 0, "0.5%"),
    ([], 100, "40.4%"),
    ([(1, 1.01)], 0, "99.9%"),
]


@pytest.mark.both_databases
def test_how_much_was_checked(
    begun: Environment, bob_client: Client, server: MailServer, clock: time_machine.Traveller
) -> None:
    choose(bob_client, "weekly")
    clock.move_to(MONDAY)
    start, end = MONDAY - 7 * DAY - 7 * HOUR, MONDAY - 7 * HOUR
    for silences, since_last, expected in SHARES:
        Channel.objects.update(digested_at=None)
        Delivery.objects.all().delete()
        Environment.objects.update(
            first_listed_at=start - 30 * DAY,
            watched_at=end - since_last * HOUR,
            silences=[[(start + hours * HOUR).isoformat() for hours in silence] for silence in silences],
        )
        (message,) = sent(server)[-1:]
        assert f"checked {expected} " in message["Subject"], silences
    # Another environment was first listed in the middle, and is checked since: half of what there is of it counts.
    place = Environment.objects.create(team=begun.team, service_code="compute-qc", name="dev")
    values = {"first_listed_at": end - 84 * HOUR, "watched_at": end}
    Environment.objects.filter(pk=place.pk).update(**values)
    delivery = Delivery.objects.select_related("channel__team", "channel__membership").get()
    figures = figures_of(delivery, MONDAY)
    assert figures.share == pytest.approx(1 - 0.01 / (168 + 84))
    assert [gap.environment for gap in figures.gaps] == [begun]


def test_names_do_nothing(
    begun: Environment, bob_client: Client, server: MailServer, clock: time_machine.Traveller
) -> None:
    choose(bob_client, "daily")
    Volume.objects.filter(name="none").update(name=f"{HOSTILE}\r\nBcc: eve@example.com")
    Team.objects.update(name=f"{HOSTILE}\r\nBcc: eve@example.com")
    clock.shift(DAY)
    (message,) = digests(server)
    assert message["Bcc"] is None
    plain, html = parts(message)
    assert {"script", "b"}.isdisjoint(html.tags)
    assert "\u202e" not in plain + "".join(html.words)


def test_each_member_chooses(
    begun: Environment, records: Records, fill: Fill, bob: User, bob_client: Client, clock: time_machine.Traveller
) -> None:
    User.objects.filter(pk=bob.pk).update(address_proof=AddressProof.NONE)
    choose(bob_client, "weekly")
    assert not Channel.objects.exists()
    User.objects.filter(pk=bob.pk).update(address_proof=AddressProof.OPERATOR)
    for wrong in ({"digest": "hourly"}, {"digest": "daily", "digest_hour": "24"}):
        bob_client.post(f"{PAGE}mail/", wrong)
        assert not Channel.objects.exists()
    choose(bob_client, "daily", 0)
    channel = Channel.objects.get()
    assert (channel.membership, channel.digest, channel.digest_hour) == (Membership.objects.get(user=bob), "daily", 0)
    # Alone it brings no alerts, and the page of alerts says that nobody is told.
    listed(fill, records, clock)
    assert not Delivery.objects.exists()
    assert tree(bob_client.get(ALERTS)).all("li", css="told") == []
    form = tree(bob_client.get(PAGE)).one("form", action=f"{PAGE}mail/")
    chosen = [one.attributes["value"] for one in form.all("option") if "selected" in one.attributes]
    assert chosen == ["daily", "0"]
    choose(bob_client, "", wants="1")
    assert (Channel.objects.get().digest, Channel.objects.get().wants_alerts) == ("", True)
    choose(bob_client, "")
    assert not Channel.objects.exists()
