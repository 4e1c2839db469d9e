"""The feed of problems: who has its address reads it, and nobody else learns that there is one."""

from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import AuditEvent, Membership, Team, User
from snapshots.models import Environment, Feed, Problem, Volume
from tests.alerts.conftest import Records
from tests.alerts.page import problem
from tests.alerts.steps import listed
from tests.alerts.test_settings_page import PAGE
from tests.views.snapshots.conftest import Fill
from tests.views.snapshots.reading import tree
from tests.views.volumes.home.steps import HOSTILE, disk

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
POST = f"{PAGE}feed/"


def made(client: Client) -> str:
    """A new address, as the page shows it."""
    page = tree(client.post(POST, {"act": "make"}))
    return page.one("input", id="feed-url").attributes["value"].removeprefix("http://localhost:8000")


def read(url: str, **headers: str) -> Any:
    return Client().get(url, headers=headers)


def entries(url: str) -> list[Element]:
    answer = read(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
    return fromstring(answer.content).findall(f"{ATOM}entry")


def test_it_has_the_confirmed_problems_the_newest_change_first(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, bob_client: Client
) -> None:
    url = made(bob_client)
    assert entries(url) == []
    listed(fill, records, clock)
    before = entries(url)
    assert len(before) == Problem.objects.current().count() == 5
    listed(fill, [*records, *disk("none", 0)], clock)
    first, *others = entries(url)
    ended = Problem.objects.ended().get()
    assert str(first.findtext(f"{ATOM}id")).endswith(f",2026:problem-{ended.pk}")
    assert {one.findtext(f"{ATOM}id") for one in [first, *others]} == {one.findtext(f"{ATOM}id") for one in before}
    link = first.find(f"{ATOM}link")
    assert link is not None
    assert bob_client.get(link.attrib["href"].removeprefix("http://localhost:8000")).status_code == 200


def test_it_answers_304_until_something_changes(
    begun: Environment, records: Records, fill: Fill, clock: time_machine.Traveller, bob_client: Client
) -> None:
    url = made(bob_client)
    for rows in ([], records, records):
        if rows:
            listed(fill, rows, clock)
        answer = read(url)
        clock.shift(timedelta(days=2))
        again = read(url, if_none_match=answer["ETag"])
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    listed(fill, [*records, *disk("none", 0)], clock)
    assert read(url, if_none_match=answer["ETag"]).status_code == 200
    assert answer["Cache-Control"] == "private, no-cache"
    assert (Client().post(url).status_code, Client().head(url).status_code) == (405, 200)


def test_only_its_address_leads_to_it(
    begun: Environment,
    team: Team,
    bob: User,
    bob_client: Client,
    alice_client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = made(bob_client)
    secret = url.rpartition(".")[2]
    assert secret not in repr(list(Feed.objects.values_list())) + bob_client.get(PAGE).content.decode() + caplog.text
    unknown = read("/s/feed.unknown")
    assert unknown.status_code == 404
    for wrong in (url[:-1], url + "x", url.swapcase().replace("/S/FEED", "/s/feed"), "/s/feed.", "/s/feed.%ED%A0%80"):
        answer = read(wrong)
        assert (answer.status_code, len(answer.content)) == (404, len(unknown.content))
    # A new address ends the one before; the admin ends anybody's.
    newer = made(bob_client)
    assert (read(url).status_code, read(newer).status_code) == (404, 200)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert read(newer).status_code == 404
    User.objects.filter(pk=bob.pk).update(is_active=True)
    Team.objects.filter(pk=team.pk).update(requires_second_factor=True)
    assert read(newer).status_code == 404
    Team.objects.filter(pk=team.pk).update(requires_second_factor=False)
    assert read(newer).status_code == 200
    his = Membership.objects.get(user=bob)
    assert alice_client.post(POST, {"act": "end", "member": str(his.pk)}).status_code == 302
    assert read(newer).status_code == 404
    assert [one.detail for one in AuditEvent.objects.filter(kind__startswith="channel")] == ["Atom feed"] * 3
    last = made(bob_client)
    his.delete()
    assert (read(last).status_code, Feed.objects.count()) == (404, 0)


def test_nobody_ends_or_reads_the_feed_of_another(
    in_rival: object, begun: Environment, alice_client: Client, bob_client: Client, charlie_client: Client
) -> None:
    url = made(alice_client)
    hers = Feed.objects.get().membership_id
    for client in (bob_client, charlie_client):
        assert client.post(POST, {"act": "end", "member": str(hers)}).status_code == 404
        assert client.post("/t/rival/settings/alerts/feed/", {"act": "end", "member": str(hers)}).status_code == 404
    Problem.objects.update(confirmed_at=timezone.now())
    assert len(entries(url)) == Problem.objects.filter(team__slug="acme").count()


def test_names_are_text(begun: Environment, bob_client: Client) -> None:
    Volume.objects.filter(name="late").update(name=f"{HOSTILE}\0\x1b]]>")
    Problem.objects.exclude(pk=problem("stuck").pk).update(confirmed_at=timezone.now())
    (found,) = [one for one in entries(made(bob_client)) if "script" in str(one.findtext(f"{ATOM}title"))]
    summary = found.find(f"{ATOM}summary")
    assert summary is not None
    assert "<" not in str(summary.text)
