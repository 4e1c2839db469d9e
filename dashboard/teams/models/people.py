"""Users, teams, memberships and invitations."""

from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from dashboard import random_secrets
from dashboard.teams.core.email_addresses import folded, lower


class AddressProof(models.TextChoices):
    """How it was proved that the address of an account belongs to its user."""

    NONE = "none", _("address not proved")
    MAILBOX = "mailbox", _("address proved by a mailed link")
    OIDC = "oidc", _("address proved by the sign-in provider")
    OPERATOR = "operator", _("address given by the operator")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None) -> "User":
        """Create a user without a proved address; see `dashboard.teams.core.create_account.create_account`."""
        user = self.model(email=folded(email))
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def by_address(self, email: str) -> "User | None":
        """Find the user with an address. Each database folds case differently, so the final comparison is in Python."""
        try:
            wanted = folded(email)
        except ValidationError:
            return None
        return next((user for user in self.filter(email__iexact=wanted) if lower(user.email) == wanted), None)


class User(AbstractBaseUser):
    """A user, identified by email; the name is only for display.

    What a user may do depends only on memberships.
    """

    email = models.EmailField(_("e-mail address"), unique=True)
    # Without a proof someone else may have set the password: the account works only in the team it was made for.
    address_proof = models.CharField(
        _("proof of the address"),
        max_length=10,
        choices=AddressProof.choices,
        default=AddressProof.NONE,
        db_default=AddressProof.NONE,
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
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

    @property
    def has_proved_address(self) -> bool:
        return self.address_proof != AddressProof.NONE

    def get_full_name(self) -> str:
        """Return the name that others see, as Django expects."""
        return self.name or self.email


class Role(models.TextChoices):
    """Roles, the least first; `at_least` compares."""

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
    requires_second_factor = models.BooleanField(_("requires a second factor"), default=False)
    allows_shared_links = models.BooleanField(_("allows shared links"), default=True, db_default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="teams", verbose_name=_("members"))

    objects = TeamQuerySet.as_manager()

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in a team, and what the user chose for pages of it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("team"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # Page -> how this member wants to see it. Never in an address: those are shared.
    choices = models.JSONField(default=dict, db_default={})
    # When a page was last opened, to some minutes; and until when the member has seen everything.
    visited_at = models.DateTimeField(null=True)
    seen_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} as {self.role}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def pending(self) -> Self:
        """Invitations that can be used. Their creator is still an admin, so nobody returns with a link they created."""
        admins = Membership.objects.filter(role=Role.ADMIN, user__is_active=True)
        maker = admins.filter(team=models.OuterRef("team"), user=models.OuterRef("made_by"))
        return self.filter(random_secrets.unexpired(), models.Exists(maker), used_at=None, revoked_at=None)


class Invitation(models.Model):
    """An invitation to a team by a one-time link. The tokens of its two links are stored only as hashes."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("team"))
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(_("hash of the token"), max_length=64, unique=True)
    # The mail has a separate token, which the inviter does not see, so it proves access to the mailbox.
    mailed_hash = models.CharField(_("hash of the mailed token"), max_length=64, unique=True, null=True)  # noqa: DJ001
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


class SetupLink(models.Model):
    """The one-time link to create the first team. Its token is stored only as a hash."""

    token_hash = models.CharField(_("hash of the token"), max_length=64, unique=True)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("set-up link")
        verbose_name_plural = _("set-up links")

    def __str__(self) -> str:
        return f"set-up link {self.pk}"
