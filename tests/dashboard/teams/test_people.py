"""The team's people: who may change what, who stays, and that a change holds at once."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import AuditEvent, EventKind, Membership, Role, Team, User
from dashboard.teams.people.members import LastAdmin, change_role
from tests.conftest import PASSWORD
from tests.views.snapshots.reading import tree

PEOPLE = "/t/acme/settings/people/"


def pk(user: User) -> int:
    return Membership.objects.get(user=user).pk


def role(user: User) -> str:
    return Membership.objects.get(user=user).role


def set_role(client: Client, user: User, to: str) -> int:
    return client.post(f"{PEOPLE}{pk(user)}/role/", {"role": to}, follow=True).status_code


def buttons(client: Client) -> set[str]:
    page = tree(client.get(PEOPLE))
    main = page.one(id="main")
    return {control.text for control in [*main.all("button"), *main.all("a", css="button")]}


def test_admin_sees_everybody_with_what_can_be_changed(alice_client: Client, bob: User) -> None:
    page = tree(alice_client.get(PEOPLE))
    assert [person.one("bdi").text for person in page.all(css="person")] == ["alice@example.com", "bob@example.com"]
    assert page.one("select", id=f"role-{pk(bob)}").one("option", selected="").text == "Viewer"
    assert buttons(alice_client) == {
        "Change the role of alice@example.com",
        "Change the role of bob@example.com",
        "Remove bob@example.com",
        "Leave",
        "Create invite link",
    }


@pytest.mark.parametrize("held", [Role.VIEWER, Role.MEMBER])
def test_others_see_who_is_there_and_may_leave(bob_client: Client, alice: User, held: Role) -> None:
    Membership.objects.exclude(user=alice).update(role=held)
    page = tree(bob_client.get(PEOPLE))
    assert [person.one(css="person-role").text for person in page.all(css="person")] == ["Admin", held.label]
    assert buttons(bob_client) == {"Leave"}
    tabs = [tab.text for tab in page.one("nav", css="tabs").all("a")]
    own = held is Role.MEMBER
    assert tabs == ["People", *["Access tokens"] * own, "Targets", "Excluded", *["Shared links"] * own, "Alerts"]


def test_role_holds_on_the_next_request_of_an_open_session(alice_client: Client, bob_client: Client, bob: User) -> None:
    assert bob_client.get("/t/acme/settings/audit/").status_code == 403
    set_role(alice_client, bob, "admin")
    assert bob_client.get("/t/acme/settings/audit/").status_code == 200
    set_role(alice_client, bob, "member")
    assert bob_client.get("/t/acme/settings/audit/").status_code == 403
    changes = AuditEvent.objects.filter(kind=EventKind.ROLE_CHANGED).order_by("pk")
    assert [(one.target, one.detail) for one in changes] == [
        (bob.email, "viewer → admin"),
        (bob.email, "admin → member"),
    ]


def test_removed_member_gets_nothing_on_the_next_request(alice_client: Client, bob_client: Client, bob: User) -> None:
    address = f"{PEOPLE}{pk(bob)}/remove/"
    assert b"bob@example.com" in alice_client.get(address).content
    assert bob_client.get("/t/acme/snapshots/").status_code == 200
    assert alice_client.post(address)["Location"] == PEOPLE
    assert bob_client.get("/t/acme/snapshots/").status_code == 404
    assert AuditEvent.objects.get().kind == EventKind.MEMBER_REMOVED
    assert User.objects.filter(pk=bob.pk).exists()


def test_leaving_asks_first_and_holds_at_once(bob_client: Client, alice: User) -> None:
    assert bob_client.get(f"{PEOPLE}leave/").status_code == 200
    assert bob_client.get(PEOPLE).status_code == 200
    left = bob_client.post(f"{PEOPLE}leave/", follow=True)
    assert "You left the team Acme Platform." in left.content.decode()
    assert bob_client.get(PEOPLE).status_code == 404
    assert AuditEvent.objects.get().kind == EventKind.LEFT


def test_the_last_admin_is_told_at_once_why_not(alice_client: Client, alice: User, bob: User) -> None:
    page = tree(alice_client.get(f"{PEOPLE}leave/")).one("main")
    assert page.one("h1").attributes["data-problem"] == "last-admin"
    assert page.all("form") == []
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    assert tree(alice_client.get(f"{PEOPLE}leave/")).one("main").all("form")


@pytest.mark.both_databases
@pytest.mark.parametrize("way", ["role", "leave", "remove"])
def test_last_admin_stays(alice_client: Client, alice: User, bob: User, way: str) -> None:
    address = f"{PEOPLE}leave/" if way == "leave" else f"{PEOPLE}{pk(alice)}/{way}/"
    first = alice_client.post(address, {"role": "viewer"})
    answer = alice_client.post(first["Location"], follow=True) if way == "remove" else alice_client.get(PEOPLE)
    assert "A team needs at least one admin. Make someone else an admin first." in answer.content.decode()
    assert role(alice) == Role.ADMIN
    assert not AuditEvent.objects.exists()


def test_admin_who_cannot_sign_in_does_not_count_as_the_other_one(alice_client: Client, alice: User, bob: User) -> None:
    set_role(alice_client, bob, "admin")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    set_role(alice_client, alice, "viewer")
    assert role(alice) == Role.ADMIN
    User.objects.filter(pk=bob.pk).update(is_active=True)
    set_role(alice_client, alice, "viewer")
    assert role(alice) == Role.VIEWER


@pytest.mark.parametrize("held", [Role.VIEWER, Role.MEMBER])
def test_nobody_raises_themselves(bob_client: Client, alice: User, bob: User, held: Role) -> None:
    Membership.objects.filter(user=bob).update(role=held)
    assert set_role(bob_client, bob, "admin") == 403
    assert bob_client.post(f"{PEOPLE}{pk(alice)}/remove/").status_code == 403
    assert bob_client.post(PEOPLE, {"email": "x@example.com", "role": "admin"}).status_code == 403
    assert (role(alice), role(bob)) == (Role.ADMIN, held)
    assert Team.objects.get(slug="acme").invitations.count() == 0


@pytest.mark.parametrize("to", ["owner", "", "ADMIN", "\x00"])
def test_unknown_role_changes_nothing(alice_client: Client, bob: User, to: str) -> None:
    assert set_role(alice_client, bob, to) == 200
    assert role(bob) == Role.VIEWER


@pytest.mark.parametrize("action", ["role", "remove"])
def test_admin_of_another_team_reaches_nobody_here(charlie_client: Client, bob: User, action: str) -> None:
    for slug in ("acme", "rival"):
        address = f"/t/{slug}/settings/people/{pk(bob)}/{action}/"
        assert charlie_client.post(address, {"role": "admin"}).status_code == 404
    assert role(bob) == Role.VIEWER


def test_team_pages_are_in_the_bar_and_settings_lead_to_the_first(bob_client: Client) -> None:
    bar = tree(bob_client.get(PEOPLE)).one("nav", css="pages")
    assert [(link.text, link.attributes.get("aria-current")) for link in bar.all("a")] == [
        ("Volumes", None),
        ("Alerts", None),
        ("Snapshots", None),
        ("Changes", None),
        ("Reports", None),
        ("Team", "page"),
    ]
    assert bob_client.get("/t/acme/settings/")["Location"] == PEOPLE


@pytest.mark.parametrize(("age", "taken"), [(timedelta(minutes=9, seconds=55), True), (timedelta(minutes=10), False)])
def test_password_older_than_ten_minutes_is_asked_for_again(
    alice_client: Client, bob: User, age: timedelta, taken: bool
) -> None:
    address = f"{PEOPLE}{pk(bob)}/role/"
    referer = {"Referer": f"http://testserver{PEOPLE}"}
    with time_machine.travel(timezone.now() + age):
        answer = alice_client.post(address, {"role": "admin"}, headers=referer)
        assert (role(bob) == Role.ADMIN) is taken
        assert answer["Location"] == (PEOPLE if taken else f"/accounts/reauthenticate/?next={PEOPLE}")
        asked = alice_client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": PEOPLE})
        assert asked["Location"] == PEOPLE
        assert set_role(alice_client, bob, "admin") == 200
    assert role(bob) == Role.ADMIN


def test_old_password_is_said_to_stand_in_the_way_and_nothing_is_done(alice_client: Client, bob: User) -> None:
    forms = [(PEOPLE, {"email": "x@example.com", "role": "admin"}), (f"{PEOPLE}{pk(bob)}/remove/", {})]
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        for address, fields in forms:
            page = alice_client.post(address, fields, follow=True)
            assert "Nothing was changed yet. Confirm it’s you" in page.content.decode()
            assert page.request["PATH_INFO"] == "/accounts/reauthenticate/"
    assert role(bob) == Role.VIEWER
    assert Team.objects.get(slug="acme").invitations.count() == 0


@pytest.mark.both_databases
def test_two_admins_who_lower_each_other_at_the_same_moment_leave_one(alice: User, bob: User) -> None:
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    seen_by_alice, seen_by_bob = Membership.objects.get(user=bob), Membership.objects.get(user=alice)
    change_role(seen_by_alice, Role.VIEWER, actor=alice)
    with pytest.raises(LastAdmin):
        change_role(seen_by_bob, Role.VIEWER, actor=bob)
    assert (role(alice), role(bob)) == (Role.ADMIN, Role.VIEWER)


def test_change_of_somebody_just_gone_is_nothing(alice_client: Client, alice: User, bob: User) -> None:
    gone = Membership.objects.get(user=bob)
    Membership.objects.filter(pk=gone.pk).delete()
    with pytest.raises(Membership.DoesNotExist):
        change_role(gone, Role.ADMIN, actor=alice)
    assert alice_client.post(f"{PEOPLE}{gone.pk}/role/", {"role": "admin"}).status_code == 404


@pytest.mark.parametrize("number", ["0", "99999999999999999999999"])
def test_number_of_nobody_is_not_found(alice_client: Client, number: str) -> None:
    for address in (f"{PEOPLE}{number}/role/", f"{PEOPLE}{number}/remove/", f"{PEOPLE}invitations/{number}/revoke/"):
        assert alice_client.post(address, {"role": "admin"}).status_code == 404
