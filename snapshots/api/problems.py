"""A team's problems: open ones and those that ended, the newest first, by cursor."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.core.signing import Signer
from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from msgspec import UNSET

from dashboard.teams.access.tokens import TokenRequest
from snapshots.api import responses, schemas
from snapshots.api.operations import USUAL_ROWS
from snapshots.api.responses import JSON, Asked
from snapshots.api.views import of_token
from snapshots.api.volume_verdicts import known_or_404, start_of
from snapshots.models import Environment, Problem
from snapshots.models.environment import in_whole
from snapshots.models.problem import ProblemQuerySet, quiet_at
from snapshots.text.labels import volume_name


def team_problems(request: TokenRequest, asked: Asked, team: str) -> HttpResponse:
    """Give one page of the problems, and how many there are."""
    environments, now = of_token(request), timezone.now()
    chosen = [each for each in environments if each.path in known_or_404(asked, environments)]
    found = _narrowed(asked, chosen, now)
    signer = Signer(salt=f"snapshots.api.problems:{request.team.pk}")
    start, limit = start_of(asked, signer), int(asked.get("limit", [str(USUAL_ROWS)])[0])
    page = found.select_related("volume").newest_first()
    if start is not None:
        at, pk = datetime.fromisoformat(str(start[0])), int(str(start[1]))
        page = page.filter(Q(began_at__lt=at) | Q(began_at=at, pk__lt=pk))
    rows = list(page[: limit + 1])
    last = rows[limit - 1] if len(rows) > limit else None
    metadata = schemas.ProblemMetadata(
        record_count=found.count(),
        next_cursor=signer.sign_object([last.began_at.isoformat(), last.pk]) if last else UNSET,
    )
    places = {each.pk: each for each in chosen}
    data = [_row(each, places[each.environment_id], now) for each in rows[:limit]]
    response = HttpResponse(msgspec.json.encode(schemas.ProblemList(data, metadata)), content_type=JSON)
    responses.say_age_of_all(response, chosen, now)
    return response


def _narrowed(asked: Asked, environments: Sequence[Environment], now: datetime) -> ProblemQuerySet:
    found: ProblemQuerySet = Problem.objects.filter(in_whole(environments))
    states = {
        "open": Q(ended_at__isnull=True),
        "acknowledged": Q(ended_at__isnull=True) & quiet_at(now),
        "ended": Q(ended_at__isnull=False),
    }
    if "state" in asked:
        found = found.filter(states[asked["state"][0]])
    if "kind" in asked:
        found = found.filter(kind__in=[Problem.Kind[code.upper()] for code in asked["kind"]])
    if "volume_id" in asked:
        found = found.filter(volume__volume_id=asked["volume_id"][0].lower())
    return found


def _row(problem: Problem, environment: Environment, now: datetime) -> schemas.Problem:
    volume = problem.volume
    after, until = problem.began_after, problem.acknowledged_until
    return schemas.Problem(
        id=problem.pk,
        kind=problem.code,
        service_code=environment.service_code,
        environment_name=environment.name,
        began=schemas.TimeRange(problem.began_at, UNSET if after is None else after),
        steps=[schemas.ProblemStep(kind, datetime.fromisoformat(at)) for kind, at in problem.steps],
        volume_id=volume.volume_id if volume else UNSET,
        volume=volume_name(volume.volume_id, volume.name) if volume else UNSET,
        ended=problem.ended_at or UNSET,
        end=problem.end or UNSET,
        acknowledged_until=until if until and problem.is_quiet(now) else UNSET,
        note=problem.note,
        ticket=problem.ticket,
    )
