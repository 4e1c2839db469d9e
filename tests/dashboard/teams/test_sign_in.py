import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.models import User
from tests.conftest import PASSWORD, Answer
from tests.loops import in_turn

LOGIN = "/accounts/login/"
PAGE = "/t/acme/snapshots/compute-on/test_area/1bd672f4-b274-4371-a792-b0a6c6778cc7/?from=mail&q=a%20b"
NEW_PASSWORD = "seven-lamps-on-the-shore"


def sign_in(client: Client, email: str, password: str = PASSWORD, **fields: str) -> Answer:
    return client.post(LOGIN, {"login": email, "password": password} | fields)


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.both_databases
@pytest.mark.parametrize("typed", ["alice@example.com", " Alice@Example.COM "])
def test_sign_in_by_address_in_any_case(anon_client: Client, alice: User, typed: str) -> None:
    assert sign_in(anon_client, typed)["Location"] == "/"
    assert signed_in(anon_client)


def test_sign_in_leads_back_to_the_very_page_even_after_a_wrong_password(anon_client: Client, alice: User) -> None:
    shown = anon_client.get(LOGIN, {"next": PAGE})
    assert shown.context["redirect_field_value"] == PAGE
    again = sign_in(anon_client, alice.email, "wrong", next=PAGE)
    assert (again.status_code, again.context["redirect_field_value"]) == (200, PAGE)
    assert sign_in(anon_client, alice.email, next=PAGE)["Location"] == PAGE


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "http://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "http:///evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://testserver@evil.example/",
        "http://testserver.evil.example/",
        "http://localhost/",
        "http://[::1/",
        "\x08//evil.example",
    ],
)
def test_sign_in_and_out_never_lead_off_the_site(anon_client: Client, alice: User, target: str) -> None:
    assert sign_in(anon_client, alice.email, next=target)["Location"] == "/"
    assert anon_client.post("/accounts/logout/", {"next": target})["Location"] == LOGIN


def test_unknown_address_and_wrong_password_read_the_same(anon_client: Client, alice: User) -> None:
    wrong = sign_in(anon_client, alice.email, "wrong").context["form"].errors
    unknown = sign_in(anon_client, "nobody@example.com", "wrong").context["form"].errors
    assert wrong == unknown
    assert wrong


def test_using_another_account_keeps_the_address(alice_client: Client) -> None:
    response = alice_client.post("/accounts/logout/", {"next": f"{LOGIN}?next=/t/acme/"})
    assert response["Location"] == f"{LOGIN}?next=/t/acme/"
    assert not signed_in(alice_client)


def test_a_link_to_sign_out_does_not(alice_client: Client) -> None:
    alice_client.get("/accounts/logout/")
    assert signed_in(alice_client)


def test_old_cookie_is_worthless_after_signing_out(anon_client: Client, alice: User) -> None:
    sign_in(anon_client, alice.email)
    cookie = anon_client.cookies["sessionid"].value
    anon_client.post("/accounts/logout/")
    anon_client.cookies["sessionid"] = cookie
    assert anon_client.get("/accounts/password/change/").status_code == 302


def test_preset_session_id_is_not_adopted(anon_client: Client, alice: User) -> None:
    anon_client.cookies["sessionid"] = "chosenbyanother0chosenbyanother0"
    sign_in(anon_client, alice.email)
    assert anon_client.cookies["sessionid"].value != "chosenbyanother0chosenbyanother0"


@pytest.mark.defaults
def test_session_ends_after_twelve_hours(anon_client: Client, alice: User) -> None:
    sign_in(anon_client, alice.email)
    with time_machine.travel(timezone.now() + timedelta(hours=12, seconds=1)):
        assert anon_client.get("/accounts/password/change/").status_code == 302


def test_strangers_leave_no_session_rows(anon_client: Client, alice: User) -> None:
    for number in range(20):
        anon_client.cookies["sessionid"] = f"forged{number:026}"
        anon_client.get(LOGIN, {"next": f"/t/acme/{number}/"})
        anon_client.get("/t/acme/snapshots/")
        anon_client.get("/accounts/password/reset/")
    sign_in(anon_client, alice.email, "wrong")
    anon_client.post("/accounts/logout/")
    assert Session.objects.count() == 0


def test_sixth_wrong_password_is_told_to_wait(anon_client: Client, alice: User) -> None:
    statuses = [sign_in(anon_client, alice.email, f"wrong-{number}").status_code for number in range(6)]
    assert statuses == [200] * 5 + [429]
    refused = sign_in(anon_client, alice.email)
    assert (refused.status_code, refused["Retry-After"]) == (429, "300")
    assert Session.objects.count() == 0


def test_own_success_in_between_does_not_refill_the_guesses(anon_client: Client, alice: User, bob: User) -> None:
    other = Client()
    for number in range(5):
        sign_in(anon_client, alice.email, f"wrong-{number}")
    sign_in(other, bob.email)
    assert sign_in(anon_client, "ALICE@example.com", "wrong-6").status_code == 429


@pytest.mark.parametrize(("proxies", "status"), [(0, 429), (1, 200)])
def test_limit_per_address_believes_only_counted_proxies(
    anon_client: Client, db: None, settings: Settings, proxies: int, status: int
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    for number in range(10):
        sign_in(anon_client, f"user-{number}@example.com", "wrong")
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    last = anon_client.post(LOGIN, {"login": "user-x@example.com", "password": "wrong"}, headers=forwarded)
    assert last.status_code == status


def test_inactive_account_cannot_sign_in(anon_client: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    sign_in(anon_client, alice.email)
    assert not signed_in(anon_client)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_signs_up(anon_client: Client, method: str) -> None:
    fields = {"email": "new@example.com", "password1": PASSWORD}
    assert getattr(anon_client, method)("/accounts/signup/", fields).status_code == 404
    assert not User.objects.exists()


@in_turn(
    "path", ["confirm-email/", "login/code/", "social/login/cancelled/", "3rdparty/", "2fa/", "second-factor/trust/"]
)
def test_what_is_not_used_of_allauth_is_not_there(alice_client: Client, path: str) -> None:
    assert alice_client.get(f"/accounts/{path}").status_code == 404


def test_changing_the_password_ends_the_other_sessions(alice_client: Client, alice: User) -> None:
    other = Client()
    sign_in(other, alice.email)
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert alice_client.post("/accounts/password/change/", fields).status_code == 302
    assert alice_client.get("/accounts/password/change/").status_code == 200
    assert other.get("/accounts/password/change/").status_code == 302


@pytest.mark.parametrize("weak", ["short-1", "password123", "8463547263548", "alice@example.com"])
def test_weak_passwords_are_refused(alice_client: Client, alice: User, weak: str) -> None:
    fields = {"oldpassword": PASSWORD, "password1": weak, "password2": weak}
    assert alice_client.post("/accounts/password/change/", fields).context["form"].errors
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_huge_form_is_refused_before_it_is_read(anon_client: Client, alice: User) -> None:
    assert sign_in(anon_client, alice.email, "x" * 2**20).status_code == 400


def test_reset_mail_leads_to_this_site_whatever_the_host_header(
    anon_client: Client, alice: User, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["other.example"]
    settings.SITE_URL = "https://snapshots.test"
    fields = {"email": alice.email}
    assert anon_client.post("/accounts/password/reset/", fields, headers={"Host": "other.example"}).status_code == 302
    body, subject = str(mail.outbox[0].body), str(mail.outbox[0].subject)
    assert re.findall(r"https?://[^/\s]+", body) == ["https://snapshots.test"]
    assert "other.example" not in body + subject


def test_reset_answers_alike_for_unknown_addresses(anon_client: Client, alice: User) -> None:
    known = anon_client.post("/accounts/password/reset/", {"email": alice.email})
    unknown = anon_client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert "/password/reset/key/" not in mail.outbox[1].body


@pytest.mark.parametrize(("hours", "accepted"), [(2, True), (4, False)])
def test_mailed_link_is_good_for_three_hours(anon_client: Client, alice: User, hours: int, accepted: bool) -> None:
    anon_client.post("/accounts/password/reset/", {"email": alice.email})
    (link,) = re.findall(r"http://localhost:8000(\S+)", str(mail.outbox[0].body))
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        assert (anon_client.get(link).status_code == 302) is accepted
