import logging
import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoAssertNumQueries

from dashboard.teams.access.capabilities import Open, capabilities
from dashboard.teams.access.guard import may
from dashboard.teams.models import Membership, Role, Team, User
from tests.loops import in_turn

pytestmark = pytest.mark.usefixtures("probes")
HTMX = {"HX-Request": "true"}
# What opens without a role, written down a second time: a new entry here is a decision.
OPEN = {
    (Open.PUBLIC, "GET"): "healthz readyz well_known_change_password api:root api:openapi oidc_callback "
    "account_login account_logout account_signup "
    "account_inactive account_reset_password account_reset_password_done account_reset_password_from_key "
    "account_reset_password_from_key_done mfa_login_webauthn mfa_authenticate invitation setup",
    (Open.PUBLIC, "POST"): "oidc_start account_login account_logout account_signup account_reset_password "
    "account_reset_password_from_key mfa_login_webauthn mfa_authenticate invitation setup",
    (Open.SIGNED_IN, "GET"): "oidc_confirm account_change_password account_set_password account_reauthenticate "
    "account_sessions account_home account_change_email account_confirm_email_change mfa_index mfa_reauthenticate "
    "mfa_reauthenticate_webauthn mfa_activate_totp mfa_deactivate_totp mfa_view_recovery_codes "
    "mfa_download_recovery_codes mfa_generate_recovery_codes mfa_add_webauthn mfa_edit_webauthn mfa_remove_webauthn "
    "snapshots:home snapshots:teams",
    (Open.SIGNED_IN, "POST"): "account_change_password account_set_password account_reauthenticate account_sessions "
    "account_home account_change_email account_confirm_email_change mfa_reauthenticate mfa_reauthenticate_webauthn "
    "mfa_activate_totp mfa_deactivate_totp mfa_generate_recovery_codes mfa_add_webauthn mfa_edit_webauthn "
    "mfa_remove_webauthn",
    (Open.SHARE, "GET"): "snapshots:share snapshots:feed",
    (Open.TOKEN, "GET"): "metrics api:environments api:connections api:snapshots api:snapshot api:volumes "
    "api:volume api:team_volumes api:team_problems api:team_report",
}
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+')


def names_of(resolver: URLResolver, namespace: str = "") -> list[str]:
    names = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            names.append(f"{namespace}{entry.name}")
        else:
            names += names_of(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
    return names


def test_every_view_has_an_entry_and_every_entry_a_view() -> None:
    assert sorted(names_of(get_resolver())) == sorted([*capabilities(), "probe:unlisted"])


def opened_at(level: Open, method: str) -> set[str]:
    return {
        name for name, levels in capabilities().items() if levels.get(method) is level and not name.startswith("probe:")
    }


@pytest.mark.parametrize("level", Open)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_known_views_open_without_a_role(level: Open, method: str) -> None:
    assert opened_at(level, method) == set(OPEN.get((level, method), "").split())


def test_view_without_entry_does_not_run_and_is_named_in_the_log(
    alice_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "dashboard.teams.access.guard"):
        assert alice_client.get("/probe/unlisted/").status_code == 404
    assert "probe:unlisted" in caplog.text


def test_role_level_without_a_team_in_the_address_does_not_run(alice_client: Client) -> None:
    assert alice_client.get("/probe/teamless/").status_code == 404


def test_member_gets_the_team_of_the_address(alice_client: Client, bob_client: Client) -> None:
    assert alice_client.get("/probe/acme/read/").content == b"Acme Platform, admin"
    assert bob_client.get("/probe/acme/read/").content == b"Acme Platform, viewer"


@pytest.mark.defaults
def test_guard_costs_one_query_beside_session_and_user(
    bob_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):
        bob_client.get("/probe/acme/read/")


@in_turn("method", ["get", "head", "post", "put", "patch", "delete", "options"])
@in_turn("view", ["read", "write", "admin"])
def test_stranger_gets_the_bytes_of_an_unknown_team(
    charlie_client: Client, alice: User, method: str, view: str
) -> None:
    foreign = getattr(charlie_client, method)(f"/probe/acme/{view}/")
    unknown = getattr(charlie_client, method)(f"/probe/nope/{view}/")
    assert foreign.status_code == unknown.status_code == 404
    assert cleaned(foreign.content, b"acme") == cleaned(unknown.content, b"nope")
    assert b"Acme" not in foreign.content
    assert set(foreign.headers) == set(unknown.headers)


def cleaned(content: bytes, slug: bytes) -> bytes:
    return TOKEN.sub(rb"\1", content).replace(slug, b"")


@pytest.mark.parametrize(
    ("role", "view", "method", "status"),
    [
        (Role.VIEWER, "read", "get", 200),
        (Role.VIEWER, "read", "head", 200),
        (Role.VIEWER, "write", "post", 403),
        (Role.VIEWER, "admin", "get", 403),
        (Role.MEMBER, "write", "post", 200),
        (Role.MEMBER, "admin", "get", 403),
        (Role.ADMIN, "write", "post", 200),
        (Role.ADMIN, "admin", "get", 200),
    ],
)
def test_role_decides(bob_client: Client, team: Team, role: Role, view: str, method: str, status: int) -> None:
    Membership.objects.update(role=role)
    assert getattr(bob_client, method)(f"/probe/acme/{view}/").status_code == status


def test_role_too_low_is_told_which_it_takes(bob_client: Client) -> None:
    assert "Admin" in bob_client.get("/probe/acme/admin/").content.decode()


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_method_without_entry_is_refused_with_what_is_allowed(alice_client: Client, method: str) -> None:
    response = getattr(alice_client, method)("/probe/acme/read/")
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


def test_public_view_refuses_other_methods_too(anon_client: Client) -> None:
    response = anon_client.delete("/accounts/login/")
    assert (response.status_code, response["Allow"]) == (405, "GET, POST, HEAD")


def test_removed_member_is_refused_at_the_next_request(bob_client: Client, bob: User) -> None:
    assert bob_client.get("/probe/acme/read/").status_code == 200
    Membership.objects.filter(user=bob).delete()
    assert bob_client.get("/probe/acme/read/").status_code == 404


def test_deactivated_user_is_signed_out_at_the_next_request(bob_client: Client, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert bob_client.get("/probe/acme/read/").status_code == 302


@in_turn("address", ["/probe/acme/read/?q=a%26b&page=2", "/probe/personal/", "/probe/nope/read/"])
def test_anonymous_is_led_to_sign_in_and_back(anon_client: Client, address: str) -> None:
    response = anon_client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=/probe/")
    landing = anon_client.get(response["Location"])
    assert landing.context["redirect_field_value"] == address


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/probe/acme/read/?q=x", "/probe/acme/read/%3Fq%3Dx"),
        ("http://testserver.evil.example/x", "/"),
        ("http://evil.example/x", "/"),
        ("http://testserver//evil.example/", "/"),
        ("", "/"),
    ],
)
def test_anonymous_form_comes_back_to_the_page_that_held_it(anon_client: Client, referer: str, back: str) -> None:
    response = anon_client.post("/probe/acme/write/", headers={"Referer": referer})
    assert response["Location"] == f"/accounts/login/?next={back}"


@in_turn(
    ("seen", "back"),
    [
        ("http://testserver/t/acme/snapshots/?state=Error", "%2Ft%2Facme%2Fsnapshots%2F%3Fstate%3DError"),
        ("http://evil.example/t/acme/", "%2F"),
        ("", "%2F"),
    ],
)
def test_anonymous_htmx_is_sent_to_sign_in_by_header(anon_client: Client, seen: str, back: str) -> None:
    response = anon_client.get("/probe/acme/read/", headers=HTMX | {"HX-Current-URL": seen})
    assert response.status_code == 401
    assert response["HX-Redirect"].replace("/accounts/login/?next=", "").replace("/", "%2F") == back


def test_message_for_a_stranger_makes_no_session(anon_client: Client) -> None:
    assert anon_client.get("/probe/greet/").cookies.keys() == {"messages"}
    assert not Session.objects.exists()


def test_may_agrees_with_the_guard(alice: User, bob: User) -> None:
    admin, viewer = Membership.objects.get(user=alice), Membership.objects.get(user=bob)
    assert may(admin, "probe:admin")
    assert not may(viewer, "probe:admin")
    assert may(viewer, "probe:write")
    assert not may(viewer, "probe:write", "POST")
    assert not may(admin, "probe:admin", "DELETE")


def test_may_knows_every_view(bob: User) -> None:
    with pytest.raises(KeyError):
        may(Membership.objects.get(user=bob), "probe:unlisted")
