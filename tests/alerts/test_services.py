"""Chat and paging services: what each is sent, that names do nothing there, and that no secret gets out."""

import json
import re
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.secrets import Secret, is_same, seal_webhook_secret
from dashboard.teams.models import AuditEvent, Team
from snapshots.alerts.addresses import Refused
from snapshots.alerts.deliver import MOST_AN_HOUR, deliver
from snapshots.alerts.outbox import announce, queue_test
from snapshots.alerts.problems import settle
from snapshots.alerts.services import SERVICES, check, unmarked
from snapshots.alerts.tick import Ticker
from snapshots.models import Channel, Delivery, Environment, Problem, Volume
from tests.alerts.conftest import Records
from tests.alerts.receiver import HOST, Receiver
from tests.alerts.steps import listed
from tests.alerts.test_deliver import place, told
from tests.alerts.test_settings_page import PAGE, act, audited, state
from tests.alerts.test_webhook import BUDGET, answered
from tests.conftest import Answer
from tests.views.snapshots.conftest import Fill, fail, refuse
from tests.views.snapshots.reading import tree
from tests.views.volumes.home.steps import disk

__all__ = ["place"]

pytestmark = pytest.mark.django_db
KEY, API_KEY = "CANARY" + "a" * 26, "cafe0000-aaaa-bbbb-cccc-dddddddddddd"
SLACK = "https://hooks.slack.com/services/T00/B00/CANARY123456"
DISCORD = "https://discord.com/api/webhooks/123456789/CANARY_abcdefghijklmnop"
TEAMS = "https://prod-1.westus.logic.azure.com:443/workflows/CANARY/triggers/manual/paths/invoke?sig=CANARY%2B"
RIGHT = {
    "slack": [SLACK],
    "teams": [TEAMS, "https://a.webhook.office.com/webhookb2/CANARY", "https://a.b.api.powerplatform.com/CANARY-x/y"],
    "discord": [DISCORD, DISCORD.replace("discord.com", "ptb.discordapp.com")],
    "mattermost": [
        "https://chat.example.com/hooks/CANARYabcdef",
        "https://chat.example.com:8443/team/hooks/CANARYabcdef",
    ],
    "pagerduty": [KEY],
    "pagerduty-eu": [KEY],
    "opsgenie": [API_KEY],
    "opsgenie-eu": [API_KEY],
    "ntfy": ["https://ntfy.sh/CANARY-topic"],
}
WRONG = {
    "slack": [
        "https://hooks.slack.com.evil.example/services/T/B/CANARY",
        "https://evil.example/services/T00/B00/CANARY",
    ],
    "teams": ["https://evil.example/logic.azure.com/CANARYCANARY", "https://logic.azure.com.evil.example/CANARYCANARY"],
    "discord": [DISCORD.replace("discord.com", "evil.example"), DISCORD.replace("https", "http"), f"{DISCORD}?wait=1"],
    "mattermost": [
        "https://10.0.0.1/hooks/CANARYabcdef",
        "https://[::1]/hooks/CANARYabcdef",
        "https://chat.example.com/",
    ],
    "pagerduty": [KEY[1:], f"{KEY}/../x", "https://events.pagerduty.com/"],
    "opsgenie": [API_KEY[1:], "CANARY\r\nX-Other: 1"],
    "ntfy": [
        "https://127.0.0.1/CANARY",
        "https://u:p@ntfy.sh/CANARY",
        "https://ntfy.sh/a/CANARY",
        "http://ntfy.sh/CANARY",
    ],
}
CANARY = re.compile("CANARY|cafe0000")
NAME = "*db* [x](https://evil.example) <!channel> <https://evil.example|y> @everyone <@1>"


def made(team: Team, receiver: Receiver) -> dict[str, Channel]:
    """A channel of each service, all at the receiver."""
    base = f"https://{HOST}:{receiver.port}"
    secrets = {"pagerduty": KEY, "opsgenie": API_KEY, "ntfy": f"{base}/CANARY-topic"}
    return {
        kind: Channel.objects.create(
            team=team,
            type=kind,
            name=kind,
            url=base,
            sealed=seal_webhook_secret(Secret(secrets.get(kind, f"{base}/CANARY/{kind}")), team_pk=team.pk),
        )
        for kind in {one.type.value for one in SERVICES.values()}
    }


def got(receiver: Receiver) -> dict[str, list[Any]]:
    """What each service was sent, in order."""
    places = {"/v2/enqueue": "pagerduty", "/v2/alerts": "opsgenie", "/": "ntfy"}
    found: dict[str, list[Any]] = {}
    for one in receiver.got:
        name = places.get(one.path) or (
            "opsgenie" if one.path.startswith("/v2/alerts/") else one.path.rpartition("/")[2]
        )
        found.setdefault(name, []).append(json.loads(one.body) | {"path": one.path, "headers": one.headers})
    return found


def test_each_is_sent_a_beginning_and_its_end(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, receiver: Receiver
) -> None:
    made(begun.team, receiver)
    Volume.objects.filter(name="none").update(name=NAME)
    Problem.objects.exclude(kind=Problem.Kind.NONE).delete()
    clock.shift(600)
    Environment.objects.update(listed_at=timezone.now())
    settle(Environment.objects.get(), announce=announce)
    assert deliver(budget=BUDGET) >= 7
    listed(fill, [*records, *disk("none", 0)], clock)
    deliver(budget=BUDGET)
    sent = got(receiver)
    assert set(sent) == {one.type.value for one in SERVICES.values()}
    trigger, resolve = (each for each in sent["pagerduty"] if each["dedup_key"] == sent["pagerduty"][0]["dedup_key"])
    assert (trigger["event_action"], trigger["payload"]["severity"], resolve["event_action"]) == (
        "trigger",
        "critical",
        "resolve",
    )
    assert trigger["routing_key"] == resolve["routing_key"] == KEY
    opened, closed = (
        each
        for each in sent["opsgenie"]
        if sent["opsgenie"][0]["alias"] in (each.get("alias"), *each["path"].split("/"))
    )
    assert closed["path"] == f"/v2/alerts/{opened['alias']}/close?identifierType=alias"
    assert (opened["priority"], opened["headers"]["Authorization"]) == ("P1", f"GenieKey {API_KEY}")
    assert len(opened["message"]) <= 130
    first = {kind: each[0] for kind, each in sent.items()}
    assert (first["ntfy"]["topic"], first["ntfy"]["priority"]) == ("CANARY-topic", 5)
    # Plain text is plain; where text has a format, nothing of a name is a link, a mention or a style.
    assert NAME[:20] in first["slack"]["attachments"][0]["blocks"][0]["text"]["text"]
    assert first["slack"]["attachments"][0]["blocks"][0]["text"]["type"] == "plain_text"
    assert "<" not in first["slack"]["text"]
    assert first["teams"]["attachments"][0]["content"]["body"][0]["type"] == "RichTextBlock"
    for title in (first["discord"]["embeds"][0]["title"], first["mattermost"]["attachments"][0]["title"]):
        assert re.search(r"(?<!\\)[<\[*]|@everyone|https://evil", title) is None
    assert first["discord"]["allowed_mentions"] == {"parse": []}
    assert {"Snapshots-Signature"} & set(first["slack"]["headers"]) == set()


def test_what_is_read_as_a_format_is_not_there() -> None:
    assert unmarked("a*b_[c](d)") == r"a\*b\_\[c\]\(d\)"


def test_only_what_belongs_to_a_service_is_taken() -> None:
    for name, secrets in RIGHT.items():
        for secret in secrets:
            assert not CANARY.search(check(SERVICES[name], secret))
    for name, secrets in WRONG.items():
        for secret in [*secrets, "", " ", "https://", secrets[0] + "\n"]:
            with pytest.raises(Refused) as refused:
                check(SERVICES[name], secret)
            assert not CANARY.search(str(refused.value))


def add(client: Client, service: str, **values: str) -> Answer:
    return client.post(f"{PAGE}services/", {"service": service, "name": service, "secret": RIGHT[service][0]} | values)


def test_a_secret_is_stored_encrypted_and_never_shown(
    alice_client: Client, bob_client: Client, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    for name in RIGHT:
        assert add(alice_client, name).status_code == 302
    channels = {one.name: one for one in Channel.objects.all()}
    assert {name: is_same(one.secret(), Secret(RIGHT[name][0])) for name, one in channels.items()} == dict.fromkeys(
        RIGHT, True
    )
    pages = [alice_client.get(PAGE), *(alice_client.get(f"{PAGE}{one.pk}/") for one in channels.values())]
    # An error does not bring it back either.
    pages += [add(alice_client, "slack", name=""), add(alice_client, "slack", secret="https://evil.example/CANARY")]
    assert all(tree(page).all(css="form-error") for page in pages[-2:])
    settings.ALERT_PRIVATE_HOSTS = frozenset({"chat.example.com"})
    channel = channels["mattermost"]
    Channel.objects.update(url=f"https://{HOST}:1")
    act(alice_client, channel, "test")
    deliver(budget=BUDGET)
    assert state(alice_client, channel) == "failing"
    rows = repr([*Channel.objects.values_list(), *Delivery.objects.values_list(), *AuditEvent.objects.values_list()])
    assert not CANARY.search("".join(page.content.decode() for page in pages) + rows + caplog.text)
    assert audited()[0] == ("channel_made", "slack", "hooks.slack.com")
    assert act(bob_client, channel, "pause").status_code == 404
    assert add(bob_client, "slack").status_code == 403


def test_it_is_changed_with_and_without_a_new_secret(alice_client: Client) -> None:
    add(alice_client, "pagerduty-eu")
    channel = Channel.objects.get()
    assert channel.url == "https://events.eu.pagerduty.com"
    for secret, kept in (("", KEY), ("wrong", KEY), ("b" * 32, "b" * 32)):
        alice_client.post(f"{PAGE}{channel.pk}/", {"name": "duty", "secret": secret})
        channel.refresh_from_db()
        assert (channel.name, channel.url, channel.type) == ("duty", "https://events.eu.pagerduty.com", "pagerduty")
        assert is_same(channel.secret(), Secret(kept)) is True
    assert act(alice_client, channel, "secret").status_code == 302
    assert is_same(Channel.objects.get().secret(), Secret("b" * 32)) is True
    act(alice_client, channel, "delete")
    assert not Channel.objects.exists()


def test_a_refused_or_redirected_message_is_a_failure(team: Team, receiver: Receiver) -> None:
    channels = made(team, receiver)
    receiver.answer = lambda handler: answered(handler, 302, location="https://evil.example/CANARY")
    for channel in channels.values():
        queue_test(channel)
    assert deliver(budget=BUDGET) == 0
    assert len(receiver.got) == len(channels)
    assert {"302" in one.failure and not CANARY.search(one.failure) for one in Channel.objects.all()} == {True}


def test_incidents_are_not_summed_up(place: Environment, receiver: Receiver) -> None:
    channel = made(place.team, receiver)["pagerduty"]
    for _ in range(MOST_AN_HOUR + 2):
        told(channel)
    assert deliver(budget=BUDGET) == MOST_AN_HOUR + 2
    assert len({each["dedup_key"] for each in got(receiver)["pagerduty"]}) == MOST_AN_HOUR + 2


def test_an_incident_ends_when_all_of_it_is_in_another_alert(
    begun: Environment, clock: time_machine.Traveller, receiver: Receiver
) -> None:
    made(begun.team, receiver)
    fail(begun)
    clock.shift(2 * 3600)
    Ticker(announce).tick()
    refuse(refuse(Environment.objects.get()))
    Ticker(announce).tick()
    deliver(budget=BUDGET)
    sent = got(receiver)
    keys = [(each["event_action"], each["dedup_key"]) for each in sent["pagerduty"]]
    assert [action for action, _key in keys] == ["trigger", "trigger", "resolve"]
    assert keys[0][1] == keys[2][1] != keys[1][1]
    assert len(sent["slack"]) == 2
