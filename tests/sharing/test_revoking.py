"""Who sees and ends which links, one by one or all at once."""

import pytest
from django.test import Client

from dashboard.teams.models import AuditEvent, EventKind, Membership, Team, User
from snapshots.models import ShareLink, Snapshot
from tests.conftest import Answer
from tests.sharing.conftest import Make, visit
from tests.views.snapshots.conftest import PATH, detail, record
from tests.views.snapshots.reading import tree

LIST = "/t/acme/settings/shared-links/"
ALL = f"{LIST}revoke-all/"
SWITCH = "/t/acme/settings/security/shared-links/"
OF = f"{PATH}/{record(1).id}"


@pytest.fixture
def alices(alice: User, team: Team) -> Membership:
    return team.memberships.get(user=alice)


@pytest.fixture
def links(make: Make, alices: Membership) -> list[str]:
    """Two of mia's and one of alice's, which is to another snapshot."""
    other = Snapshot.objects.get(snapshot_id=record(2).id)
    return [make(), make(), make(other, maker=alices)]


def listed(answer: Answer) -> list[str]:
    """Which links a page lists, by their public ids."""
    lines = [line for one in tree(answer).all("ul", css="links") for line in one.all("li")]
    return sorted(line.one(css="mono").text.removeprefix("/s/").removesuffix(".…") for line in lines)


def ids(*links: str) -> list[str]:
    return sorted(link.removeprefix("/s/").partition(".")[0] for link in links)


def works(links: list[str]) -> list[bool]:
    return [visit(link).status_code == 200 for link in links]


def revoke(client: Client, link: str, **values: str) -> Answer:
    return client.post(f"{LIST}{ids(link)[0]}/revoke/", values)


def test_an_admin_sees_all_a_member_the_own_ones(
    mia_client: Client, alice_client: Client, bob_client: Client, charlie_client: Client, links: list[str]
) -> None:
    assert listed(mia_client.get(LIST)) == ids(*links[:2])
    assert listed(alice_client.get(LIST)) == ids(*links)
    assert listed(alice_client.get(detail(1))) == ids(*links[:2])
    assert listed(mia_client.get(detail(2))) == []
    assert (bob_client.get(LIST).status_code, charlie_client.get(LIST).status_code) == (403, 404)


def test_a_line_tells_who_until_when_and_how_often(mia_client: Client, make: Make) -> None:
    link = make(shows_environment=True)
    line = tree(mia_client.get(LIST)).one("ul", css="links").one("li").text
    assert "expires 1 Dec 12:00 UTC, shows the environment" in line
    assert "by mia@example.com, 24 Nov 12:00 · not requested yet" in line
    visit(link)
    assert "requested once, 24 Nov 12:00 UTC" in tree(mia_client.get(LIST)).one("ul", css="links").text
    ShareLink.objects.update(uses=12)
    assert "requested 12 times, last 24 Nov 12:00 UTC" in tree(mia_client.get(LIST)).one("ul", css="links").text


def test_one_is_revoked_by_its_maker_or_an_admin(
    mia_client: Client, alice_client: Client, bob_client: Client, charlie_client: Client, links: list[str]
) -> None:
    refused = [revoke(client, links[2]).status_code for client in (mia_client, bob_client, charlie_client)]
    assert (refused, works(links)) == ([404, 403, 404], [True, True, True])
    assert revoke(mia_client, links[0])["Location"] == LIST
    assert revoke(alice_client, links[1], of=OF)["Location"] == f"{detail(1)}#share"
    assert works(links) == [False, False, True]
    assert listed(alice_client.get(LIST)) == ids(links[2])
    assert revoke(mia_client, links[0]).status_code == 302  # pressed twice
    events = AuditEvent.objects.filter(kind=EventKind.SHARE_REVOKED)
    assert sorted(events.values_list("detail", flat=True)) == ids(*links[:2])


def test_all_of_a_member_are_those_of_the_member(mia_client: Client, links: list[str]) -> None:
    asked = tree(mia_client.get(ALL))
    assert asked.one("h1").text == "Revoke 2 links"
    assert works(links) == [True, True, True]
    mia_client.post(ALL)
    assert works(links) == [False, False, True]
    assert AuditEvent.objects.get(kind=EventKind.SHARE_REVOKED).detail == "2 links"


def test_all_of_a_snapshot_and_all_of_the_team(alice_client: Client, links: list[str]) -> None:
    assert tree(alice_client.get(f"{ALL}?of={OF}")).one("h1").text == "Revoke 2 links"
    assert alice_client.post(ALL, {"of": OF})["Location"] == f"{detail(1)}#share"
    assert works(links) == [False, False, True]
    alice_client.post(ALL)
    assert works(links) == [False, False, False]
    assert "There are no active links." in tree(alice_client.get(ALL)).one("main").text


@pytest.mark.few(3)
@pytest.mark.parametrize("of", ["x", "a/b/c", f"{PATH}/", "//evil.example/", f"{OF}/", "\0", f"compute-qc/prod/{OF}"])
def test_no_other_snapshot_is_named(alice_client: Client, links: list[str], of: str) -> None:
    for answer in (alice_client.get(ALL, {"of": of}), alice_client.post(ALL, {"of": of})):
        assert answer.status_code == 404
    assert works(links) == [True, True, True]


def test_the_switch_says_how_many_and_ends_them(
    alice_client: Client, mia_client: Client, links: list[str], team: Team
) -> None:
    assert "Turn off…" in tree(alice_client.get("/t/acme/settings/security/")).one("main").text
    asked = alice_client.get(SWITCH)
    assert "3 links" in tree(asked).one("main").text
    assert works(links) == [True, True, True]
    assert mia_client.post(SWITCH, {"allowed": "0"}).status_code == 403
    answer = alice_client.post(SWITCH, {"allowed": "0"}, follow=True)
    assert "Shared links are off. Revoked: 3 links." in answer.content.decode()
    assert works(links) == [False, False, False]
    alice_client.post(SWITCH, {"allowed": "0"})  # pressed twice
    alice_client.post(SWITCH, {"allowed": "1"})
    team.refresh_from_db()
    assert (team.allows_shared_links, works(links)) == (True, [False, False, False])
    told = AuditEvent.objects.filter(kind=EventKind.TEAM_CHANGED).order_by("pk").values_list("detail", flat=True)
    assert list(told) == ["shared links no longer allowed", "shared links allowed"]
