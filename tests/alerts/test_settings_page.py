"""The page where members choose mails and admins set webhooks."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.secrets import Secret, is_same
from dashboard.teams.models import AddressProof, AuditEvent, Team, User
from snapshots.alerts.channels import MOST_WEBHOOKS
from snapshots.alerts.deliver import deliver
from snapshots.models import Channel, Delivery
from tests.alerts.receiver import HOST, Receiver
from tests.alerts.test_webhook import BUDGET, is_genuine
from tests.conftest import Answer
from tests.views.snapshots.reading import tree

pytestmark = pytest.mark.django_db
PAGE = "/t/acme/settings/alerts/"
URL = "https://alerts.example.com/secret-path"


def add(client: Client, **fields: str) -> Answer:
    return client.post(f"{PAGE}webhooks/", {"name": "pager", "url": URL} | fields)


def act(client: Client, channel: Channel, what: str) -> Answer:
    return client.post(f"{PAGE}{channel.pk}/act/", {"act": what})


def state(client: Client, channel: Channel) -> str:
    (found,) = [each for each in tree(client.get(PAGE)).all() if each.attributes.get("data-channel") == str(channel.pk)]
    return found.attributes["data-state"]


def audited() -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(kind__startswith="channel").order_by("pk")
    return [(event.kind, event.target, event.detail) for event in found]


def test_a_webhook_is_made_and_its_secret_shown_once(alice_client: Client) -> None:
    page = tree(add(alice_client, quiet_from="22:00", quiet_until="07:00"))
    secret = page.one("input", id="secret").attributes["value"]
    channel = Channel.objects.get()
    assert is_same(channel.secret(), Secret(secret)) is True
    assert secret not in alice_client.get(PAGE).content.decode() + repr(Channel.objects.values_list())
    assert (f"{channel.quiet_from:%H:%M}", f"{channel.quiet_until:%H:%M}") == ("22:00", "07:00")
    assert audited() == [("channel_made", "pager", "alerts.example.com")]


def test_what_it_shows_signs_what_is_sent(alice_client: Client, receiver: Receiver) -> None:
    secret = tree(add(alice_client, url=receiver.url)).one("input", id="secret").attributes["value"]
    channel = Channel.objects.get()
    assert state(alice_client, channel) == "new"
    act(alice_client, channel, "test")
    assert deliver(budget=BUDGET) == 1
    (got,) = receiver.got
    assert is_genuine(got.headers, got.body, secret, got.at)
    assert state(alice_client, channel) == "ok"
    again = tree(act(alice_client, channel, "secret")).one("input", id="secret").attributes["value"]
    act(alice_client, channel, "test")
    deliver(budget=BUDGET)
    assert is_genuine(receiver.got[1].headers, receiver.got[1].body, again, receiver.got[1].at)
    assert [detail for _kind, _target, detail in audited()] == [
        HOST + f":{receiver.port}",
        "tested",
        "new secret",
        "tested",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "http://alerts.example.com/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://169.254.169.254/latest/meta-data/"},
        {"url": "https://alerts.example.com:22/"},
        {"url": ""},
        {"name": ""},
        {"quiet_from": "22:00"},
        {"quiet_from": "25:00", "quiet_until": "07:00"},
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(alice_client: Client, fields: dict[str, str]) -> None:
    page = tree(add(alice_client, **fields))
    assert page.all(css="form-error")
    assert not Channel.objects.exists()
    if "url" not in fields:
        assert page.one("input", id="id_url").attributes["value"] == URL


def test_a_form_that_is_sent_twice_makes_one(alice_client: Client) -> None:
    add(alice_client)
    assert tree(add(alice_client)).all(css="form-error")
    assert Channel.objects.count() == 1


def test_a_team_has_a_limited_number(alice_client: Client) -> None:
    for number in range(MOST_WEBHOOKS + 1):
        add(alice_client, name=str(number))
    assert Channel.objects.count() == MOST_WEBHOOKS


def test_without_a_key_ring_none_is_made(alice_client: Client, settings: Settings) -> None:
    settings.API_KEY_ENCRYPTION_KEYS = []
    assert add(alice_client).status_code == 200
    assert not Channel.objects.exists()


def test_it_is_changed_paused_resumed_and_deleted(alice_client: Client) -> None:
    add(alice_client)
    channel = Channel.objects.get()
    assert alice_client.post(f"{PAGE}{channel.pk}/", {"name": "duty", "url": URL}).status_code == 302
    channel.refresh_from_db()
    assert channel.name == "duty"
    for what, then in (("pause", "paused"), ("resume", "new")):
        act(alice_client, channel, what)
        assert state(alice_client, channel) == then
    act(alice_client, channel, "delete")
    assert not Channel.objects.exists()
    assert [(kind, detail) for kind, _target, detail in audited()][1:] == [
        ("channel_changed", "alerts.example.com"),
        ("channel_changed", "paused"),
        ("channel_changed", "resumed"),
        ("channel_deleted", ""),
    ]


def test_what_was_held_back_is_due_when_it_is_resumed(alice_client: Client, team: Team) -> None:
    add(alice_client)
    channel, now = Channel.objects.get(), timezone.now()
    later = now + timedelta(hours=9)
    Delivery.objects.create(channel=channel, key="began-1", event="alert", made_at=now, due_at=later)
    Channel.objects.update(paused_at=now, is_given_up=True, failing_since=now, failure="The connection failed.")
    assert state(alice_client, channel) == "paused"
    act(alice_client, channel, "resume")
    assert Delivery.objects.get().due_at < later
    assert Channel.objects.get().failing_since is None


def test_a_viewer_sees_names_and_changes_nothing_of_the_teams(alice_client: Client, bob_client: Client) -> None:
    add(alice_client)
    channel = Channel.objects.get()
    page = bob_client.get(PAGE).content.decode()
    assert "pager" in page
    assert "secret-path" not in page
    for what in ("test", "pause", "delete", "secret"):
        assert act(bob_client, channel, what).status_code == 404
    assert bob_client.post(f"{PAGE}{channel.pk}/", {"name": "x", "url": URL}).status_code == 403
    assert (Channel.objects.count(), Delivery.objects.count()) == (1, 0)


def test_each_member_chooses_mails(bob: User, bob_client: Client, alice_client: Client) -> None:
    chosen = {"wants": "1", "quiet_from": "22:00", "quiet_until": "07:00"}
    bob_client.post(f"{PAGE}mail/", chosen)
    channel = Channel.objects.get()
    assert (str(channel), f"{channel.quiet_from:%H:%M}") == (bob.email, "22:00")
    bob_client.post(f"{PAGE}mail/", {"wants": "1"})
    assert Channel.objects.get().quiet_from is None
    # An admin sees it, and does not change it.
    assert state(alice_client, channel) == "new"
    assert act(alice_client, channel, "pause").status_code == 404
    assert act(bob_client, channel, "pause").status_code == 302
    bob_client.post(f"{PAGE}mail/", {})
    assert not Channel.objects.exists()


def test_nobody_chooses_mails_to_an_address_that_is_not_proved(bob: User, bob_client: Client) -> None:
    User.objects.filter(pk=bob.pk).update(address_proof=AddressProof.NONE)
    bob_client.post(f"{PAGE}mail/", {"wants": "1"})
    assert not Channel.objects.exists()


def test_a_failure_is_shown_with_its_sentence(alice_client: Client, receiver: Receiver) -> None:
    add(alice_client, url=receiver.url)
    channel = Channel.objects.get()
    Channel.objects.update(url=f"https://{HOST}:1/")
    act(alice_client, channel, "test")
    deliver(budget=BUDGET)
    assert state(alice_client, channel) == "failing"
    assert Channel.objects.get().failure in tree(alice_client.get(PAGE)).text
