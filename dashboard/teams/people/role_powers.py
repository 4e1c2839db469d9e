"""What each role can do, as text. `tests/dashboard/teams/test_powers.py` compares it with the capability table."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Role

# Each role's powers; it also has those of the roles before it.
POWERS: Mapping[Role, Mapping[str, Promise | str]] = MappingProxyType(
    {
        Role.VIEWER: {
            "read": _("View volumes, alerts, snapshots, changes, targets, saved views and members"),
            "refresh": _("Refresh data from the provider"),
            "export": _("Export rows as files, and copy links"),
            "mails": _("Choose to get alerts by email or as a feed"),
            "leave": _("Leave the team"),
        },
        Role.MEMBER: {
            "share": _("Share snapshots with people who have no account"),
            "tokens": _("Create access tokens for the API"),
            "targets": _("Set targets"),
            "exclude": _("Exclude volumes, and resume their checks"),
            "acknowledge": _("Acknowledge problems"),
            "mark": _("Mark schedules as stopped and volumes as deleted"),
            "rhythms": _("Confirm and end rhythms"),
            "views": _("Save and delete views for the whole team"),
        },
        Role.ADMIN: {
            "key": _("Change the provider’s API key"),
            "environments": _("Add and remove environments"),
            "webhooks": _("Create, change and delete webhooks and services for alerts"),
            "people": _("Invite and remove people, and change their roles"),
            "security": _("Require a second factor, and allow or forbid shared links"),
            "start": _("Set the team’s start page"),
            "audit": _("Read the audit"),
            "revoke": _("Revoke everyone’s shared links and access tokens"),
        },
    }
)


def powers_of(role: Role) -> Sequence[Promise | str]:
    """Everything that a role can do, including what the roles before it can do."""
    return [text for lower, powers in POWERS.items() if role.at_least(lower) for text in powers.values()]
