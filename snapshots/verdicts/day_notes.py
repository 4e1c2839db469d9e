"""How an environment's volumes stood, day by day (UTC): one small row a day, of the day's worst moment.

A day without a complete list has no row: nothing is known of it.
"""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, Q

from snapshots.models import Environment, VerdictDay
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.sql import DataAges, volumes_of_team, with_verdicts

COUNTS = {
    Verdict.NONE: "none",
    Verdict.LATE: "problem",
    Verdict.STUCK: "problem",
    Verdict.FAILING: "problem",
    Verdict.UNKNOWN: "unknown",
    Verdict.NEW: "good",
    Verdict.RUNNING: "good",
    Verdict.FRESH: "good",
}
# Not a literal: the type checker knows no annotated column.
VERDICT = ("verdict",)


class Stand(NamedTuple):
    """How many volumes stood how; excluded and deleted ones are not among them. The worse compares greater."""

    bad: int
    none: int
    unknown: int
    good: int

    @property
    def problem(self) -> int:
        return self.bad - self.none


def note(environment: Environment) -> Stand | None:
    """Keep how the volumes stand by the newest complete list, if that is the worst of its day so far.

    Returns how they stand; None without a list.
    """
    if environment.listed_at is None or environment.data_at is None:
        return None
    stand = stand_at(environment, environment.listed_at)
    values = {"none": stand.none, "problem": stand.problem, "unknown": stand.unknown, "good": stand.good}
    day = environment.listed_at.date()
    same_day = VerdictDay.objects.filter(environment=environment, day=day)
    stored = same_day.values(*values).first()
    # Nearly every list finds what the one before it stored.
    if stored == values:
        return stand
    if stored is None:
        VerdictDay.objects.bulk_create([VerdictDay(environment=environment, day=day, **values)], ignore_conflicts=True)
    # One statement, so that of two syncs that write at the same time the worse one stays.
    same_day.alias(bad=F("none") + F("problem")).filter(_is_better_than(stand)).update(**values)
    return stand


def stand_at(environment: Environment, moment: datetime) -> Stand:
    ages = DataAges.of([environment], moment)
    volumes = with_verdicts(volumes_of_team([environment]), ages).order_by()
    numbers = dict.fromkeys(COUNTS.values(), 0)
    for verdict, number in volumes.values_list(*VERDICT).annotate(number=Count("pk")):
        if Verdict(verdict) in COUNTS:
            numbers[COUNTS[Verdict(verdict)]] += number
    bad = numbers["none"] + numbers["problem"]
    return Stand(bad, numbers["none"], numbers["unknown"], numbers["good"])


def _is_better_than(stand: Stand) -> Q:
    """What is stored is not as bad; where it is, the later one counts, which knows the day's newest volumes."""
    return (
        Q(bad__lt=stand.bad)
        | Q(bad=stand.bad, none__lt=stand.none)
        | Q(bad=stand.bad, none=stand.none, unknown__lte=stand.unknown)
    )
