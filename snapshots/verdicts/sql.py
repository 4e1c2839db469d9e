"""The current verdict of volumes, in SQL: the one place that compares stored moments with the clock.

What depends on the environment alone (how old its data is, whether it is excluded) is worked out before, so that the
database only compares moments. Pages, API, metrics and exports all read these annotations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import ceil
from typing import Self

from django.db.models import Case, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.fields import CharField, DateTimeField, SmallIntegerField

from snapshots.models import Environment, Volume
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.judge import LEAST_PATIENCE
from snapshots.rules.verdict import ALWAYS, Verdict, is_usable_age

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
# "Without end" of an exclusion.
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


class Reason(Enum):
    """Why a verdict is unknown."""

    NEVER_LISTED = "never_listed"
    OLD_DATA = "old_data"
    TIME = "time"
    UNKNOWN_STATE = "unknown_state"
    UNKNOWN_TYPE = "unknown_type"
    # No list that was requested with the current key had one of its snapshots.
    HIDDEN = "hidden"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class DataAges:
    """How old the data of a team's environments is at a moment; each as the environment's primary key."""

    now: datetime
    # Without a complete list, and those whose data is too old for any verdict.
    never_listed: Sequence[int]
    too_old: Sequence[int]
    excluded: Sequence[int]
    # With the age of the data, where it may exceed a volume's patience.
    old: Sequence[tuple[int, timedelta]]
    # With the provider's time, where its clock differs from ours.
    elsewhere: Sequence[tuple[int, datetime]]

    @classmethod
    def of(cls, environments: Iterable[Environment], now: datetime) -> Self:
        never_listed, too_old, excluded, old, elsewhere = [], [], [], [], []
        for environment in environments:
            if environment.excluded_until is not None and environment.excluded_until > now:
                excluded.append(environment.pk)
            age, data_at = environment.data_age(now), environment.data_at
            if age is None or data_at is None:
                never_listed.append(environment.pk)
                continue
            if not is_usable_age(age):
                too_old.append(environment.pk)
            elif age > LEAST_PATIENCE:
                old.append((environment.pk, age))
            provider_now = data_at + max(age, timedelta()) + environment.clocks_apart
            if provider_now != now:
                elsewhere.append((environment.pk, provider_now))
        return cls(now, never_listed, too_old, excluded, old, elsewhere)

    @property
    def blind(self) -> Sequence[int]:
        """Environments without data for any verdict."""
        return [*self.never_listed, *self.too_old]


def with_verdicts(volumes: VolumeQuerySet, ages: DataAges) -> VolumeQuerySet:
    """Annotate volumes with `verdict`, which holds now, and `verdict_by_data`, which held at the newest list."""
    of_data = volumes.alias(data_at=F("environment__data_at")).annotate(verdict_by_data=_worst_at(F("data_at")))
    found: VolumeQuerySet = of_data.annotate(verdict=_verdict(ages))
    return found


def with_status(volumes: VolumeQuerySet, ages: DataAges) -> VolumeQuerySet:
    """As `with_verdicts`, and what explains a verdict: `verdict_reason`, `verdict_since` and `provider_now`.

    `verdict_reason` is a value of `Reason`, or None where the verdict is known. `verdict_since` is None where no stored
    moment says since when it holds.
    """
    judged = with_verdicts(volumes, ages).annotate(provider_now=_provider_now(ages))
    found: VolumeQuerySet = judged.annotate(verdict_reason=_reason(ages), verdict_since=_since())
    return found


def begun_since(volumes: VolumeQuerySet, moment: datetime, ages: DataAges) -> VolumeQuerySet:
    """Of volumes with verdicts those with a problem that began after a moment, by our clock."""
    shifts = [
        When(environment=pk, then=Value(moment + (then - ages.now), output_field=DateTimeField()))
        for pk, then in ages.elsewhere
    ]
    after = Case(*shifts, default=Value(moment, output_field=DateTimeField())) if shifts else Value(moment)
    of_now = volumes.alias(provider_now=_provider_now(ages)).alias(verdict_since=_since())
    problems = [verdict for verdict in Verdict if verdict.is_problem]
    found: VolumeQuerySet = of_now.filter(Q(verdict__in=problems), Q(verdict_since__gt=after))
    return found


def _verdict(ages: DataAges) -> Case:
    problem = Q(verdict_by_data__gte=Verdict.FAILING)
    return Case(
        When(deleted_at__isnull=False, then=_value(Verdict.DELETED)),
        When(Q(excluded_until__gt=ages.now) | Q(environment__in=ages.excluded), then=_value(Verdict.EXCLUDED)),
        When(environment__in=ages.blind, then=_value(Verdict.UNKNOWN)),
        # Nearly every volume ends here, with one comparison.
        When(_is_good_at(_provider_now(ages)), then=F("verdict_by_data")),
        *(
            When(problem & Q(environment=pk, patience__lt=ceil(age.total_seconds())), then=_value(Verdict.UNKNOWN))
            for pk, age in ages.old
        ),
        When(problem, then=F("verdict_by_data")),
        # It was good, and its deadline has passed since the newest list: whether a run came is unknown.
        default=_value(Verdict.UNKNOWN),
        output_field=SmallIntegerField(),
    )


def _reason(ages: DataAges) -> Case:
    """Return why the verdict is unknown. `snapshots.verdicts.status` decides whether a time or a row is uncertain."""
    return Case(
        When(~Q(verdict=Verdict.UNKNOWN), then=Value(None)),
        When(environment__in=ages.never_listed, then=Value(Reason.NEVER_LISTED.value)),
        When(Q(environment__in=ages.too_old) | ~Q(verdict_by_data=Verdict.UNKNOWN), then=Value(Reason.OLD_DATA.value)),
        When(doubts__has_key="hidden", then=Value(Reason.HIDDEN.value)),
        When(doubts__has_key="unknown_state", then=Value(Reason.UNKNOWN_STATE.value)),
        When(doubts__has_key="unknown_type", newest_before__isnull=False, then=Value(Reason.UNKNOWN_TYPE.value)),
        default=Value(Reason.IN_DOUBT.value),
        output_field=CharField(),
    )


def _since() -> Case:
    known = [
        When(**{"verdict": verdict, f"{column}__gt": ALWAYS, f"{column}__lte": F("provider_now")}, then=F(column))
        for verdict, column in COLUMNS.items()
    ]
    return Case(*known, default=Value(None), output_field=DateTimeField())


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


def is_checked(ages: DataAges) -> Q:
    """Neither deleted nor excluded."""
    excluded = Q(excluded_until__isnull=False, excluded_until__gt=ages.now) | Q(environment__in=ages.excluded)
    return Q(deleted_at__isnull=True) & ~excluded
