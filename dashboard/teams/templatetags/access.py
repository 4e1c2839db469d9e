from collections.abc import Sequence
from typing import NamedTuple

from django import template
from django.conf import settings
from django.utils.functional import Promise

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.access.guard import may as member_may
from dashboard.teams.checks import DUMMY_MAIL
from dashboard.teams.models import Membership, Role, Team
from dashboard.teams.people.invitations import sends_mail
from dashboard.teams.people.role_powers import POWERS, powers_of
from dashboard.teams.people.tabs import Tab, tabs_of

register = template.Library()
MAKE_KEY = 'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
"""As in `.env.example`."""


class RoleLegend(NamedTuple):
    """A role's powers by name; `before` is the label of the role whose powers it also has."""

    value: str
    label: str
    before: str
    powers: Sequence[tuple[str, Promise | str]]


@register.simple_tag
def may(membership: Membership, view_name: str, method: str = "GET") -> bool:
    """Ask the capability table: `{% may request.membership "snapshots:refresh" "POST" as can_refresh %}`."""
    return member_may(membership, view_name, method)


@register.simple_tag
def settings_tabs(request: MemberRequest) -> list[Tab]:
    """List the tabs of the team's settings that the member may open: `{% settings_tabs request as tabs %}`."""
    return tabs_of(request)


@register.simple_tag
def role_legend() -> list[RoleLegend]:
    """List what each role can do, the least first: `{% role_legend as legend %}`."""
    before = ["", *(str(role.label) for role in POWERS)]
    return [
        RoleLegend(role.value, str(role.label), lower, [*powers.items()])
        for lower, (role, powers) in zip(before, POWERS.items(), strict=False)
    ]


@register.simple_tag
def powers(role: str) -> Sequence[Promise | str]:
    """List everything that a role can do: `{% powers invitation.role as powers %}`."""
    return powers_of(Role(role))


@register.simple_tag
def has_team() -> bool:
    """Whether the dashboard has a team; until then only the link of the set-up leads on."""
    return Team.objects.exists()


@register.simple_tag
def encryption_key_command() -> str:
    """The command that makes the value without which no API key can be stored; empty where there is one."""
    return "" if settings.API_KEY_ENCRYPTION_KEYS else MAKE_KEY


@register.simple_tag
def mail_ends() -> str:
    """Where mails end that reach nobody: `terminal` or `nowhere`; empty where they are sent."""
    return "" if sends_mail() else "nowhere" if settings.EMAIL_BACKEND == DUMMY_MAIL else "terminal"
