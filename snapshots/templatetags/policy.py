"""What the partials of a team's acts ask for themselves, so that a page only includes them."""

from datetime import datetime
from typing import NamedTuple

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from dashboard.backends.redis_cache import kept, key_of
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Role, Team, User
from snapshots.models import Environment, Policy, Volume
from snapshots.policy import targets
from snapshots.policy.target_preview import CHOICES, Effects, TooMany, effects
from snapshots.rules.verdict import Verdict
from snapshots.text.labels import has_returned, is_exempt, returned_in_words, until_in_words
from snapshots.views.common.target_form import Target, of_volume
from snapshots.views.settings.saved_views import SavedLink, links
from snapshots.views.volumes.tiles import TILES

register = template.Library()
KEEP_SECONDS = 300
MOST_NAMES = 3


class Answer(NamedTuple):
    """One answer to the first question, and what it would make of the team's volumes."""

    hours: int
    label: str
    effect: str


class Question(NamedTuple):
    answers: list[Answer]
    whom: str


class ExemptState(NamedTuple):
    """Whether a volume is judged; `own`: it was said of the volume itself."""

    is_exempt: bool
    own: bool
    text: str
    reason: str
    by: str


@register.simple_tag
def first_question(request: MemberRequest) -> Question | None:
    """The question that a team is asked which has no target yet: `{% first_question request as question %}`."""
    if Policy.objects.filter(team=request.team).exists():
        return None
    found = _effects(request.team)
    answers = [Answer(hours, _label(hours), _effect(found, hours)) for hours in CHOICES]
    return Question(answers, _members(request.team))


@register.simple_tag
def target_of_volume(volume: Volume, environment: Environment) -> Target:
    """A volume's target, where it comes from and what can be chosen."""
    return of_volume(volume, environment, Policy.objects.filter(team=environment.team_id).first())


@register.simple_tag
def exemption_of(volume: Volume, environment: Environment) -> ExemptState:
    """Whether a volume is not judged, by its own exemption or its environment's, or was not until of late."""
    now = timezone.now()
    for thing in (volume, environment):
        if is_exempt(thing, now) and thing.exempt_until:
            text = until_in_words(thing.exempt_until, now)
            return ExemptState(True, thing is volume, text, thing.exempt_reason, thing.exempt_by)
    text = next((_returned(thing.exempt_until, now) for thing in (volume, environment) if has_returned(thing, now)), "")
    return ExemptState(False, False, text, "", "")


@register.simple_tag
def saved_views(request: MemberRequest, page: str) -> list[SavedLink]:
    """The saved views of a page: `{% saved_views request "volumes" as saved %}`."""
    return links(request, page)


def _returned(until: datetime | None, now: datetime) -> str:
    return returned_in_words(until, now) if until else ""


def _effects(team: Team) -> Effects | None:
    """Kept for the minute, as the verdicts follow the clock; None where they cannot be told."""
    now = timezone.now()
    environments = list(Environment.objects.of_team(team))
    stands = [(each.rows_version, each.data_at, each.exempt_until) for each in environments]
    key = key_of("effects", team.pk, (f"{now:%d %H:%M}", CHOICES, list(Verdict), stands))
    try:
        return kept(key, Effects, lambda: effects(environments, now), seconds=KEEP_SECONDS)
    except TooMany:
        return None


def _label(hours: int) -> str:
    return targets.in_words(hours) if hours else _("No age limit")


def _effect(found: Effects | None, hours: int) -> str:
    """The numbers of the page's tiles: "14 none usable, 41 late, stuck or failing, 230 fresh"."""
    if found is None:
        return _("the provider's last list is doubted; what this means cannot be told now")
    counts = found[hours]
    parts = [(sum(counts.get(verdict, 0) for verdict in verdicts), verdicts, str(label)) for label, verdicts in TILES]
    said = [
        f"{number_format(number, force_grouping=True)} {_tile_words(counts, verdicts, label)}"
        for number, verdicts, label in parts
        if number
    ]
    return ", ".join(said) or _("no volume yet")


def _tile_words(counts: dict[Verdict, int], verdicts: tuple[Verdict, ...], label: str) -> str:
    present = [verdict for verdict in verdicts if counts.get(verdict)]
    return _("late") if present == [Verdict.LATE] else label[:1].lower() + label[1:]


def _members(team: Team) -> str:
    """Who may answer, for those who may not."""
    roles = [Role.MEMBER, Role.ADMIN]
    people = User.objects.filter(memberships__team=team, memberships__role__in=roles, is_active=True)
    return ", ".join(person.email for person in people.order_by("email")[:MOST_NAMES])
