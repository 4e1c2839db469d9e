"""Mails, as a real mail server gets them: both parts say the same, and no name from outside does anything in them."""

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.checks import DUMMY_MAIL
from dashboard.teams.models import AddressProof, Membership, Team, User
from dashboard.teams.people.invitations import CONSOLE_MAIL
from snapshots.alerts import mail
from snapshots.alerts.deliver import deliver
from snapshots.alerts.messages import NotSent
from snapshots.alerts.outbox import announce, queue_test
from snapshots.alerts.problems import settle
from snapshots.models import Alert, Channel, Delivery, Environment, Policy, Problem, Volume
from snapshots.text.alert_text import shown, subject_of
from tests.alerts.conftest import Records
from tests.alerts.mail_server import MailServer
from tests.alerts.page import page_of, row_of
from tests.alerts.steps import listed
from tests.alerts.test_deliver import place, told
from tests.alerts.test_webhook import BUDGET
from tests.views.snapshots.conftest import Fill, refuse
from tests.views.volumes.home.steps import HOSTILE, disk

__all__ = ["place"]

pytestmark = pytest.mark.django_db
INJECTION = "x\r\nBcc: eve@example.com\r\n\r\nhello\u2028\u202e<b>"


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def box(alice: User, team: Team) -> Channel:
    return Channel.objects.create(team=team, type="mail", membership=Membership.objects.get(user=alice))


class Words(HTMLParser):
    """The words of a page in order, and the addresses that it leads to or loads."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attributes:
            if name == "href":
                self.links.append(str(value))
            elif name in ("src", "background", "srcset") or "url(" in str(value):
                self.loads.append(str(value))

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def parts(message: EmailMessage) -> tuple[str, Words]:
    html, plain = message.get_body(["html"]), message.get_body(["plain"])
    assert html is not None
    assert plain is not None
    words = Words()
    words.feed("<body" + html.get_content().partition("<body")[2])
    return plain.get_content(), words


def said(text: str) -> list[str]:
    """The words of a text, without addresses and what separates columns."""
    found = [word.rstrip(":") for word in text.split() if not word.startswith("http") and word != "|"]
    return [word for word in found if word]


def sent(server: MailServer) -> list[EmailMessage]:
    deliver(budget=BUDGET)
    return [message for _to, message in server.got]


def test_a_beginning_and_its_end(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, box: Channel, server: MailServer
) -> None:
    listed(fill, records, clock)
    beginnings = sent(server)
    listed(fill, [*records, *disk("none", 0)], clock)
    first, last = beginnings[0], sent(server)[-1]
    assert {to for to, _message in server.got} == {"alice@example.com"}
    assert first["Subject"].strip().startswith("[Acme Platform] No usable snapshot: none in prod · compute-on, since ")
    assert (
        last["Subject"]
        .strip()
        .startswith("[Acme Platform] Ended: No usable snapshot, none in prod · compute-on, until ")
    )
    assert last["In-Reply-To"] == last["References"] == first["Message-ID"]
    assert len({message["Message-ID"] for _to, message in server.got}) == len(server.got)


def test_both_parts_say_the_same_in_the_same_order(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, box: Channel, server: MailServer
) -> None:
    listed(fill, records, clock)
    queue_test(box)
    refuse(refuse(Environment.objects.get()))
    listed(fill, [*records, *disk("none", 0), *disk("late", 0)], clock)
    for message in sent(server):
        plain, html = parts(message)
        assert said(plain) == [word.rstrip(":") for word in html.words]
        assert set(html.links) == {word for word in plain.split() if word.startswith("http")} | set(html.links[1:-1])


def test_it_loads_nothing_and_its_links_open_pages(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, box: Channel, server: MailServer
) -> None:
    listed(fill, records, clock)
    for message in sent(server):
        _plain, html = parts(message)
        assert html.loads == []
        assert {"img", "link", "script", "form", "style", "iframe"}.isdisjoint(html.tags)
        pages = tuple(f"http://localhost:8000/t/acme/{page}/" for page in ("volumes", "alerts", "settings/alerts"))
        assert all(link.startswith(pages) and "/act" not in link for link in html.links)
        assert message["List-Unsubscribe"] == "<http://localhost:8000/t/acme/settings/alerts/>"
        assert message["List-Unsubscribe-Post"] is None


def test_a_group_lists_five_volumes_and_how_many_more(
    week: Policy, fill: Fill, clock: time_machine.Traveller, box: Channel, server: MailServer, bob_client: Client
) -> None:
    late = [row for number in range(8) for row in disk(f"late-{number}", 96, 72)]
    settle(fill(late))
    listed(fill, late, clock)
    (message,) = sent(server)
    letter = mail.letter_of(Delivery.objects.get())
    assert (len(letter.rows), letter.more) == (5, "and 3 more")
    assert "8 volumes" in letter.heading
    address, _hash, place = letter.link[1].partition("#")
    page = page_of(bob_client, "?" + address.partition("?")[2])
    assert row_of(page, "late").attributes["id"] == place
    assert letter.more in parts(message)[0]


@pytest.mark.few(3)
@pytest.mark.parametrize("name", [HOSTILE, INJECTION, "a" * 255, "\r\n", "=?utf-8?q?Bcc:?=", "ü" * 100, "{{ 7 }}"])
def test_names_do_nothing(
    begun: Environment,
    records: Records,
    fill: Fill,
    clock: time_machine.Traveller,
    box: Channel,
    server: MailServer,
    team: Team,
    name: str,
) -> None:
    fill(records)
    Volume.objects.filter(name="none").update(name=name, instance_name=name)
    Team.objects.update(name=name[:100])
    clock.shift(600)
    Environment.objects.update(listed_at=timezone.now())
    settle(Environment.objects.get(), announce=announce)
    message = sent(server)[0]
    assert [to for to, _message in server.got[:1]] == ["alice@example.com"]
    assert message["Bcc"] is None
    assert len(message.get_all("Subject", [])) == 1
    plain, html = parts(message)
    assert {"script", "b"}.isdisjoint(html.tags)
    lines = plain.splitlines()
    assert not any(line.startswith(("Bcc", "hello")) for line in lines)
    assert not {"\u202e", "\u2028", "\0"} & set(plain + "".join(html.words))


@pytest.mark.parametrize("length", [1, 59, 60, 61, 255])
def test_a_long_name_is_shortened_in_the_middle(length: int) -> None:
    name = "".join(chr(ord("a") + number % 26) for number in range(length))
    text = shown(name)
    assert len(text) == min(length, 60)
    assert text == name if length <= 60 else (text[:20], text[-20:]) == (name[:20], name[-20:])


def test_a_subject_makes_sense_when_it_is_cut(place: Environment, box: Channel) -> None:
    for kind in Problem.Kind:
        subject = subject_of(told(box, kind))
        assert str(kind.label) in subject[:60]
        assert "prod" in subject[:60]
    assert "3 volumes" in subject_of(Alert.objects.filter(kind=Problem.Kind.LATE)[0])[:60]


def test_who_leaves_or_is_not_proved_gets_none(place: Environment, box: Channel, server: MailServer) -> None:
    User.objects.update(address_proof=AddressProof.NONE)
    told(box)
    assert sent(server) == []
    User.objects.update(address_proof=AddressProof.OPERATOR, is_active=False)
    told(box)
    assert sent(server) == []
    Membership.objects.all().delete()
    assert not Channel.objects.exists()


def test_a_refusing_server_is_a_failure(
    place: Environment, box: Channel, server: MailServer, clock: time_machine.Traveller
) -> None:
    server.refusal = "550 no such user"
    told(box)
    assert sent(server) == []
    box.refresh_from_db()
    assert (box.failing_since, "550" in box.failure) == (timezone.now(), True)
    server.refusal = ""
    clock.shift(timedelta(minutes=2))
    assert len(sent(server)) == 1


@pytest.mark.parametrize("backend", [DUMMY_MAIL, CONSOLE_MAIL])
def test_without_a_mail_server_it_says_so(place: Environment, box: Channel, settings: Settings, backend: str) -> None:
    settings.EMAIL_BACKEND = backend
    told(box)
    with pytest.raises(NotSent, match="EMAIL_URL"):
        mail.prepare(Delivery.objects.select_related("channel__membership__user").get())
    assert deliver(budget=BUDGET) == 0


def test_admins_learn_that_a_channel_is_paused(
    place: Environment, hook: Channel, server: MailServer, alice: User, bob: User, clock: time_machine.Traveller
) -> None:
    Channel.objects.update(url="https://localhost:1/secret-path")
    for _day in range(5):
        told(hook)
        sent(server)
        clock.shift(timedelta(days=1))
    ((to, message),) = server.got
    assert (to, "pager" in message["Subject"]) == ("alice@example.com", True)
    plain, html = parts(message)
    assert said(plain) == [word.rstrip(":") for word in html.words]
    assert "secret-path" not in message.as_string()
    # Her mailbox gets no alerts for that, and the page does not say so.
    told(hook)
    mailbox = Channel.objects.get(type="mail")
    assert (mailbox.wants_alerts, mailbox.deliveries.count()) == (False, 1)


def test_a_summary_names_what_it_replaces(place: Environment, box: Channel, server: MailServer) -> None:
    for _ in range(61):
        told(box)
    messages = sent(server)
    assert len(messages) == 61
    assert "1 more alert" in messages[-1]["Subject"]
    assert "3 volumes" in parts(messages[-1])[0]
