"""Find the account: by the linked subject, or the first time by an email that the provider has verified."""

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from dashboard.teams.account.audit_signals import record_for, record_refused
from dashboard.teams.core.create_account import prove
from dashboard.teams.core.email_addresses import lower
from dashboard.teams.models import AddressProof, EventKind, User
from dashboard.teams.oidc.id_token import Claims
from dashboard.teams.oidc.problems import Problem, SignInProblem
from dashboard.teams.people.invitations import InvitationEnded, accept_as_newcomer, find


def is_linked(user: User) -> bool:
    return _links().filter(user=user).exists()


def unlink(user: User) -> bool:
    """Delete the link with any issuer. Returns whether there was one."""
    links: QuerySet[SocialAccount] = SocialAccount.objects.filter(user=user)
    return bool(links.delete()[0])


def linked_person(claims: Claims) -> User | None:
    """Find the account that is linked to the subject, regardless of its current email at the provider."""
    link = _links().filter(uid=claims.subject).select_related("user").first()
    return link.user if link else None


def find_or_link(claims: Claims, next_page: str, request: HttpRequest) -> User:
    """Return the user; link the account the first time, and create it if an invitation led here.

    Raises `SignInProblem`. An inactive user is returned, but never linked.
    """
    if known := linked_person(claims):
        if known.is_active and known.email == claims.email:  # linked before proofs were stored
            _prove(known, request)
        return known
    _check_address(claims)
    try:
        user = _link_first_time(claims, next_page, request)
    except IntegrityError:  # another tab was faster
        raise SignInProblem(Problem.LOST, "it was linked in the meantime") from None
    if user.is_active:
        get_adapter(request).send_notification_mail("socialaccount/email/account_connected", user)
    return user


@transaction.atomic
def _link_first_time(claims: Claims, next_page: str, request: HttpRequest) -> User:
    user = _person_of(claims.email) or _newcomer(claims, next_page, request)
    if user.is_active:
        _prove(user, request)
        _link(user, claims, request)
    return user


def _prove(user: User, request: HttpRequest) -> None:
    """The provider proves the address; this revokes what someone else may have set before through an invitation."""
    if prove(user, AddressProof.OIDC, actor=user, request=request):
        messages.info(request, _("Your email is now proved. Earlier passwords and sign-ins no longer work."))


def record_refusal(email: str, request: HttpRequest) -> None:
    """Record in the teams of an address that a user with it at the provider was refused."""
    record_refused(email, detail=f"through {settings.OIDC_NAME}", request=request)


def _check_address(claims: Claims) -> None:
    """Raise `SignInProblem` unless the provider has verified a valid address."""
    try:
        validate_email(claims.email)
    except ValidationError:
        raise SignInProblem(Problem.UNVERIFIED, "there is no verified address") from None


def _person_of(email: str) -> User | None:
    """Find by verified address. Each database folds case differently, so the final comparison is in Python."""
    found = EmailAddress.objects.filter(email__iexact=email, verified=True).select_related("user")
    return next((address.user for address in found if lower(address.email) == email), None)


def _newcomer(claims: Claims, next_page: str, request: HttpRequest) -> User:
    """Create the account if there is an invitation for exactly this address; else raise `SignInProblem`."""
    unknown = SignInProblem(Problem.UNKNOWN, "there is no account for the address", email=claims.email)
    try:
        match = resolve(next_page.partition("?")[0])
        if match.view_name != "invitation":
            raise unknown
        invitation = find(str(match.kwargs["token"]))
        if invitation.email != claims.email:
            raise unknown
        return accept_as_newcomer(invitation, None, proof=AddressProof.OIDC, request=request)
    except (Resolver404, InvitationEnded):
        raise unknown from None


def _link(user: User, claims: Claims, request: HttpRequest) -> None:
    """Link permanently: a second subject could be someone who got the address after its first owner."""
    if is_linked(user):
        raise SignInProblem(Problem.TAKEN, "the account is linked with another subject")
    SocialAccount.objects.create(user=user, provider=settings.OIDC_ISSUER, uid=claims.subject)
    record_for(user, EventKind.SIGN_IN_LINKED, actor=user, detail=settings.OIDC_NAME, request=request)


def _links() -> QuerySet[SocialAccount]:
    """List the links of this issuer; subjects of other issuers mean nothing here."""
    links: QuerySet[SocialAccount] = SocialAccount.objects.filter(provider=settings.OIDC_ISSUER)
    return links
