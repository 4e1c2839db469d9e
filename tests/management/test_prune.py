"""`provision --prune`: the database becomes what the file says, and each removal is listed before it is made."""

from dashboard.teams.models import ApiKey, Membership, Team, User
from snapshots.models import Environment, Snapshot
from snapshots.simulator.server import Simulator
from tests.management.conftest import Provision
from tests.management.steps import TEAM, run

BOB = '[[team.member]]\nemail = "bob@example.com"\nrole = "viewer"\n'
GLOBEX = TEAM.replace("acme", "globex").replace("alice", "charlie").replace("Acme Platform", "Globex Hosting")
LESS = TEAM.replace(', "compute-qc/prod"', "").replace('api_key = { env = "ACME_KEY" }', "")
REMOVED = [
    "- acme: member bob@example.com",
    "- acme: environment compute-qc/prod (snapshots: 24, with their history)",
    "- acme: API key",
    "- team globex (members: 1, environments: 2, snapshots: 48)",
]


def fill(provision: Provision) -> None:
    assert provision(TEAM + BOB + GLOBEX).status == 0
    assert run("sync_snapshots").status == 0


def test_removes_what_the_file_lacks(provision: Provision, sim: Simulator) -> None:
    fill(provision)
    assert provision(LESS, "--prune").lines == [*REMOVED, "4 changes made."]
    assert list(Team.objects.values_list("slug", flat=True)) == ["acme"]
    assert [each.path for each in Environment.objects.all()] == ["compute-on/prod"]
    assert (Membership.objects.count(), ApiKey.objects.count(), Snapshot.objects.count()) == (1, 0, 24)
    assert provision(LESS, "--prune").out == "Nothing to change.\n"


def test_accounts_stay(provision: Provision, sim: Simulator) -> None:
    fill(provision)
    provision(LESS, "--prune")
    assert User.objects.count() == 3


def test_check_lists_and_removes_nothing(provision: Provision, sim: Simulator) -> None:
    fill(provision)
    ran = provision(LESS, "--prune", "--check")
    assert (ran.status, ran.lines, ran.err) == (1, REMOVED, "4 changes would be made.")
    assert (Team.objects.count(), Environment.objects.count()) == (2, 4)


def test_the_last_admin_is_not_pruned(provision: Provision) -> None:
    provision()
    ran = provision(TEAM.replace("alice", "bob").replace('"admin"', '"member"'), "--prune")
    assert (ran.status, Membership.objects.get().user.email) == (2, "alice@example.com")
    assert "this would take away its last admin" in ran.err


def test_another_admin_may_follow(provision: Provision) -> None:
    provision()
    assert provision(TEAM.replace("alice", "bob"), "--prune").status == 0
    assert list(Membership.objects.values_list("user__email", "role")) == [("bob@example.com", "admin")]
