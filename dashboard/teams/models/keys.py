"""Each team's API key, and keys that were tested but not yet saved."""

from collections.abc import Sequence
from secrets import randbelow

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.secrets import KeyUnreadable, Secret, is_same, last_signs, open_key, seal_key
from dashboard.teams.models.people import Team, User

FIRST_GENERATIONS = 2**30
"""The first generation of a key is a random number below this, so that a new key is not taken for a deleted one."""


def first_generation() -> int:
    return randbelow(FIRST_GENERATIONS)


class ApiKey(models.Model):
    """A team's API key, encrypted and bound to its team. A new generation tells a running sync that the key changed."""

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
        """Store a team's key and replace the old one; a sync that still uses the old one can no longer write.

        Tested keys of the team are deleted: an older key must not replace a newer one.
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
        """Decrypt. Raises `KeyUnreadable` if the key ring cannot decrypt it or it was encrypted for another team."""
        return open_key(self.sealed, team_pk=self.team_id)

    def holds(self, secret: Secret) -> bool:
        """Whether this is the stored key; False if that cannot be read."""
        try:
            return is_same(self.open(), secret)
        except KeyUnreadable:
            return False


class PendingKey(models.Model):
    """A tested key that is not in use yet: the user who tested it has ten minutes to save it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="pending_keys", verbose_name=_("team"))
    made_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("made by"))
    made_at = models.DateTimeField(_("made"))
    sealed = models.TextField(_("encrypted key"))
    whose = models.CharField(_("whose key"), max_length=100, blank=True)
    answers = models.JSONField(_("answers"), default=list)
    sees = models.JSONField(_("sees"), default=list)

    class Meta:
        verbose_name = _("pending API key")
        verbose_name_plural = _("pending API keys")
        constraints = [models.UniqueConstraint(fields=["team", "made_by"], name="pending_key_once_a_person")]

    def __str__(self) -> str:
        return f"pending key {self.pk} of team {self.team_id}"

    def open(self) -> Secret:
        """Decrypt. Raises `KeyUnreadable` as `ApiKey.open` does."""
        return open_key(self.sealed, team_pk=self.team_id)


def key_of(team: Team) -> ApiKey | None:
    """Return the team's key; no query if the team was fetched with it."""
    try:
        return team.api_key
    except ApiKey.DoesNotExist:
        return None


def key_mark(key: ApiKey) -> str:
    """Identify a key without revealing it: a lease taken with one mark may not write under another."""
    return f"{key.pk}:{key.generation}"
