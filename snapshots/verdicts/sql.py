"""The verdicts of a team's volumes at a moment, in SQL: `snapshots.rules.judge.status` over the stored thresholds.

What depends on the environment alone (how old its data is, whether it is judged at all) is found out before, so that
the database compares stored moments and nothing else. A test holds both against each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Self

from django.db.models import Case, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.fields import DateTimeField, SmallIntegerField

from snapshots.models import Environment, Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.judge import LEAST_PATIENCE
from snapshots.rules.verdict import Verdict, is_usable_age

# The columns of the thresholds, worst first.
COLUMNS = {
    Verdict.NONE: "none_from",
    Verdict.LATE: "late_from",
    Verdict.STUCK: "stuck_from",
    Verdict.FAILING: "failing_from",
    Verdict.UNKNOWN: "unknown_from",
    Verdict.NEW: "new_from",
    Verdict.RUNNING: "running_from",
}
GOOD = {verdict: column for verdict, column in COLUMNS.items() if verdict < Verdict.UNKNOWN}
# "Without end" of an exemption.
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DataAges:
    """How the data of a team's environments stands at a moment."""

    now: datetime
    blind: Sequence[int]
    exempt: Sequence[int]
    # Environment -> age of its data, where that is old enough to matter to anybody's patience.
    old: Sequence[tuple[int, timedelta]]
    # Environment -> its provider's time, where its clock is not ours.
    elsewhere: Sequence[tuple[int, datetime]]

    @classmethod
    def of(cls, environments: Iterable[Environment], now: datetime) -> Self:
        blind, exempt, old, elsewhere = [], [], [], []
        for environment in environments:
            age = age_of_data(environment, now)
            if environment.exempt_until is not None and environment.exempt_until > now:
                exempt.append(environment.pk)
            if age is None or environment.data_at is None or not is_usable_age(age):
                blind.append(environment.pk)
                continue
            if age > LEAST_PATIENCE:
                old.append((environment.pk, age))
            then = environment.data_at + max(age, timedelta()) + environment.clocks_apart
            if then != now:
                elsewhere.append((environment.pk, then))
        return cls(now, blind, exempt, old, elsewhere)


def age_of_data(environment: Environment, now: datetime) -> timedelta | None:
    """How long ago the newest complete list was asked for; None without one."""
    return environment.data_age(now)


def judged(volumes: VolumeQuerySet, ages: DataAges) -> VolumeQuerySet:
    """Annotate volumes with `said`, the verdict to show, and `then`, the one that the data gave."""
    found: VolumeQuerySet = volumes.alias(data_at=F("environment__data_at")).annotate(then=_worst_at(F("data_at")))
    return found.annotate(said=_said(ages))


def _said(ages: DataAges) -> Case:
    problem = Q(then__gte=Verdict.FAILING)
    return Case(
        When(deleted_at__isnull=False, then=_value(Verdict.DELETED)),
        When(Q(exempt_until__gt=ages.now) | Q(environment__in=ages.exempt), then=_value(Verdict.EXCLUDED)),
        When(environment__in=ages.blind, then=_value(Verdict.UNKNOWN)),
        # Nearly every volume ends here, with one comparison.
        When(_is_good_at(_provider_now(ages)), then=F("then")),
        *(
            When(problem & Q(environment=pk, patience__lt=ceil(age.total_seconds())), then=_value(Verdict.UNKNOWN))
            for pk, age in ages.old
        ),
        When(problem, then=F("then")),
        # What was good and may be so no more: no data tells whether a run came in time.
        default=_value(Verdict.UNKNOWN),
        output_field=SmallIntegerField(),
    )


def _worst_at(moment: Combinable) -> Case:
    good = Case(*_whens(GOOD, moment), default=_value(Verdict.FRESH), output_field=SmallIntegerField())
    return Case(
        When(_is_good_at(moment), then=good),
        *_whens({verdict: column for verdict, column in COLUMNS.items() if verdict not in GOOD}, moment),
        default=_value(Verdict.FRESH),
        output_field=SmallIntegerField(),
    )


def _whens(columns: Mapping[Verdict, str], moment: Combinable) -> list[When]:
    return [When(**{f"{column}__lte": moment}, then=_value(verdict)) for verdict, column in columns.items()]


def _is_good_at(moment: Combinable) -> Q:
    return Q(doubt_from__isnull=True) | Q(doubt_from__gt=moment)


def _provider_now(ages: DataAges) -> Combinable:
    now = Value(ages.now, output_field=DateTimeField())
    if not ages.elsewhere:
        return now
    times = [When(environment=pk, then=Value(then, output_field=DateTimeField())) for pk, then in ages.elsewhere]
    return Case(*times, default=now, output_field=DateTimeField())


def _value(verdict: Verdict) -> Value:
    return Value(int(verdict), output_field=SmallIntegerField())


def volumes_of_team(environments: Sequence[Environment]) -> VolumeQuerySet:
    """A team's volumes, by the environments that it shows."""
    found: VolumeQuerySet = Volume.objects.filter(environment__in=environments)
    return found


def is_judged(ages: DataAges) -> Q:
    """Neither gone nor exempt."""
    exempt = Q(exempt_until__isnull=False, exempt_until__gt=ages.now) | Q(environment__in=ages.exempt)
    return Q(deleted_at__isnull=True) & ~exempt
