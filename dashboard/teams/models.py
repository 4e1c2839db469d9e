"""Who someone is, which teams they are in, and each team's provider key."""

from secrets import randbelow
from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.teams.secrets import KeyUnreadable, Secret, is_same, open_key, seal_key

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

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"key {self.generation} of team {self.team_id}"

    @classmethod
    def replace(cls, team: Team, secret: Secret) -> "ApiKey":
        """Store a team's key, replacing what was there; a sync that still uses the old one is refused its write."""
        sealed = seal_key(secret, team_pk=team.pk)
        key, created = cls.objects.get_or_create(team=team, defaults={"sealed": sealed})
        if not created:
            now = timezone.now()
            cls.objects.filter(pk=key.pk).update(sealed=sealed, generation=F("generation") + 1, changed_at=now)
            key.refresh_from_db()
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
