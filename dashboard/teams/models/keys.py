"""Each team's provider key, and a key that was tried and is not saved yet."""

from collections.abc import Sequence
from secrets import randbelow

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.secrets import KeyUnreadable, Secret, is_same, last_signs, open_key, seal_key
from dashboard.teams.models.people import Team, User

FIRST_GENERATIONS = 2**30
"""Where a new key starts is drawn from this many, so that a key made again never passes for the one deleted before."""


def first_generation() -> int:
    return randbelow(FIRST_GENERATIONS)


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

        Tried keys of the team are forgotten: an older key must not take the place of a newer one.
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
    """A key that works and is not in use yet: the person who tried it has ten minutes to save it."""

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
    """The team's key; no query where the team was fetched together with it."""
    try:
        return team.api_key
    except ApiKey.DoesNotExist:
        return None


def key_mark(key: ApiKey) -> str:
    """Names a key without telling it: a claim made with one mark may not write under another."""
    return f"{key.pk}:{key.generation}"
