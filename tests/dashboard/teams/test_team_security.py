"""A team that asks its members for a second factor."""

from datetime import timedelta

import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.teams.access import issue_tokens
from dashboard.teams.models import AuditEvent, EventKind, Membership, Role, Team, User
from tests.dashboard.teams.factors import FACTOR, add_app
from tests.views.snapshots.reading import tree

SECURITY = "/t/acme/settings/security/"


def require(team: Team) -> None:
    Team.objects.filter(pk=team.pk).update(requires_second_factor=True)


def test_team_that_asks_for_one_closes_at_the_next_request_and_opens_again(
    bob_client: Client, bob: User, team: Team, rival: Team
) -> None:
    Membership.objects.create(team=rival, user=bob)
    assert bob_client.get("/t/acme/snapshots/").status_code == 200
    require(team)
    assert bob_client.get("/t/acme/snapshots/")["Location"] == FACTOR
    assert bob_client.get("/t/acme/snapshots/", headers={"HX-Request": "true"})["HX-Redirect"] == FACTOR
    assert bob_client.get("/t/rival/snapshots/").status_code == 200
    assert b'data-second-factor="missing"' in bob_client.get(FACTOR).content
    add_app(bob_client)
    assert bob_client.get("/t/acme/snapshots/").status_code == 200


def test_form_is_not_taken_without_the_factor_and_a_stranger_learns_nothing(
    bob_client: Client, charlie_client: Client, team: Team
) -> None:
    require(team)
    assert bob_client.post("/t/acme/settings/people/leave/")["Location"] == FACTOR
    assert team.memberships.count() == 1
    assert charlie_client.get("/t/acme/snapshots/").status_code == 404


def test_site_that_vouches_counts(bob_client: Client, team: Team) -> None:
    require(team)
    session = bob_client.session
    session["second_factor_vouched"] = True
    session.save()
    assert bob_client.get("/t/acme/snapshots/").status_code == 200


def test_admin_switches_it_on_who_has_one(alice_client: Client, bob: User, team: Team) -> None:
    refused = alice_client.post(SECURITY, {"required": "on"}, follow=True)
    assert "you would lock yourself out" in refused.content.decode()
    assert not Team.objects.get(pk=team.pk).requires_second_factor
    add_app(alice_client)
    alice_client.post(SECURITY, {"required": "on"})
    assert Team.objects.get(pk=team.pk).requires_second_factor
    page = alice_client.get(SECURITY).content.decode()
    assert "1 of 2 members:" in page
    assert bob.email in page
    alice_client.post(SECURITY)
    details = AuditEvent.objects.filter(kind=EventKind.TEAM_CHANGED).order_by("pk").values_list("detail", flat=True)
    assert list(details) == ["second factor required", "second factor no longer required"]


def test_setting_is_the_admins_with_a_recent_sign_in(alice_client: Client, bob_client: Client, team: Team) -> None:
    assert (bob_client.get(SECURITY).status_code, bob_client.post(SECURITY).status_code) == (403, 403)
    add_app(alice_client)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        answer = alice_client.post(SECURITY, {"required": "on"})
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not Team.objects.get(pk=team.pk).requires_second_factor


def test_a_token_rests_until_its_maker_has_the_factor(alice_client: Client, alice: User, team: Team) -> None:
    token, text = issue_tokens.make(
        team.memberships.get(user=alice), name="ci", days=30, environments=[], form_id="x" * 43
    )
    environments, metrics = "/api/v1/environments", "/metrics"
    shown = {"MC-Api-Key": text}
    assert Client().get(environments, headers=shown).status_code == 200
    require(team)
    for address in (environments, metrics):
        answer = Client().get(address, headers=shown)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["errorCode"]) == (403, "SECOND_FACTOR_REQUIRED")
    token.refresh_from_db()
    assert token.revoked_at is None
    add_app(alice_client)
    assert Client().get(environments, headers=shown).status_code == 200
    assert Client().get(metrics, headers=shown).status_code == 200


def test_the_tokens_page_says_which_rest(alice_client: Client, bob: User, team: Team) -> None:
    maker = team.memberships.get(user=bob)
    maker.role = Role.MEMBER
    maker.save()
    issue_tokens.make(maker, name="ci", days=30, environments=[], form_id="x" * 43)
    add_app(alice_client)
    page = "/t/acme/settings/tokens/"
    assert b'data-rests="second-factor"' not in alice_client.get(page).content
    require(team)
    assert alice_client.get(page).content.count(b'data-rests="second-factor"') == 1


def test_the_setting_says_what_it_is_about(alice_client: Client) -> None:
    page = tree(alice_client.get(SECURITY)).one("section", **{"aria-labelledby": "factor"})
    said = [line.attributes["data-second-factor"] for line in page.all("p") if "data-second-factor" in line.attributes]
    assert said == ["tokens", "links"]
