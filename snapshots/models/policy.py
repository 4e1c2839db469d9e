"""A team's target, its saved views, what each member did last, and the daily history of its volumes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.teams.models import Team, User
from snapshots.models.environment import Environment


class Policy(models.Model):
    """How old the newest usable snapshot of a team's volumes may be. Without a row the team has not decided yet."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="policy", verbose_name=_("team"))
    # 0: no age limit.
    target_hours = models.PositiveIntegerField(_("target, hours"), default=0)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)
    changed_by = models.CharField(_("changed by"), max_length=254, blank=True)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")

    def __str__(self) -> str:
        return f"policy of team {self.team_id}"


class SavedView(models.Model):
    """A named filter of a page: the last part of the page's path, and the query string."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="saved_views", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=60)
    page = models.CharField(_("page"), max_length=20)
    query = models.CharField(_("query"), max_length=2000, blank=True)
    made_by = models.CharField(_("made by"), max_length=254)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    is_start = models.BooleanField(_("start page"), default=False)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "name"], name="saved_view_once_a_name"),
            models.UniqueConstraint(
                fields=["team"], condition=models.Q(is_start=True), name="saved_view_one_start_a_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class LastAct(models.Model):
    """What a member did last in a team, and what was there before: it can be undone while nothing changed since.

    `before` has a pair for each state that rows had: its values, and the rows' primary keys. `after`: what all of
    them have had since. Times are texts.
    """

    EXCLUSION = "exclusion"
    PLACE = "place"
    TARGET = "target"
    PLACE_TARGET = "place_target"
    TEAM_TARGET = "team_target"
    VIEW = "view"
    ACKNOWLEDGEMENT = "acknowledgement"
    RHYTHM = "rhythm"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", verbose_name=_("team"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("user"))
    kind = models.CharField(_("kind"), max_length=20)
    # Names it, as long as it is the last one.
    at = models.DateTimeField(_("when"))
    before = models.JSONField(default=list)
    after = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("last act")
        verbose_name_plural = _("last acts")
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "team"], name="last_act_once_a_member")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.user_id} in team {self.team_id}"

    @classmethod
    def keep(
        cls,
        kind: str,
        rows: Iterable[models.Model],
        after: Mapping[str, object],
        *,
        team: Team,
        person: User,
        at: datetime | None = None,
    ) -> datetime:
        """Remember an act on these rows, which still have their former values. Returns its time, which names it."""
        at = at or timezone.now()
        states: dict[str, tuple[dict[str, object], list[int]]] = {}
        for row in rows:
            values = values_in(row, after)
            states.setdefault(repr(values), (values, []))[1].append(row.pk)
        kept = {"kind": kind, "at": at, "before": list(states.values()), "after": plain(after)}
        cls.objects.update_or_create(team=team, user=person, defaults=kept)
        return at

    @property
    def pks(self) -> Sequence[int]:
        """The rows that it was about."""
        return [pk for _values, pks in self.before for pk in pks]


def values_in(row: models.Model, names: Iterable[str]) -> dict[str, object]:
    """A row's values as `LastAct` keeps them."""
    return plain({name: getattr(row, name) for name in names})


def plain(values: Mapping[str, object]) -> dict[str, object]:
    """Values without times, for JSON."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


class VerdictDay(models.Model):
    """An environment's volumes by verdict, at the worst moment of a day (UTC)."""

    environment = models.ForeignKey(
        Environment,
        on_delete=models.CASCADE,
        related_name="verdict_days",
        db_index=False,
        verbose_name=_("environment"),
    )
    day = models.DateField(_("day"))
    none = models.PositiveIntegerField(default=0)
    problem = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    good = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("day of verdicts")
        verbose_name_plural = _("days of verdicts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["environment", "day"], name="verdict_day_once_an_environment")
        ]

    def __str__(self) -> str:
        return f"{self.day} of environment {self.environment_id}"
