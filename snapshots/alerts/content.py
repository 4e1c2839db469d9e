"""What an alert says of its problems: kept with it, so that all receivers get the same at each try.

For JSON. Names are as the provider gave them: each channel makes them safe for its own format.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from snapshots.models import Environment, Problem

MOST_LISTED = 100
FACTS = ("usable", "newest_after", "newest_before", "last_usable_at", "schedule", "due", "deadline", "target_hours")
Kind = Problem.Kind


def content_of(environment: Environment, kind: int, problems: Sequence[Problem], *, others: int) -> dict[str, object]:
    """Return an alert's content: the longest problems first. `others`: how many other problems the team has open."""
    ordered = sorted(problems, key=lambda problem: (problem.began_at, problem.pk))
    return {
        "count": len(ordered),
        "since": _iso(_since(kind, ordered)),
        "has_due": kind == Kind.LATE and all(problem.facts.get("due") for problem in ordered),
        "began_after": _iso(ordered[0].began_after),
        "began_at": _iso(ordered[0].began_at),
        "ended_at": _iso(max((problem.ended_at for problem in ordered if problem.ended_at), default=None)),
        "ends": Counter(problem.end for problem in ordered if problem.end),
        "usable": sum(bool(problem.facts.get("usable")) for problem in ordered),
        "checked_at": _iso(environment.listed_at),
        "others": others,
        "problems": [_problem(problem) for problem in ordered[:MOST_LISTED]],
    }


def _problem(problem: Problem) -> dict[str, object]:
    volume = problem.volume
    return {
        "id": problem.pk,
        "status": problem.code,
        "began_after": _iso(problem.began_after),
        "began_at": _iso(problem.began_at),
        "ended_at": _iso(problem.ended_at),
        "end": problem.end or None,
        "volume": {"id": volume.volume_id, "name": volume.name, "instance": volume.instance_name} if volume else None,
        "facts": {name: problem.facts.get(name) for name in FACTS} if volume else problem.facts,
    }


def _since(kind: int, problems: Iterable[Problem]) -> datetime:
    """Return since when, for its title: when the first run was due, or began, or else when the first problem did."""
    fact = {Kind.LATE: "due", Kind.STUCK: "running_since"}.get(Kind(kind), "")
    moments = [problem.facts.get(fact) for problem in problems]
    if fact and all(moments):
        return min(datetime.fromisoformat(str(moment)) for moment in moments)
    return min(problem.began_at for problem in problems)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
