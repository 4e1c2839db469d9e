"""What a team file changes is in the audit of the team, with the operator as the actor."""

from dashboard.teams.models import AuditEvent
from tests.management.conftest import Provision
from tests.management.steps import TEAM

BOB = '[[team.member]]\nemail = "bob@example.com"\nrole = "{}"\n'


def events(*, after: int = 0) -> list[tuple[str, str, str]]:
    written = AuditEvent.objects.filter(actor=None, actor_email="operator").order_by("pk")
    return list(written.values_list("kind", "target", "detail"))[after:]


def test_each_change_is_one_row(provision: Provision) -> None:
    provision(TEAM + BOB.format("viewer"))
    assert [(kind, target) for kind, target, _detail in events()] == [
        ("team_made", "acme"),
        ("joined", "alice@example.com"),
        ("joined", "bob@example.com"),
        ("key_changed", "••••"),
        ("environment_added", "prod · compute-on"),
        ("environment_added", "prod · compute-qc"),
    ]
    provision(TEAM + BOB.format("viewer"))
    assert events(after=6) == []
    provision(TEAM.replace("Acme Platform", "Acme Clouds") + BOB.format("member"))
    assert events(after=6) == [
        ("team_changed", "", "name: Acme Platform → Acme Clouds"),
        ("role_changed", "bob@example.com", "viewer → member"),
    ]


def test_removals_are_rows_too(provision: Provision) -> None:
    provision(TEAM + BOB.format("viewer") + TEAM.replace("acme", "globex"))
    before = len(events())
    provision(TEAM.replace('"compute-on/prod", ', "").replace('api_key = { env = "ACME_KEY" }', ""), "--prune")
    assert [(kind, target) for kind, target, _detail in events(after=before)] == [
        ("member_removed", "bob@example.com"),
        ("environment_removed", "prod · compute-on"),
        ("key_removed", "••••"),
        ("team_removed", "globex"),
    ]


def test_check_writes_none(provision: Provision) -> None:
    provision(TEAM, "--check")
    assert events() == []
