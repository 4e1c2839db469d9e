"""The question that a team is asked which has no target yet: what each answer would make of its volumes."""

from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.backends.redis_cache import kept, key_of
from dashboard.teams.models import Role, Team, User
from snapshots.models import Environment
from snapshots.policy import targets
from snapshots.policy.target_preview import CHOICES, Effects, TooMany, effects
from snapshots.rules.verdict import Verdict
from snapshots.text.labels import grouped
from snapshots.text.verdict_labels import LABELS
from snapshots.views.volumes.tiles import TILES

KEEP_SECONDS = 300
MOST_NAMES = 3


class Answer(NamedTuple):
    """One answer, and what it would make of the team's volumes."""

    hours: int
    label: str
    effect: str


class Question(NamedTuple):
    answers: list[Answer]
    whom: str


def target_question(team: Team) -> Question:
    found = _effects(team)
    answers = [Answer(hours, targets.in_words(hours), _effect(found, hours)) for hours in CHOICES]
    return Question(answers, _members(team))


def _effects(team: Team) -> Effects | None:
    """Kept for the minute, as the verdicts follow the clock; None where they cannot be told."""
    now = timezone.now()
    environments = list(Environment.objects.of_team(team))
    stands = [(each.rows_version, each.data_at, each.excluded_until) for each in environments]
    key = key_of("effects", team.pk, (f"{now:%d %H:%M}", CHOICES, list(Verdict), stands))
    try:
        return kept(key, Effects, lambda: effects(environments, now), seconds=KEEP_SECONDS)
    except TooMany:
        return None


def _effect(found: Effects | None, hours: int) -> str:
    """The numbers of the page's tiles: "No usable snapshot: 14 · Late, stuck or failing: 41 · Fresh: 230"."""
    if found is None:
        return _("unknown while the newest list is unconfirmed")
    counts = found[hours]
    parts = [(sum(counts.get(verdict, 0) for verdict in verdicts), verdicts, str(label)) for label, verdicts in TILES]
    said = [f"{_tile_label(counts, verdicts, label)}: {grouped(number)}" for number, verdicts, label in parts if number]
    return " · ".join(said) or _("no volume yet")


def _tile_label(counts: dict[Verdict, int], verdicts: tuple[Verdict, ...], label: str) -> str:
    present = [verdict for verdict in verdicts if counts.get(verdict)]
    return str(LABELS[Verdict.LATE]) if present == [Verdict.LATE] else label


def _members(team: Team) -> str:
    """Who may answer, for those who may not."""
    roles = [Role.MEMBER, Role.ADMIN]
    people = User.objects.filter(memberships__team=team, memberships__role__in=roles, is_active=True)
    return ", ".join(person.email for person in people.order_by("email")[:MOST_NAMES])
