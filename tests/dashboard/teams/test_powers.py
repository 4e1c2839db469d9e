"""What the pages and docs say that a role can do is what the capability table lets it do."""

import re

import pytest
from django.test import Client

from dashboard.teams.access.capabilities import capabilities
from dashboard.teams.models import Role, Team, User
from dashboard.teams.people.invitations import invite
from dashboard.teams.people.role_powers import POWERS
from tests.management.programs import ROOT
from tests.views.snapshots.reading import Element, tree

pytestmark = pytest.mark.django_db
EXPORTS = " ".join(
    f"snapshots:{page}_{kind}"
    for page in ("list", "volumes", "changes", "leftovers", "alerts", "reports")
    for kind in ("xlsx", "csv", "json")
)
FORMS = {
    "leave": "teams:leave",
    "tokens": "snapshots:tokens",
    "targets": "snapshots:volume_targets",
    "exclude": "snapshots:exclude snapshots:resume",
    "acknowledge": "snapshots:alerts_acknowledge",
    "people": "teams:remove_member",
    "security": "teams:security snapshots:share_switch",
    "key": "snapshots:key",
    "environments": "snapshots:environment_remove",
    "webhooks": "snapshots:alert_channel",
    "share": "snapshots:share_revoke_all",
    "rhythms": "snapshots:rhythms",
}
GETS = {
    "read": "snapshots:search snapshots:list_counts snapshots:changes_volume_choices snapshots:changes_counts "
    "teams:settings teams:people snapshots:team_home snapshots:volumes snapshots:volume snapshots:list "
    "snapshots:volume_choices snapshots:detail snapshots:changes snapshots:targets snapshots:exclusions "
    "snapshots:views snapshots:leftovers snapshots:reports snapshots:report snapshots:alerts snapshots:former_exclude "
    "snapshots:former_resume "
    "snapshots:former_exclusions snapshots:alert_settings",
    "export": EXPORTS,
    "share": "snapshots:share_links",
    "environments": "snapshots:environments",
    "audit": "teams:audit",
}
POSTS = {
    "read": "snapshots:volumes_look snapshots:volumes_seen snapshots:alerts_tick",
    "refresh": "snapshots:volumes_refresh snapshots:volume snapshots:refresh snapshots:changes_refresh snapshots:check "
    "snapshots:leftovers_refresh snapshots:alerts_refresh",
    "share": "snapshots:share_make snapshots:share_revoke",
    "tokens": "snapshots:token_revoke",
    "targets": "snapshots:targets",
    "exclude": "snapshots:exclusions snapshots:undo",
    "acknowledge": "snapshots:alerts_end",
    "mark": "snapshots:stopped snapshots:volume_deleted",
    "rhythms": "snapshots:rhythms_later snapshots:rhythm_end",
    "views": "snapshots:view_save snapshots:view_delete",
    "key": "snapshots:key_save snapshots:key_cancel",
    "environments": "snapshots:environment_add snapshots:environment_look snapshots:environment_try",
    "people": "teams:people teams:set_role teams:revoke_invitation",
    "start": "snapshots:view_start",
    # Of webhooks: tests/alerts asks for those as a viewer.
    "mails": "snapshots:alert_mail snapshots:alert_feed snapshots:alert_channel_act",
    "webhooks": "snapshots:alert_webhook_add snapshots:alert_service_add",
}
# A member may revoke links and tokens too, but only their own: tests/sharing and tests/api ask for those of others.
OF_ROWS = {"revoke"}


def named() -> dict[tuple[str, str], str]:
    """The power that each action needs."""
    tables = [("GET", FORMS), ("POST", FORMS), ("GET", GETS), ("POST", POSTS)]
    return {(view, method): power for method, table in tables for power in table for view in table[power].split()}


def test_every_action_of_the_table_is_a_power_of_its_role() -> None:
    role_of = {power: role for role, powers in POWERS.items() for power in powers}
    said = {action: role_of[power] for action, power in named().items()}
    levels = {(view, method): level for view, methods in capabilities().items() for method, level in methods.items()}
    assert said == {action: level for action, level in levels.items() if isinstance(level, Role)}
    assert {*role_of} == {*named().values()} | OF_ROWS


def powers_in(part: Element) -> list[str]:
    return [item.text for item in part.all("li")]


@pytest.mark.parametrize("person", ["alice", "bob"])
def test_the_people_page_names_them_to_everyone(request: pytest.FixtureRequest, person: str) -> None:
    client: Client = request.getfixturevalue(f"{person}_client")
    legend = tree(client.get("/t/acme/settings/people/")).one("dl", css="roles")
    for role, powers in POWERS.items():
        assert powers_in(legend.one("div", **{"data-role": role.value})) == [str(text) for text in powers.values()]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("email", ["new@example.com", "charlie@example.com"])
def test_an_invitation_names_those_of_its_role(
    team: Team, alice: User, charlie: User, charlie_client: Client, role: Role, email: str
) -> None:
    _invitation, token = invite(team, email, role, actor=alice)
    client = charlie_client if email == charlie.email else Client()
    found = powers_in(tree(client.get(f"/invitation/{token}/")).one("ul", css="powers"))
    assert found == [str(text) for lower in Role if role.at_least(lower) for text in POWERS[lower].values()]


def test_the_docs_name_them() -> None:
    rows = re.findall(r"^\| (viewer|member|admin) \| (.+) \|$", (ROOT / "docs/operate.md").read_text(), re.MULTILINE)
    before = {"viewer": "", "member": "everything a viewer can do; ", "admin": "everything a member can do; "}
    expected = {
        role.value: before[role.value] + "; ".join(f"{text}"[:1].lower() + f"{text}"[1:] for text in powers.values())
        for role, powers in POWERS.items()
    }
    assert dict(rows) == expected
