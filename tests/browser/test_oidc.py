"""Sign-in through a provider in a browser: over two sites, under our strict policy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack
from tests.dashboard.teams.oidc_provider import CLIENT_ID, CLIENT_SECRET, Person, Provider
from tests.proof import first

pytestmark = pytest.mark.browser
PAGE = "/t/acme/snapshots/"
PEOPLE = "/t/acme/settings/people/"
WIDTHS = pytest.mark.parametrize("width", ["desktop", "phone"])
OpenTab = Callable[..., Tab]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def stack(provider: Provider, tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    """Override the stack of the other tests by one that knows the provider."""
    known = {"OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
    with Stack(tmp_path_factory.mktemp("oidc"), database, OIDC_NAME="Acme Login", **known) as running:
        yield running
        assert CLIENT_SECRET not in running.log
        assert [one for one in provider.issued if one in running.log] == []


def go_there(tab: Tab, person: Person, provider: Provider) -> None:
    provider.person = person
    tab.page.get_by_role("button", name="Continue with Acme Login").click()
    expect(tab.page.get_by_role("heading", name="Acme Login", exact=True)).to_be_visible()
    assert tab.page.url.startswith(f"{provider.issuer}/authorize?")


def sign_in_there(tab: Tab, person: Person, provider: Provider) -> None:
    go_there(tab, person, provider)
    tab.page.get_by_role("button", name=f"Sign in as {person.email}").click()


@WIDTHS
@pytest.mark.parametrize("scripts", first(1, [True, False]))
def test_there_and_back_to_the_very_page(open_tab: OpenTab, provider: Provider, width: str, scripts: bool) -> None:
    tab = open_tab(width, scripts=scripts)
    tab.goto(f"{PAGE}?q=vol")
    if scripts:
        tab.keep("oidc-login")
    sign_in_there(tab, Person(), provider)
    expect(tab.page).to_have_url(f"{tab.url}{PAGE}?q=vol")
    if scripts:
        tab.check()


@pytest.mark.proof
def test_back_from_the_provider_is_the_sign_in(open_tab: OpenTab, provider: Provider) -> None:
    tab = open_tab()
    tab.goto("/accounts/login/")
    go_there(tab, Person(), provider)
    tab.page.go_back()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    tab.check()


@pytest.mark.proof
@WIDTHS
def test_page_on_the_way_has_a_link_for_who_stays(open_tab: OpenTab, provider: Provider, width: str) -> None:
    tab = open_tab(width)
    tab.goto("/accounts/login/")
    tab.page.route(f"{provider.issuer}/**", lambda route: route.fulfill(status=204))  # a page that is not left for it
    with tab.page.expect_response("**/accounts/login/oidc/") as answer:
        tab.page.get_by_role("button", name="Continue with Acme Login").click()
    assert "form-action 'self';" in f"{answer.value.headers['content-security-policy']};"
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Continue to Acme Login")
    tab.keep("oidc-leaving")


@pytest.mark.proof
@WIDTHS
@pytest.mark.parametrize(
    ("person", "problem"),
    [(Person(sub="dora", email="dora@example.com"), "unknown"), (Person(sub="eve", verified=False), "unverified")],
)
def test_who_is_refused_is_told_why(
    open_tab: OpenTab, provider: Provider, width: str, person: Person, problem: str
) -> None:
    tab = open_tab(width)
    tab.goto("/accounts/login/")
    tab.expected.append("403")
    sign_in_there(tab, person, provider)
    expect(tab.page.locator(f"[data-problem={problem}]")).to_be_visible()
    tab.keep(f"oidc-{problem}")


@pytest.mark.proof
@WIDTHS
def test_who_stops_there_is_back_at_the_sign_in(open_tab: OpenTab, provider: Provider, width: str) -> None:
    tab = open_tab(width)
    tab.goto(PAGE)
    tab.expected.append("403")
    go_there(tab, Person(), provider)
    tab.page.get_by_role("button", name="Cancel").click()
    expect(tab.page.locator("[data-problem=cancelled]")).to_be_visible()
    tab.keep("oidc-cancelled")
    tab.page.get_by_role("link", name="Back to sign-in").click()
    expect(tab.page).to_have_url(f"{tab.url}/accounts/login/?next=%2Ft%2Facme%2Fsnapshots%2F")


@pytest.mark.proof
@WIDTHS
def test_provider_that_is_away_is_said_to_be(open_tab: OpenTab, provider: Provider, width: str) -> None:
    tab = open_tab(width)
    tab.goto("/accounts/login/")
    tab.expected.append("502")
    go_there(tab, Person(), provider)
    provider.replies["/token"] = (500, "text/plain", b"out of order")
    tab.page.get_by_role("button", name="Sign in as").click()
    expect(tab.page.locator("[data-problem=unavailable]")).to_be_visible()
    provider.replies.clear()
    tab.keep("oidc-away")


@pytest.mark.proof
@WIDTHS
def test_newcomer_joins_without_a_password_and_confirms_there(
    open_tab: OpenTab, provider: Provider, width: str
) -> None:
    email = f"nora-{width}@example.com"
    alice = open_tab(width)
    alice.enter(PEOPLE, "alice@example.com")
    alice.page.get_by_label("Email").fill(email)
    alice.page.locator("#id_role").select_option("admin")
    alice.page.get_by_role("button", name="Create invite link").click()
    nora, person = open_tab(width), Person(sub=email, email=email)
    nora.page.goto(alice.page.locator("#link").input_value())
    nora.keep("oidc-invitation")
    sign_in_there(nora, person, provider)
    nora.goto(PEOPLE)
    nora.page.get_by_label("Email").fill("later@example.com")
    nora.page.get_by_role("button", name="Create invite link").click()
    expect(nora.page.get_by_role("heading", level=1)).to_have_text("Confirm it’s you")
    nora.keep("oidc-confirm")
    sign_in_there(nora, person, provider)
    expect(nora.page).to_have_url(f"{nora.url}{PEOPLE}")
    nora.page.get_by_label("Email").fill("later@example.com")
    nora.page.get_by_role("button", name="Create invite link").click()
    expect(nora.page.locator("#link")).to_be_visible()
    nora.check()
