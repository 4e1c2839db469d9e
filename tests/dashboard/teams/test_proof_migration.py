"""Which of the accounts from before count as proved: not those that an invitation made."""

from datetime import timedelta
from importlib import import_module

import pytest
from allauth.socialaccount.models import SocialAccount
from django.apps import apps

from dashboard.teams.core.audit import record
from dashboard.teams.core.create_account import create_account
from dashboard.teams.models import EventKind, User

judge = import_module("dashboard.teams.migrations.0010_address_proof").judge


@pytest.mark.parametrize(
    ("kinds", "linked", "proof"),
    [
        ([], False, "operator"),
        (["joined"], False, "none"),
        (["joined"], True, "none"),  # linked later, to an account whose password somebody else may have set
        (["joined", "sign_in_linked"], True, "oidc"),
        (["joined", "sign_in_linked"], False, "none"),
        (["joined", "email_changed"], False, "mailbox"),
    ],
)
def test_accounts_from_before(db: None, kinds: list[str], linked: bool, proof: str) -> None:
    user = create_account("eve@example.com")
    for kind in kinds:
        record(EventKind(kind), team=None, actor=user, target=user.email)
    if linked:
        SocialAccount.objects.create(user=user, provider="https://login.test", uid="eve")
    judge(apps, None)
    assert User.objects.get().address_proof == proof


def test_account_that_joined_a_team_later_was_there_before(db: None) -> None:
    user = create_account("eve@example.com")
    User.objects.update(created_at=user.created_at - timedelta(hours=1))
    record(EventKind.JOINED, team=None, actor=user, target=user.email)
    judge(apps, None)
    assert User.objects.get().address_proof == "operator"
