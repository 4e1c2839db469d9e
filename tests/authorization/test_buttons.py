"""Buttons and links stand exactly where the capability table lets them be used."""

from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import resolve

from dashboard.teams.access.guard import may
from dashboard.teams.models import ApiKey, Membership, Role
from snapshots.models import Environment
from tests.authorization.conftest import House
from tests.authorization.plan import ROLES, TEAM_VIEWS
from tests.views.snapshots.reading import Element, tree

Tell = Callable[..., None]
PEOPLE = ("alice", "mia", "bob")
TABS = frozenset(
    {
        "GET teams:people",
        "GET teams:security",
        "GET teams:audit",
        "GET snapshots:key",
        "GET snapshots:environments",
        "GET snapshots:targets",
        "GET snapshots:exclusions",
        "GET snapshots:share_links",
        "GET snapshots:tokens",
        "GET snapshots:alert_settings",
    }
)
# What the main part of each page offers to an admin; others see less, only because of `may`.
OFFERED: Mapping[str, frozenset[str]] = {
    "snapshots:leftovers": frozenset(
        {
            "GET snapshots:leftovers",
            "GET snapshots:leftovers_xlsx",
            "GET snapshots:leftovers_csv",
            "GET snapshots:leftovers_json",
            "GET snapshots:reports",
            "GET snapshots:views",
            "GET snapshots:key",
            "POST snapshots:view_save",
            "POST snapshots:leftovers_refresh",
        }
    ),
    "snapshots:report": frozenset(
        {
            "GET snapshots:report",
            "GET snapshots:alerts",
            "GET snapshots:reports",
            "GET snapshots:leftovers",
            "GET snapshots:reports_xlsx",
            "GET snapshots:reports_csv",
            "GET snapshots:reports_json",
        }
    ),
    "snapshots:list": frozenset(
        {
            "GET snapshots:leftovers",
            "GET snapshots:list",
            "GET snapshots:list_xlsx",
            "GET snapshots:list_csv",
            "GET snapshots:list_json",
            "GET snapshots:detail",
            "GET snapshots:volume",
            "GET snapshots:volume_choices",
            "GET snapshots:key",
            "GET snapshots:views",
            "POST snapshots:view_save",
            "POST snapshots:refresh",
        }
    ),
    "snapshots:detail": frozenset(
        {
            "GET snapshots:list",
            "GET snapshots:volume",
            "GET snapshots:share_links",
            "GET snapshots:tokens",
            "POST snapshots:check",
            "POST snapshots:share_make",
            "POST snapshots:share_revoke",
        }
    ),
    "snapshots:share_links": TABS
    | {"GET snapshots:detail", "GET snapshots:share_revoke_all", "POST snapshots:share_revoke"},
    "snapshots:tokens": TABS
    | {"GET api:root", "GET api:openapi", "POST snapshots:tokens", "POST snapshots:token_revoke"},
    "snapshots:share_revoke_all": frozenset({"GET snapshots:share_links", "POST snapshots:share_revoke_all"}),
    "snapshots:share_switch": frozenset({"GET teams:security", "POST snapshots:share_switch"}),
    "snapshots:changes": frozenset(
        {
            "GET snapshots:changes",
            "GET snapshots:changes_xlsx",
            "GET snapshots:changes_csv",
            "GET snapshots:changes_json",
            "GET snapshots:list",
            "GET snapshots:changes_volume_choices",
            "GET snapshots:views",
            "GET snapshots:key",
            "POST snapshots:view_save",
            "POST snapshots:changes_refresh",
        }
    ),
    "snapshots:alerts": frozenset(
        {
            "GET snapshots:alerts",
            "GET snapshots:alerts_xlsx",
            "GET snapshots:alerts_csv",
            "GET snapshots:alerts_json",
            "GET snapshots:alerts_acknowledge",
            "GET snapshots:alert_settings",
            "GET snapshots:key",
            "GET snapshots:views",
            "GET snapshots:volume",
            "GET snapshots:volumes",
            "POST snapshots:alerts_end",
            "POST snapshots:alerts_refresh",
            "POST snapshots:alerts_tick",
            "POST snapshots:view_save",
        }
    ),
    "snapshots:alerts_acknowledge": frozenset({"GET snapshots:alerts"}),
    "snapshots:volumes": frozenset(
        {
            "GET snapshots:volumes",
            "GET snapshots:volumes_xlsx",
            "GET snapshots:volumes_csv",
            "GET snapshots:volumes_json",
            "GET snapshots:volume",
            "GET snapshots:exclude",
            "GET snapshots:views",
            "GET snapshots:key",
            "POST snapshots:view_save",
            "POST snapshots:targets",
            "POST snapshots:volumes_look",
            "GET snapshots:rhythms",
            "POST snapshots:rhythms_later",
            "POST snapshots:volumes_refresh",
        }
    ),
    "snapshots:volume": frozenset(
        {
            "GET snapshots:volumes",
            "GET snapshots:list",
            "GET snapshots:detail",
            "GET snapshots:changes",
            "GET snapshots:exclude",
            "POST snapshots:targets",
            "POST snapshots:volume",
            "POST snapshots:volume_deleted",
            "POST snapshots:rhythms",
        }
    ),
    "snapshots:rhythms": frozenset({"GET snapshots:volumes", "GET snapshots:volume", "POST snapshots:rhythms"}),
    "snapshots:search": frozenset({"GET snapshots:search"}),
    "snapshots:exclude": frozenset({"GET snapshots:team_home"}),
    "snapshots:resume": frozenset({"GET snapshots:team_home"}),
    "snapshots:volume_targets": frozenset({"GET snapshots:team_home"}),
    "snapshots:views": frozenset(),
    "snapshots:targets": TABS | {"POST snapshots:targets"},
    "snapshots:exclusions": TABS | {"POST snapshots:exclusions"},
    "snapshots:key": TABS | {"POST snapshots:key", "POST snapshots:key_save", "POST snapshots:key_cancel"},
    "snapshots:environments": TABS
    | {
        "GET snapshots:environment_remove",
        "POST snapshots:environment_add",
        "POST snapshots:environment_look",
        "POST snapshots:environment_try",
    },
    "snapshots:environment_remove": TABS | {"POST snapshots:environment_remove"},
    "snapshots:alert_settings": TABS
    | {
        "GET snapshots:alert_channel",
        "POST snapshots:alert_mail",
        "POST snapshots:alert_feed",
        "POST snapshots:alert_webhook_add",
        "POST snapshots:alert_service_add",
        "POST snapshots:alert_channel_act",
    },
    "snapshots:alert_channel": TABS | {"POST snapshots:alert_channel", "POST snapshots:alert_channel_act"},
    "teams:people": TABS
    | {
        "GET teams:leave",
        "GET teams:remove_member",
        "POST teams:people",
        "POST teams:set_role",
        "POST teams:revoke_invitation",
    },
    "teams:leave": frozenset({"GET teams:people", "POST teams:leave"}),
    "teams:remove_member": frozenset({"GET teams:people", "POST teams:remove_member"}),
    "teams:audit": TABS,
    "teams:security": TABS | {"GET snapshots:share_switch", "GET mfa_index", "POST teams:security"},
}
# Links on the list of a team whose set-up is incomplete, for members who can complete it.
LACKING: Mapping[str, str] = {"key": "GET snapshots:key", "environment": "GET snapshots:environments"}
# URLs without a page: they redirect, or answer with a part of a page.
FILES = frozenset(
    f"snapshots:{page}_{kind}"
    for page in ("list", "volumes", "changes", "leftovers", "alerts", "reports")
    for kind in ("xlsx", "csv", "json")
)
FORMER = {f"snapshots:former_{name}" for name in ("exclude", "resume", "exclusions")}
NO_PAGE = FILES | FORMER | {"teams:settings", "snapshots:team_home", "snapshots:volume_choices"}
NO_PAGE |= {f"snapshots:{name}" for name in ("reports", "list_counts", "changes_counts", "changes_volume_choices")}
ASKING = {"data-hx-get": "GET", "data-hx-post": "POST"}
PAGES = sorted(set(TEAM_VIEWS) - NO_PAGE)


def targets(part: Element, url: str) -> list[tuple[str, str]]:
    """What can be pressed in a part of a page: method and address."""
    links = [link.attributes.get("href", "") for link in part.all("a")]
    found = [("GET", link) for link in links if link and not link.startswith("#")]
    for form in part.all("form"):
        if form.attributes.get("method") != "dialog":
            found.append((form.attributes.get("method", "get").upper(), form.attributes.get("action") or url))
    found += [(ask, one.attributes[name]) for one in part for name, ask in ASKING.items() if name in one.attributes]
    return [(method, urlsplit(urljoin(url, target)).path) for method, target in found]


def controls(part: Element, url: str) -> set[str]:
    return {f"{method} {resolve(path).view_name}" for method, path in targets(part, url)}


def allowed(control: str, membership: Membership) -> bool:
    method, view = control.split()
    return may(membership, view, method)


def shown(house: House, view: str, person: str) -> Element | None:
    """The page of a view as a member sees it; None for who may not open it, and for a view without GET."""
    if not allowed(f"GET {view}", member(house, person)):
        return None
    answer = house.ask(person, "GET", house.address(view, "acme"))
    assert answer.status_code == 200, f"{view} shows no page: enter it in NO_PAGE"
    return tree(answer)


def member(house: House, person: str) -> Membership:
    return house.users[person].memberships.get(team=house.teams["acme"])


def offered(house: House, view: str, person: str) -> set[str]:
    assert view in OFFERED, f"enter in OFFERED what can be done on the page {view}"
    kept = {"POST teams:leave"} if member(house, person).role == Role.ADMIN else set()  # the only one of the team
    return {one for one in OFFERED[view] if allowed(one, member(house, person))} - kept


def test_each_page_offers_exactly_what_may_be_done(house: House, figures: Tell) -> None:
    """Its main part has all of it; every control on the page is allowed, and of the own team."""
    pages = pressed = 0
    for person in PEOPLE:
        for view in PAGES:
            if (page := shown(house, view, person)) is not None:
                found = controls(page.one("main"), house.address(view, "acme"))
                assert (person, view, found) == (person, view, offered(house, view, person))
                pages, pressed = pages + 1, pressed + only_allowed(house, view, person, page)
    figures("buttons", pages_by_role=pages, allowed_controls=pressed)
    assert pages >= 12


def only_allowed(house: House, view: str, person: str, page: Element) -> int:
    pressed = targets(page, house.address(view, "acme"))
    for method, path in pressed:
        match = resolve(path)
        assert allowed(f"{method} {match.view_name}", member(house, person)), (view, method, path)
        assert match.kwargs.get("team", "acme") == "acme"
    return len(pressed)


@pytest.mark.parametrize("lacking", LACKING)
def test_who_can_mend_it_is_led_there(house: House, lacking: str) -> None:
    if lacking == "key":
        ApiKey.objects.filter(team=house.teams["acme"]).delete()
    else:
        Environment.objects.filter(team=house.teams["acme"]).delete()
    for person in PEOPLE:
        page = shown(house, "snapshots:list", person)
        assert page is not None
        is_led = LACKING[lacking] in controls(page.one("main"), house.address("snapshots:list", "acme"))
        assert is_led == (ROLES[person]["acme"] is Role.ADMIN)
