"""How an account comes to be: by the operator's word, which stands for the proof of the address."""

from allauth.account.models import EmailAddress
from django.db import transaction

from dashboard.teams.models import User


@transaction.atomic
def create_account(email: str, password: str | None = None) -> User:
    """Make a person with a verified address. Without a password nobody can sign in until a link has set one."""
    user = User.objects.create_user(email, password)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
