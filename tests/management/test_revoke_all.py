"""After a restore the operator ends all that may have been revoked since the copy."""

from django.test import Client

from dashboard.teams.access import issue_tokens
from dashboard.teams.models import AccessToken, AuditEvent, Invitation, Role, Team, User
from dashboard.teams.people.invitations import invite
from snapshots.alerts.channels import make_feed
from tests.dashboard.teams.factors import by_password, is_in
from tests.management.steps import run


def test_tokens_invitations_and_sessions_end(team: Team, alice: User, alice_client: Client) -> None:
    browser = by_password(alice)
    issue_tokens.make(team.memberships.get(), name="x", days=30, environments=[], form_id="f")
    make_feed(team.memberships.get(), person=alice)
    invite(team, "dora@example.com", Role.VIEWER, actor=alice)
    assert is_in(browser)
    assert run("revoke_all").lines == [
        *("access tokens: 1", "shared links: 0", "invitations: 1", "feeds: 1", "sessions: 1")
    ]
    assert not is_in(browser)
    assert (AccessToken.objects.alive().count(), Invitation.objects.pending().count()) == (0, 0)
    assert AuditEvent.objects.filter(team=team, actor_email="operator").count() == 1
