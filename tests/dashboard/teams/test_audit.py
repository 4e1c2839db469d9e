"""The audit: rows that stay as they were written, sign-ins among them, and a page for admins alone."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.teams.core.audit import record
from dashboard.teams.models import AuditEvent, EventFixed, EventKind, Membership, Team, User
from tests.conftest import PASSWORD
from tests.views.snapshots.reading import Element, Response, tree

AUDIT = "/t/acme/settings/audit/"
LOGIN = "/accounts/login/"


def rows(response: Response) -> list[list[str]]:
    return [[cell.text for cell in row.all("td")] for row in tree(response).all("tr", css="row")]


def pager(response: Response) -> Element:
    return tree(response).one(css="pager")


def test_row_is_never_changed_or_deleted(alice: User, team: Team) -> None:
    event = record(EventKind.KEY_CHANGED, team=team, actor=alice, target="ends in 1234")
    event.target = "another"
    with pytest.raises(EventFixed):
        event.save()
    with pytest.raises(EventFixed):
        event.delete()
    with pytest.raises(EventFixed):
        AuditEvent.objects.update(target="another")
    with pytest.raises(EventFixed):
        AuditEvent.objects.all().delete()
    assert AuditEvent.objects.get().target == "ends in 1234"


def test_row_outlives_the_account_and_the_team(alice: User, team: Team) -> None:
    record(EventKind.KEY_CHANGED, team=team, actor=alice)
    alice.delete()
    team.delete()
    event = AuditEvent.objects.get()
    assert (event.actor, event.actor_email, event.team) == (None, "alice@example.com", None)


@pytest.mark.both_databases
def test_long_texts_are_cut(alice: User, team: Team) -> None:
    event = record(EventKind.ENVIRONMENT_ADDED, team=team, actor=alice, target="t" * 1000, detail="d" * 1000)
    assert (len(event.target), len(event.detail)) == (254, 500)


def test_sign_in_is_seen_by_the_admins_of_each_of_the_persons_teams(
    anon_client: Client, alice: User, bob: User, rival: Team
) -> None:
    Membership.objects.create(team=rival, user=bob)
    anon_client.post(LOGIN, {"login": "Bob@example.com", "password": PASSWORD})
    events = AuditEvent.objects.order_by("team__slug")
    assert [(e.team.slug, e.kind, e.actor, e.ip) for e in events if e.team] == [
        ("acme", "sign_in", bob, "127.0.0.1"),
        ("rival", "sign_in", bob, "127.0.0.1"),
    ]


def test_failed_sign_in_names_the_address_but_no_person_and_no_password(anon_client: Client, bob: User) -> None:
    anon_client.post(LOGIN, {"login": "BOB@example.com", "password": "CANARY-wrong"})
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor, event.actor_email, event.target) == ("sign_in_failed", None, "", bob.email)
    assert event.team == bob.teams.get()
    assert "CANARY" not in str(list(AuditEvent.objects.values()))


def test_failed_sign_in_of_an_unknown_address_is_no_teams_business(
    anon_client: Client, alice_client: Client, bob: User
) -> None:
    anon_client.post(LOGIN, {"login": "nobody@example.com", "password": "wrong"})
    event = AuditEvent.objects.get()
    assert (event.team, event.target) == (None, "nobody@example.com")
    assert rows(alice_client.get(AUDIT)) == []


def test_page_says_when_who_what_and_from_where(alice_client: Client, alice: User, team: Team) -> None:
    with time_machine.travel(datetime(2026, 11, 24, 9, 5, 7, tzinfo=UTC), tick=False):
        alice_client.post("/t/acme/settings/people/", {"email": "dora@example.com", "role": "admin"})
    assert rows(alice_client.get(AUDIT)) == [
        ["24 Nov 2026 09:05:07", "alice@example.com", "Invited dora@example.com (admin)", "127.0.0.1"]
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"kind": "left"}, ["Left"]),
        ({"person": "ALICE@example.com "}, ["Key changed"]),
        ({"person": "bob@example.com"}, ["Left", "Member removed bob@example.com"]),
        ({"person": "bob@example.com", "kind": "left"}, ["Left"]),
        ({"person": "bob"}, []),
        ({"kind": "nonsense"}, ["Left", "Member removed bob@example.com", "Key changed"]),
    ],
)
def test_filters(
    alice_client: Client, alice: User, bob: User, team: Team, query: dict[str, str], found: list[str]
) -> None:
    record(EventKind.KEY_CHANGED, team=team, actor=alice)
    record(EventKind.MEMBER_REMOVED, team=team, actor=None, target=bob.email)
    record(EventKind.LEFT, team=team, actor=bob, target=bob.email)
    assert [row[2] for row in rows(alice_client.get(AUDIT, query))] == found


@pytest.mark.both_databases
def test_fifty_a_page_with_the_filter_kept(
    alice_client: Client, alice: User, team: Team, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(51):
        record(EventKind.ENVIRONMENT_ADDED, team=team, actor=alice, target=f"env-{number}")
    with django_assert_max_num_queries(7):
        first = alice_client.get(AUDIT, {"kind": "environment_added"})
    assert (len(rows(first)), rows(first)[0][2]) == (50, "Environment added env-50")
    older = pager(first).one("a", rel="next").attributes["href"]
    assert older == "?kind=environment_added&page=2"
    assert [row[2] for row in rows(alice_client.get(AUDIT + older))] == ["Environment added env-0"]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "page=99999999999999999999", "kind=%00", "person=%00", "page=-1"]
)
def test_nonsense_in_the_address_is_a_page(alice_client: Client, query: str) -> None:
    assert alice_client.get(f"{AUDIT}?{query}").status_code == 200


def test_other_teams_rows_are_not_here(alice_client: Client, charlie: User, rival: Team) -> None:
    record(EventKind.KEY_CHANGED, team=rival, actor=charlie, target="FOREIGN")
    page = alice_client.get(AUDIT, {"person": charlie.email})
    assert rows(page) == []
    assert "FOREIGN" not in page.content.decode()
