"""A user's account in a real browser: a passkey of a virtual device, the codes of an app, recovery codes."""

import re
from collections.abc import Callable, Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import PASSWORD, Stack

pytestmark = pytest.mark.browser
OpenTab = Callable[..., Tab]
MOST_TESTS = 8
FACTOR = "/accounts/second-factor/"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
MAKE = """
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import Membership, Role, Team
team = Team.objects.create(slug="vault", name="Vault")
for email in {emails}:
    Membership.objects.create(team=team, user=create_account(email, "{password}"), role=Role.ADMIN)
"""


@pytest.fixture(scope="module")
def emails(stack: Stack) -> Iterator[str]:
    """A user whom no test has used yet."""
    people = [f"dora-{number}@example.com" for number in range(MOST_TESTS)]
    stack.manage("shell", "-c", MAKE.format(emails=people, password=PASSWORD))
    return iter(people)


@pytest.fixture
def dora(emails: Iterator[str], open_tab: OpenTab, width: str) -> Tab:
    """Somebody with a team of her own, just signed in."""
    tab: Tab = open_tab(width)
    tab.goto("/accounts/")
    sign_in(tab, next(emails))
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("My account")
    return tab


def sign_in(tab: Tab, email: str) -> None:
    tab.page.get_by_label("Email").fill(email)
    tab.page.get_by_label("Password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Sign in", exact=True).click()
    tab.page.wait_for_load_state()


def email_of(tab: Tab) -> str:
    return str(tab.page.locator(".you .menu-note bdi").text_content())


def sign_out(tab: Tab) -> None:
    tab.goto("/accounts/logout/")
    tab.page.locator("#main").get_by_role("button", name="Sign out").click()
    expect(tab.page).to_have_url(re.compile("/accounts/login/"))


def with_device(tab: Tab) -> None:
    """Give the browser a device that keeps passkeys and always knows its owner."""
    devices = tab.context.new_cdp_session(tab.page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def code(tab: Tab, secret: str, steps: int = 0) -> str:
    now = int(tab.page.evaluate("Date.now()")) // 30_000
    return str(format_hotp_value(hotp_value(secret, now + steps)))


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_passkey(dora: Tab, width: str) -> None:
    """Add one, rename it, sign in by it alone, confirm by it, remove it."""
    email = email_of(dora)
    with_device(dora)
    dora.keep("account")
    dora.goto(FACTOR)
    dora.keep("factor-none")
    dora.page.get_by_role("link", name="Add a passkey").click()
    dora.page.get_by_role("textbox", name="Name").fill("Laptop <b>&")
    dora.keep("passkey-add")
    dora.page.get_by_role("button", name="Add a passkey").click()
    expect(dora.page.locator(".codes li")).to_have_count(10)
    dora.keep("recovery-codes")
    dora.page.get_by_role("link", name="Done").click()
    expect(dora.page.locator(".person-name")).to_contain_text("Laptop <b>&")
    dora.keep("factor-passkey")
    sign_out(dora)
    dora.goto("/accounts/login/?next=/t/vault/settings/security/")
    dora.keep("login-passkey")
    dora.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(dora.page).to_have_url(re.compile("/t/vault/settings/security/$"))
    assert email_of(dora) == email
    dora.keep("team-security")
    dora.goto("/accounts/second-factor/again/passkey/?next=/accounts/second-factor/")
    dora.keep("again-passkey")
    dora.page.get_by_role("button", name="Use a passkey").click()
    expect(dora.page).to_have_url(re.compile(f"{FACTOR}$"))
    dora.page.get_by_role("link", name="Rename").click()
    dora.keep("passkey-rename")
    dora.page.get_by_role("textbox", name="Name").fill("Desk")
    dora.page.get_by_role("button", name="Save").click()
    dora.page.get_by_role("link", name="Remove Desk").click()
    dora.keep("passkey-remove")
    dora.page.get_by_role("button", name="Remove the passkey").click()
    expect(dora.page.get_by_role("link", name="Add a passkey")).to_be_visible()
    dora.check()


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_app(dora: Tab, width: str) -> None:
    """Add it by its secret, sign in with a code, then once with a recovery code, remove it."""
    email = email_of(dora)
    dora.goto(f"{FACTOR}app/")
    secret = str(dora.page.locator("#secret").text_content()).replace(" ", "")
    dora.page.get_by_label("Code shown in the app").fill("12345")
    dora.page.get_by_role("button", name="Add the app").click()
    expect(dora.page.locator(".form-error")).to_be_visible()
    dora.keep("app-add")
    dora.page.get_by_label("Code shown in the app").fill(code(dora, secret))
    dora.page.get_by_role("button", name="Add the app").click()
    recovery = str(dora.page.locator(".codes li").first.text_content())
    sign_out(dora)
    for given in (code(dora, secret), recovery):
        dora.goto("/accounts/login/?next=/accounts/sessions/")
        sign_in(dora, email)
        expect(dora.page).to_have_url(re.compile(f"{FACTOR}ask/"))
        dora.page.get_by_label("Code from your app").fill(given)
        if given == recovery:
            dora.keep("ask")
        dora.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(dora.page).to_have_url(re.compile("/accounts/sessions/"))
        sign_out(dora)
    dora.goto("/accounts/login/?next=/accounts/second-factor/")
    sign_in(dora, email)
    dora.page.get_by_label("Code from your app").fill(recovery)
    dora.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(dora.page.locator(".form-error")).to_be_visible()
    dora.keep("ask-wrong")
    dora.page.get_by_label("Code from your app").fill(code(dora, secret, 1))
    dora.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(dora.page.get_by_text("9 codes are left.")).to_be_visible()
    dora.keep("factor-app")
    dora.goto("/accounts/second-factor/again/")
    dora.keep("again-code")
    dora.goto(f"{FACTOR}codes/new/")
    dora.keep("codes-new")
    dora.goto(f"{FACTOR}app/remove/")
    dora.keep("app-remove")
    dora.page.get_by_role("button", name="Remove the app").click()
    expect(dora.page.get_by_role("link", name="Add an app")).to_be_visible()
    dora.check()


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_device_that_declines_is_said(dora: Tab, width: str) -> None:
    sign_out(dora)
    decline = "() => Promise.reject(new DOMException('', 'NotAllowedError'))"
    dora.page.evaluate(f"() => {{ navigator.credentials.get = {decline}; }}")
    dora.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(dora.page.get_by_text("The browser returned no passkey")).to_be_visible()
    dora.keep("login-declined")


@pytest.mark.proof
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_name_password_and_address(dora: Tab, width: str) -> None:
    dora.page.get_by_role("textbox", name="Name").fill("Dora Example")
    dora.page.get_by_role("button", name="Save").click()
    expect(dora.page.get_by_text("Name saved.")).to_be_visible()
    dora.goto("/accounts/email/")
    expect(dora.page.get_by_text("manage.py change_email")).to_be_visible()
    dora.keep("account-email")
    dora.goto("/accounts/password/change/")
    dora.keep("password-change")
    dora.goto("/accounts/sessions/")
    dora.keep("account-sessions")
    dora.goto("/t/vault/settings/people/")
    expect(dora.page.locator(".person-name").filter(has_text="You")).to_contain_text("Dora Example")
