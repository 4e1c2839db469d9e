"""Who someone is, which teams they are in or asked into, each team's provider key, and what was done."""

from collections.abc import Sequence
from secrets import randbelow
from typing import ClassVar, NoReturn, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.teams.secrets import KeyUnreadable, Secret, is_same, last_signs, open_key, seal_key

FIRST_GENERATIONS = 2**30
"""Where a new key starts is drawn from this many, so that a key made again never passes for the one deleted before."""


def first_generation() -> int:
    return randbelow(FIRST_GENERATIONS)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None) -> "User":
        """Make a person. `dashboard.teams.accounts.create_account` also marks the address verified."""
        user = self.model(email=email.strip().lower())
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person, known by e-mail address alone. What one may do is a matter of membership: there are no other rights."""

    email = models.EmailField(_("e-mail address"), unique=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Give what others see of a person, as Django asks for it."""
        return self.email


class Role(models.TextChoices):
    """What a member may do, least first; `at_least` compares."""

    VIEWER = "viewer", _("Viewer")
    MEMBER = "member", _("Member")
    ADMIN = "admin", _("Admin")

    def at_least(self, least: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(least)


class TeamQuerySet(models.QuerySet["Team"]):
    def of_user(self, user: User) -> Self:
        return self.filter(memberships__user=user).order_by(Lower("name"), "pk")


class Team(models.Model):
    slug = models.SlugField(_("address name"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="teams", verbose_name=_("members"))

    objects = TeamQuerySet.as_manager()

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("team"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} as {self.role}"


class ApiKey(models.Model):
    """A team's provider key, encrypted and bound to its team. A new generation tells a running sync that it changed."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="api_key", verbose_name=_("team"))
    sealed = models.TextField(_("encrypted key"))
    generation = models.PositiveIntegerField(_("generation"), default=first_generation)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)
    changed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("changed by")
    )
    last_signs = models.CharField(_("last signs"), max_length=4, blank=True)
    whose = models.CharField(_("whose key"), max_length=100, blank=True)
    # The environments that the provider named to this key when it was last asked: pairs of service code and name.
    sees = models.JSONField(_("sees"), default=list)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"key {self.generation} of team {self.team_id}"

    @classmethod
    @transaction.atomic
    def replace(
        cls,
        team: Team,
        secret: Secret,
        *,
        by: User | None = None,
        whose: str = "",
        sees: Sequence[Sequence[str]] = (),
    ) -> "ApiKey":
        """Store a team's key, replacing what was there; a sync that still uses the old one is refused its write.

        Whatever was kept aside for the team is forgotten: an older key must not take the place of a newer one.
        """
        about: dict[str, object] = {
            "sealed": seal_key(secret, team_pk=team.pk),
            "changed_by": by,
            "last_signs": last_signs(secret),
            "whose": whose,
            "sees": list(sees),
        }
        key, created = cls.objects.get_or_create(team=team, defaults=about)
        if not created:
            about |= {"generation": F("generation") + 1, "changed_at": timezone.now()}
            cls.objects.filter(pk=key.pk).update(**about)
            key.refresh_from_db()
        PendingKey.objects.filter(team=team).delete()
        return key

    def open(self) -> Secret:
        """Decrypt. Raises `KeyUnreadable` when no key of the ring opens it or it was sealed for another team."""
        return open_key(self.sealed, team_pk=self.team_id)

    def holds(self, secret: Secret) -> bool:
        """Whether this is the stored key; one that cannot be read is not."""
        try:
            return is_same(self.open(), secret)
        except KeyUnreadable:
            return False


class PendingKey(models.Model):
    """A key that does not count yet: tested and waiting for its person's word, or kept aside until it can be tested."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="pending_keys", verbose_name=_("team"))
    made_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("made by"))
    made_at = models.DateTimeField(_("made"))
    # Empty where the provider refused it: then only the answers are left, to be read.
    sealed = models.TextField(_("encrypted key"), blank=True)
    whose = models.CharField(_("whose key"), max_length=100, blank=True)
    answers = models.JSONField(_("answers"), default=list)
    sees = models.JSONField(_("sees"), default=list)
    is_kept = models.BooleanField(_("kept aside"), default=False)
    tried_at = models.DateTimeField(_("tried"))
    next_try_at = models.DateTimeField(_("next try"))

    class Meta:
        verbose_name = _("pending API key")
        verbose_name_plural = _("pending API keys")
        constraints = [models.UniqueConstraint(fields=["team", "made_by", "is_kept"], name="pending_key_once_a_person")]

    def __str__(self) -> str:
        return f"pending key {self.pk} of team {self.team_id}"

    def open(self) -> Secret:
        """Decrypt. Raises `KeyUnreadable` as `ApiKey.open` does."""
        return open_key(self.sealed, team_pk=self.team_id)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def pending(self) -> Self:
        """Those that can be used, as long as their maker is an admin: nobody comes back by a link of their own."""
        admins = Membership.objects.filter(role=Role.ADMIN, user__is_active=True)
        maker = admins.filter(team=models.OuterRef("team"), user=models.OuterRef("made_by"))
        return self.filter(models.Exists(maker), used_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """A person asked into a team by a one-time link. The link's token is kept as a hash alone."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("team"))
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(_("hash of the token"), max_length=64, unique=True)
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="invitations_made", verbose_name=_("made by")
    )
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_known")]

    def __str__(self) -> str:
        return f"invitation {self.pk} into {self.team_id} as {self.role}"


class EventKind(models.TextChoices):
    """What is worth a row in the audit."""

    SIGN_IN = "sign_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Failed sign-in")
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


class EventFixed(TypeError):
    """What was done is written once: no row of the audit is changed or deleted."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def about(self, email: str) -> Self:
        """Narrow to what a person did or had done."""
        return self.filter(models.Q(actor_email=email) | models.Q(target=email))

    def update(self, **values: object) -> NoReturn:
        raise EventFixed(EventFixed.__doc__)

    def delete(self) -> NoReturn:
        raise EventFixed(EventFixed.__doc__)


class AuditEvent(models.Model):
    """Something done, by whom, from where. The address stays in words when the account is gone."""

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
