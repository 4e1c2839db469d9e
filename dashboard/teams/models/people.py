"""Who someone is, and which teams they are in or asked into."""

from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from dashboard import random_secrets
from dashboard.teams.core.email_addresses import folded, lower


class AddressProof(models.TextChoices):
    """What shows that the address of an account belongs to the person who uses the account."""

    NONE = "none", _("address not proved")
    MAILBOX = "mailbox", _("address proved by a mailed link")
    OIDC = "oidc", _("address proved by the sign-in provider")
    OPERATOR = "operator", _("address given by the operator")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None) -> "User":
        """Make a person without a proved address; see `dashboard.teams.core.create_account.create_account`."""
        user = self.model(email=folded(email))
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def by_address(self, email: str) -> "User | None":
        """Find who has an address. Databases fold case each in its own way, so the last word is ours."""
        try:
            wanted = folded(email)
        except ValidationError:
            return None
        return next((user for user in self.filter(email__iexact=wanted) if lower(user.email) == wanted), None)


class User(AbstractBaseUser):
    """A person, known by e-mail address; the name is for other people's eyes.

    What one may do is a matter of membership: there are no other rights.
    """

    email = models.EmailField(_("e-mail address"), unique=True)
    # Without a proof somebody else may have set the password: the account stays in the team that it was made for.
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
        """Give what others see of a person, as Django asks for it."""
        return self.name or self.email


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


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def pending(self) -> Self:
        """Those that can be used, as long as their maker is an admin: nobody comes back by a link of their own."""
        admins = Membership.objects.filter(role=Role.ADMIN, user__is_active=True)
        maker = admins.filter(team=models.OuterRef("team"), user=models.OuterRef("made_by"))
        return self.filter(random_secrets.unexpired(), models.Exists(maker), used_at=None, revoked_at=None)


class Invitation(models.Model):
    """A person asked into a team by a one-time link. The tokens of its two links are kept as hashes alone."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("team"))
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(_("hash of the token"), max_length=64, unique=True)
    # The mail has its own token, which the inviter does not see: a person who has it has the mailbox.
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
    """The one-time address by which the first person makes the first team. Its token is kept as a hash alone."""

    token_hash = models.CharField(_("hash of the token"), max_length=64, unique=True)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("set-up link")
        verbose_name_plural = _("set-up links")

    def __str__(self) -> str:
        return f"set-up link {self.pk}"
