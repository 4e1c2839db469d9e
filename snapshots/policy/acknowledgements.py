"""Write what a team says of its problems. Call it inside a transaction, under the locks of the environments."""

from collections.abc import Collection, Mapping, Sequence

from django.utils.translation import ngettext

from dashboard.teams.models import Team
from snapshots.models import Problem
from snapshots.policy.exclusions import batches, raise_generation


def of_team(team: Team, pks: Collection[int]) -> list[Problem]:
    """Read those of these problems that are the team's and still open."""
    rows = Problem.objects.of_team(team).current().select_related("volume", "environment")
    return [problem for batch in batches(sorted(pks)) for problem in rows.filter(pk__in=batch)]


def update(problems: Sequence[Problem], values: Mapping[str, object]) -> None:
    for batch in batches([problem.pk for problem in problems]):
        Problem.objects.filter(pk__in=batch).update(**values)
    raise_generation(problem.environment_id for problem in problems)


def names(problems: Sequence[Problem]) -> str:
    """Problems of one environment, as the audit names them."""
    place = problems[0].environment.place
    if problems[0].volume is None:
        return place
    if len(problems) == 1:
        return f"{problems[0].volume} · {place}"
    said = ngettext("%(number)d volume", "%(number)d volumes", len(problems)) % {"number": len(problems)}
    return f"{said} · {place}"
