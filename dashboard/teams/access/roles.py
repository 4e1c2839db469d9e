"""Role checks when something is written, and what is revoked when a member loses a role."""

from django.core.exceptions import PermissionDenied
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from dashboard import random_secrets
from dashboard.teams.models import Invitation, Membership, PendingKey, Role, User


def check_role(membership: Membership, least: Role) -> None:
    """Raise PermissionDenied, which names the required role, unless the member has it."""
    if not Role(membership.role).at_least(least):
        raise PermissionDenied(
            _("Only members with the role %(role)s can do this. Ask an admin of the team.") % {"role": least.label}
        )


def hold(membership: Membership, least: Role) -> Membership:
    """Lock a membership and check its current role. Call it in the transaction of the change, after its other locks.

    A simultaneous role change comes either before, and this is refused, or after, and revokes what was created.
    Raises PermissionDenied, and Http404 for a user who left the team or was disabled.
    """
    rows = Membership.objects.select_for_update(of=("self", "user"), no_key=True).select_related("user")
    found = rows.filter(pk=membership.pk, user__is_active=True).first()
    if found is None:
        raise Http404
    check_role(found, least)
    return found


def hold_role(request: HttpRequest | None) -> None:
    """Do the same for the user of a request that changes something in a team; nothing for any other request."""
    least: Role | None = getattr(request, "least_role", None)
    if request is not None and least is not None:
        hold(request.membership, least)  # type: ignore[attr-defined]


@receiver(post_save, sender=Membership)
def end_offers_of_former_admin(instance: Membership, created: bool, **_kwargs: object) -> None:
    """Revoke what only an admin may leave open, so that it stays revoked if the role comes back."""
    if not created and Role(instance.role) != Role.ADMIN:
        _end_offers(instance)


@receiver(post_delete, sender=Membership)
def end_offers_of_who_left(instance: Membership, **_kwargs: object) -> None:
    """Revoke it for the same reason."""
    _end_offers(instance)


@receiver(post_save, sender=User)
def end_offers_of_inactive(instance: User, **_kwargs: object) -> None:
    """Revoke it for the same reason."""
    if not instance.is_active:
        for member in instance.memberships.all():
            _end_offers(member)


def _end_offers(member: Membership) -> None:
    own = {"team": member.team_id, "made_by": member.user_id}
    random_secrets.revoke(Invitation.objects.filter(**own, used_at=None))
    PendingKey.objects.filter(**own).delete()
