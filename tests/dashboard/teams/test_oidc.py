"""Sign-in through a provider: who comes in by it, who does not, and what it is asked for."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from pytest_django import Settings

from dashboard.teams.models import Membership, Role, Team, User
from dashboard.teams.people.invitations import invite
from tests.dashboard.teams.oidc_provider import CLIENT_ID, Person, Provider
from tests.dashboard.teams.oidc_walk import (
    CALLBACK,
    PAGE,
    START,
    asked_with,
    begin,
    events,
    provider,
    signed_in_as,
    told,
    walk,
)
from tests.views.snapshots.reading import tree

__all__ = ["provider"]
LOGIN = "/accounts/login/"
DORA = "dora@example.com"


def test_alice_is_found_by_her_address_linked_and_led_to_her_page(
    anon_client: Client, alice: User, provider: Provider
) -> None:
    provider.person.email = "Alice@Example.com"
    assert walk(anon_client, provider)["Location"] == PAGE
    assert signed_in_as(anon_client) == str(alice.pk)
    link = SocialAccount.objects.get()
    assert (link.user, link.provider, link.uid) == (alice, provider.issuer, provider.person.sub)
    assert events() == [("sign_in_linked", alice.email, "Acme Login"), ("sign_in", "", "through Acme Login")]
    assert [message.to for message in mail.outbox] == [[alice.email]]
    assert mail.outbox[0].body.count("linked") == 1


@pytest.mark.both_databases
def test_from_then_on_the_subject_counts_and_not_the_address(
    anon_client: Client, alice: User, bob: User, provider: Provider
) -> None:
    walk(Client(), provider)
    provider.person.email, provider.person.verified = bob.email, False
    walk(anon_client, provider)
    assert signed_in_as(anon_client) == str(alice.pk)
    assert SocialAccount.objects.count() == 1


@pytest.mark.both_databases
def test_other_subject_with_the_address_of_a_linked_account_is_refused(
    anon_client: Client, alice: User, provider: Provider
) -> None:
    walk(Client(), provider)
    provider.person = Person(sub="another")
    assert told(walk(anon_client, provider)) == (403, "taken")
    assert signed_in_as(anon_client) is None


def test_operator_may_unlink_which_ends_the_sessions(
    anon_client: Client, alice: User, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    walk(anon_client, provider)
    call_command("unlink_sign_in", "ALICE@example.com")
    assert capsys.readouterr().out == "The account of ALICE@example.com is no longer linked.\n"
    assert anon_client.get(PAGE).status_code == 302
    assert events()[-1] == ("sign_in_linked", alice.email, "removed, on the server")
    provider.person = Person(sub="another")
    walk(anon_client, provider)
    assert signed_in_as(anon_client) == str(alice.pk)


@pytest.mark.parametrize(
    ("email", "said"), [("nobody@example.com", "No account has"), ("alice@example.com", "is not linked")]
)
def test_what_is_not_linked_is_not_unlinked(alice: User, email: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("unlink_sign_in", email)


def test_subject_of_another_issuer_is_somebody_else(
    anon_client: Client, alice: User, bob: User, provider: Provider, settings: Settings
) -> None:
    SocialAccount.objects.create(user=bob, provider="https://elsewhere.test", uid=provider.person.sub)
    walk(anon_client, provider)
    assert signed_in_as(anon_client) == str(alice.pk)


def test_charlie_comes_into_no_team_but_his(
    anon_client: Client, alice: User, charlie: User, provider: Provider
) -> None:
    provider.person.email = charlie.email
    walk(anon_client, provider)
    assert signed_in_as(anon_client) == str(charlie.pk)
    assert anon_client.get(PAGE).status_code == 404


def test_stranger_is_refused_and_gets_no_account(anon_client: Client, alice: User, provider: Provider) -> None:
    provider.person.email = DORA
    assert told(walk(anon_client, provider)) == (403, "unknown")
    assert User.objects.count() == 1
    assert events() == [("sign_in_failed", DORA, "through Acme Login")]
    assert Session.objects.count() == 0


@pytest.mark.parametrize("verified", [False, None, "true", 1, "yes"])
def test_unverified_address_is_refused_whether_it_is_known_or_not(
    alice: User, provider: Provider, verified: object
) -> None:
    answers = []
    for email in (alice.email, DORA):
        provider.person.email, provider.person.verified = email, verified
        answers.append(told(walk(Client(), provider)))
    assert answers == [(403, "unverified")] * 2
    assert SocialAccount.objects.count() == 0


@pytest.mark.parametrize(
    "email", ["alice@exampl\u0435.com", "al\u0131ce@example.com", "alice@example.com\x00", "", "alice", 7]
)
def test_address_that_only_looks_alike_is_another(alice: User, provider: Provider, email: object) -> None:
    provider.person.claims = {"email": email}
    assert walk(Client(), provider).status_code == 403
    assert SocialAccount.objects.count() == 0


def test_own_address_that_is_not_verified_here_does_not_count(
    anon_client: Client, alice: User, provider: Provider
) -> None:
    EmailAddress.objects.update(verified=False)
    assert walk(anon_client, provider).status_code == 403
    assert signed_in_as(anon_client) is None


@pytest.mark.parametrize("linked", [True, False])
def test_inactive_account_is_refused(anon_client: Client, alice: User, provider: Provider, linked: bool) -> None:
    if linked:
        walk(Client(), provider)
    User.objects.update(is_active=False)
    assert walk(anon_client, provider)["Location"] == "/accounts/inactive/"
    assert signed_in_as(anon_client) is None
    assert SocialAccount.objects.count() == linked
    assert events()[-1] == ("sign_in_failed", alice.email, "through Acme Login")


def test_it_is_asked_with_code_pkce_state_and_nonce_and_without_a_secret(
    anon_client: Client, provider: Provider
) -> None:
    first, second = asked_with(begin(anon_client)), asked_with(begin(Client()))
    assert first.keys() == second.keys()
    fresh = {name for name in first if first[name] != second[name]}
    assert fresh == {"state", "nonce", "code_challenge"}
    assert all(len(first[name]) >= 43 for name in fresh)
    assert (first["response_type"], first["code_challenge_method"], first["client_id"]) == ("code", "S256", CLIENT_ID)
    assert first["redirect_uri"] == f"http://localhost:8000{CALLBACK}"
    assert "CANARY" not in str(first)


def test_page_on_the_way_goes_on_by_itself(anon_client: Client, provider: Provider) -> None:
    page = anon_client.post(START)
    going = tree(page).one("meta", **{"http-equiv": "refresh"}).attributes["content"]
    assert going == f"0; url={tree(page).one('a', css='primary').attributes['href']}"
    assert "form-action 'self';" in f"{page['Content-Security-Policy']};"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/" + "x" * 2000, ""])
def test_it_leads_back_into_the_site_alone(anon_client: Client, alice: User, provider: Provider, target: str) -> None:
    assert walk(anon_client, provider, target)["Location"] == "/"


def test_userinfo_is_asked_where_the_token_names_no_address(
    anon_client: Client, alice: User, provider: Provider
) -> None:
    provider.discovery["userinfo_endpoint"] = f"{provider.issuer}/userinfo"
    walk(anon_client, provider)
    assert signed_in_as(anon_client) == str(alice.pk)
    walk(Client(), provider)
    assert provider.asked.count("/userinfo") == 2


def test_secret_is_posted_where_no_header_is_taken(anon_client: Client, alice: User, provider: Provider) -> None:
    provider.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    walk(anon_client, provider)
    assert signed_in_as(anon_client) == str(alice.pk)


@pytest.mark.parametrize(
    ("algorithm", "key", "to_jwk"),
    [
        ("PS256", Provider.key, RSAAlgorithm.to_jwk),
        ("ES256", ec.generate_private_key(ec.SECP256R1()), ECAlgorithm.to_jwk),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm.to_jwk),
    ],
)
def test_keys_of_several_kinds_are_known_and_others_left_out(
    anon_client: Client, alice: User, provider: Provider, algorithm: str, key: Any, to_jwk: Callable[..., str]
) -> None:
    others = [{"kty": "AKP", "kid": "new"}, {"kty": "EC", "crv": "P-0", "kid": "odd"}]
    keys = {"keys": [*others, json.loads(to_jwk(key.public_key())) | {"kid": "key-2", "use": "sig"}]}
    provider.replies["/keys"] = (200, "application/json", json.dumps(keys).encode())
    provider.sign = lambda claims: jwt.encode(claims, key, algorithm, headers={"kid": "key-2"})
    walk(anon_client, provider)
    assert signed_in_as(anon_client) == str(alice.pk)


def test_addresses_of_the_provider_are_asked_once_in_a_while(
    anon_client: Client, alice: User, provider: Provider
) -> None:
    for _ in range(3):
        walk(Client(), provider)
    assert provider.asked.count("/.well-known/openid-configuration") == 1


def test_button_is_there_and_carries_the_page(anon_client: Client, provider: Provider) -> None:
    page = tree(anon_client.get(LOGIN, {"next": PAGE}))
    form = page.one("form", action=START)
    assert form.one("button").text == "Continue with Acme Login"
    assert form.one("input", name="next").attributes["value"] == PAGE


def test_without_the_settings_there_is_no_button_and_no_address(alice_client: Client, db: None) -> None:
    assert "oidc" not in Client().get(LOGIN).content.decode()
    for client in (alice_client, Client()):
        assert client.post(START).status_code == client.get(CALLBACK).status_code == 404
    assert alice_client.get("/accounts/oidc/confirm/").status_code == 404


def test_invitation_is_taken_by_whoever_has_its_address(
    anon_client: Client, alice: User, team: Team, provider: Provider
) -> None:
    _made, token = invite(team, DORA, Role.MEMBER, actor=alice)
    form = tree(anon_client.get(f"/invitation/{token}/")).one("form", action=START)
    provider.person.email = DORA
    joined = walk(anon_client, provider, form.one("input", name="next").attributes["value"])
    assert joined["Location"] == f"/invitation/{token}/"
    dora = User.objects.get(email=DORA)
    assert signed_in_as(anon_client) == str(dora.pk)
    assert (dora.has_usable_password(), dora.memberships.get().role) == (False, "member")
    assert EmailAddress.objects.get(user=dora).verified
    assert [kind for kind, _, _ in events()] == ["invited", "joined", "sign_in_linked", "sign_in"]


def test_invitation_is_not_taken_by_another_address(
    anon_client: Client, alice: User, team: Team, provider: Provider
) -> None:
    _made, token = invite(team, DORA, Role.MEMBER, actor=alice)
    provider.person.email = "eve@example.com"
    assert told(walk(anon_client, provider, f"/invitation/{token}/")) == (403, "unknown")
    assert walk(Client(), provider, "/invitation/no-such-token/").status_code == 403
    assert Membership.objects.count() == User.objects.count() == 1


def test_strangers_leave_no_session_rows(provider: Provider) -> None:
    for number in range(12):
        client = Client()
        client.get(LOGIN)
        client.get(CALLBACK, {"state": f"forged-{number}", "code": "x"})
        begin(client)
        walk(client, provider, decision="deny")
    assert Session.objects.count() == 0


def test_beginning_is_limited_by_network_address(provider: Provider) -> None:
    statuses = [Client().post(START).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]


def test_session_is_a_new_one(anon_client: Client, alice: User, provider: Provider) -> None:
    anon_client.cookies["sessionid"] = "chosenbyanother0chosenbyanother0"
    walk(anon_client, provider)
    assert anon_client.cookies["sessionid"].value != "chosenbyanother0chosenbyanother0"
    assert anon_client.cookies["oidc"].value == ""


def test_cookie_is_for_the_way_alone(anon_client: Client, provider: Provider) -> None:
    begin(anon_client)
    cookie = anon_client.cookies["oidc"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"], cookie["path"]) == (True, "Lax", 600, "/")
