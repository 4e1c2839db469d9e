"""From a team just made to its first list: which step is missing, and how far the first fetch is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.teams.access.guard import may
from dashboard.teams.models import Membership, Team
from dashboard.teams.models.keys import key_of
from snapshots.models import Environment
from snapshots.text.faults import fault_reason

KEY_STEP, ENVIRONMENTS_STEP, DONE = 2, 3, 0
PAGES = {KEY_STEP: "snapshots:key", ENVIRONMENTS_STEP: "snapshots:environments", DONE: "snapshots:list"}
FIRST_FETCH = timedelta(minutes=1)
"""So long after a team's first list others may come in under the reader; later a new environment moves nothing."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the first fetch of one environment is; tone ok, bad, busy or quiet."""

    mark: str
    tone: str
    place: str
    text: str


def missing_step(team: Team) -> int:
    """The step of the set-up that is not made yet, or `DONE`."""
    if key_of(team) is None:
        return KEY_STEP
    return DONE if team.environments.exists() else ENVIRONMENTS_STEP


def step_url(membership: Membership) -> str:
    """The page of the missing step, for who may make it, or the list that counts the first fetch; else empty."""
    step = missing_step(membership.team)
    if step == DONE:
        is_theirs = bool(first_fetch(membership.team.environments.all(), timezone.now()))
    else:
        is_theirs = may(membership, PAGES[step])
    return reverse(PAGES[step], args=[membership.team.slug]) if is_theirs else ""


def first_fetch(environments: Iterable[Environment], now: datetime) -> list[Progress]:
    """One line for each environment while the team's first fetch goes on; none once all were asked."""
    environments = list(environments)
    first = min((each.first_listed_at for each in environments if each.first_listed_at), default=now)
    if now - first > FIRST_FETCH or all(each.answered_at or each.fault_kind for each in environments):
        return []
    return [_progress(environment, now) for environment in environments]


def _progress(environment: Environment, now: datetime) -> Progress:
    place = environment.place
    if environment.answered_at:
        return Progress("✓", "ok", place, _snapshots(int(environment.facets.get("listed", 0))))
    if environment.fault_kind:
        return Progress("✕", "bad", place, fault_reason(environment))
    if environment.lease_until and environment.lease_until > now:
        return Progress("◐", "busy", place, _("being fetched"))
    return Progress("–", "quiet", place, _("waiting"))


def _snapshots(count: int) -> str:
    number = {"number": number_format(count, force_grouping=True)}
    return ngettext("%(number)s snapshot fetched", "%(number)s snapshots fetched", count) % number
