"""What the pictures of the volumes page show: each day's verdicts of the last 90 days, summed over environments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Sum

from snapshots.models import Environment, VerdictDay

DAYS = 90
# From the top of a column to its foot, as in `VerdictDay`.
SHARES = ("none", "problem", "unknown", "good")


@dataclass(frozen=True, slots=True)
class Day:
    """How many volumes stood how at the worst moment of a day; all 0: there was no complete list that day."""

    day: date
    none: int = 0
    problem: int = 0
    unknown: int = 0
    good: int = 0

    @property
    def total(self) -> int:
        return self.none + self.problem + self.unknown + self.good

    @property
    def bad(self) -> int:
        return self.none + self.problem

    @property
    def bad_share(self) -> float:
        return self.bad / self.total if self.total else 0.0


def history(environments: Sequence[Environment], today: date) -> list[Day]:
    """The last 90 days, oldest first."""
    first = today - timedelta(days=DAYS - 1)
    rows = VerdictDay.objects.filter(environment__in=environments, day__range=(first, today))
    sums = {name: Sum(name) for name in SHARES}
    found = {one["day"]: Day(**one) for one in rows.values("day").annotate(**sums)}
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return [found.get(day, Day(day)) for day in days]
