"""The audit: who did what, and from where."""

from typing import NoReturn, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models.people import Team, User


class EventKind(models.TextChoices):
    """What the audit records."""

    SIGN_IN = "sign_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Failed sign-in")
    SIGN_IN_LINKED = "sign_in_linked", _("Sign-in through another site linked")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    EMAIL_CHANGED = "email_changed", _("Email changed")
    ADDRESS_PROVED = "address_proved", _("Email proved")
    SECOND_FACTOR_ADDED = "second_factor_added", _("Second factor added")
    SECOND_FACTOR_REMOVED = "second_factor_removed", _("Second factor removed")
    RECOVERY_CODES_MADE = "recovery_codes_made", _("Recovery codes created")
    TEAM_MADE = "team_made", _("Team created")
    TEAM_CHANGED = "team_changed", _("Team settings changed")
    TEAM_REMOVED = "team_removed", _("Team removed")
    KEY_CHANGED = "key_changed", _("Key changed")
    KEY_REMOVED = "key_removed", _("Key removed")
    ENVIRONMENT_ADDED = "environment_added", _("Environment added")
    ENVIRONMENT_REMOVED = "environment_removed", _("Environment removed")
    INVITED = "invited", _("Invited")
    INVITATION_REVOKED = "invitation_revoked", _("Invitation revoked")
    JOINED = "joined", _("Joined")
    ROLE_CHANGED = "role_changed", _("Role changed")
    MEMBER_REMOVED = "member_removed", _("Member removed")
    LEFT = "left", _("Left")
    TARGET_CHANGED = "target_changed", _("Target changed")
    # Stored under their first names: rows of the audit never change.
    EXCLUDED = "not_judged", _("Volumes excluded")
    RESUMED = "judged_again", _("Checks resumed")
    SCHEDULE_STOPPED = "schedule_stopped", _("Schedule marked as stopped")
    SCHEDULE_RESUMED = "schedule_resumed", _("Schedule expected again")
    VOLUME_DELETED = "volume_deleted", _("Volume marked as deleted")
    SHARE_MADE = "share_made", _("Shared link created")
    SHARE_OPENED = "share_opened", _("Shared link first requested")
    SHARE_REVOKED = "share_revoked", _("Shared link revoked")
    TOKEN_MADE = "token_made", _("Access token created")
    TOKEN_USED = "token_used", _("Access token first used")
    TOKEN_REVOKED = "token_revoked", _("Access token revoked")
    EXPORTED = "exported", _("Exported")
    VOLUME_KEPT = "volume_kept", _("Volume marked as not deleted")
    ACKNOWLEDGED = "acknowledged", _("Problems acknowledged")
    ACKNOWLEDGEMENT_ENDED = "acknowledgement_ended", _("Acknowledgement ended")
    CHANNEL_MADE = "channel_made", _("Alert channel created")
    CHANNEL_CHANGED = "channel_changed", _("Alert channel changed")
    CHANNEL_DELETED = "channel_deleted", _("Alert channel deleted")
    RHYTHM_CONFIRMED = "rhythm_confirmed", _("Rhythm confirmed")
    RHYTHM_ENDED = "rhythm_ended", _("Rhythm ended")


class EventFixed(TypeError):
    """Rows of the audit are never changed or deleted."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def about(self, email: str) -> Self:
        """Filter by what a user did, or what was done to them."""
        return self.filter(models.Q(actor_email=email) | models.Q(target=email))

    def update(self, **values: object) -> NoReturn:
        raise EventFixed(EventFixed.__doc__)

    def delete(self) -> NoReturn:
        raise EventFixed(EventFixed.__doc__)


class AuditEvent(models.Model):
    """Who did what, and from where. The email is kept as text, for when the account is deleted."""

    team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, related_name="audit_events", verbose_name=_("team")
    )
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="audit_events", verbose_name=_("person")
    )
    actor_email = models.CharField(_("address of the person"), max_length=254, blank=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)
    kind = models.CharField(_("what"), max_length=30, choices=EventKind.choices)
    target = models.CharField(_("to what"), max_length=254, blank=True)
    detail = models.CharField(_("more"), max_length=500, blank=True)
    ip = models.GenericIPAddressField(_("network address"), null=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes = [models.Index(fields=["team", "-at", "-id"], name="audit_team_newest")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor_email}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Write a new row. Raises `EventFixed` for one that exists."""
        if not self._state.adding:
            raise EventFixed(EventFixed.__doc__)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise EventFixed(EventFixed.__doc__)
