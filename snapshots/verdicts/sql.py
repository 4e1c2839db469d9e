"""The current verdict of volumes, in SQL: the one place that compares stored moments with the clock.

What depends on the environment alone (how old its data is, whether it is excluded) is worked out before, so that the
database only compares moments. Pages, API, metrics and exports all read these annotations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import ceil
from typing import Any, NamedTuple, Self

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Expression, F, Q, Value, When
from django.db.models.fields import CharField, DateTimeField, SmallIntegerField
from django.db.models.sql.compiler import SQLCompiler

from snapshots.models import Environment, RuleTime, Volume
from snapshots.models.environment import in_whole
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
    found: VolumeQuerySet = volumes.annotate(
        verdict_by_data=OfVolume(BY_DATA, SmallIntegerField()), verdict=OfVolume(_verdict(ages), SmallIntegerField())
    )
    return found


def with_status(volumes: VolumeQuerySet, ages: DataAges) -> VolumeQuerySet:
    """As `with_verdicts`, and what explains a verdict: `verdict_reason`, `verdict_since` and `provider_now`.

    `verdict_reason` is a value of `Reason`, or None where the verdict is known. `verdict_since` is None where no stored
    moment says since when it holds.
    """
    found: VolumeQuerySet = with_verdicts(volumes, ages).annotate(
        provider_now=OfVolume(_provider_now(ages), DateTimeField()),
        verdict_reason=_reason(ages),
        verdict_since=OfVolume(_since(ages), DateTimeField()),
    )
    return found


def begun_since(volumes: VolumeQuerySet, moment: datetime, ages: DataAges) -> VolumeQuerySet:
    """Of volumes with verdicts those with a problem that began after a moment, by our clock."""
    shifted = replace(ages, now=moment, elsewhere=[(pk, moment + (then - ages.now)) for pk, then in ages.elsewhere])
    problems = [verdict for verdict in Verdict if verdict.is_problem]
    begun = volumes.filter(Q(verdict__in=problems)).alias(verdict_since=OfVolume(_since(ages), DateTimeField()))
    found: VolumeQuerySet = begun.filter(Q(verdict_since__gt=OfVolume(_provider_now(shifted), DateTimeField())))
    return found


class Sql(NamedTuple):
    """Text over a volume's columns, as `{v}.name`, and `{data_at}`. Numbers are part of it, other values are params."""

    text: str
    params: tuple[object, ...] = ()


class OfVolume(Expression):
    """SQL of a volume, as text: Django takes longer to write a tree of `Case` and `When` than a database to run it."""

    def __init__(self, sql: Sql, output_field: "DateTimeField[Any, Any] | SmallIntegerField[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.sql = sql
        self.of: list[Any] = [F("pk"), F("environment__data_at")]

    def get_source_expressions(self) -> list[Any]:
        return self.of

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.of = list(exprs)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        pk, data_at = self.of
        table, moment = compiler.quote_name_unless_alias(pk.alias), compiler.compile(data_at)[0]
        params = tuple(
            connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
            for value in self.sql.params
        )
        return self.sql.text.format(v=table, data_at=moment), params


def _verdict(ages: DataAges) -> Sql:
    of_now, of_old = _provider_now(ages), [(pk, ceil(age.total_seconds())) for pk, age in ages.old]
    too_old = " OR ".join(f"{{v}}.environment_id = {pk} AND {{v}}.patience < {seconds}" for pk, seconds in of_old)
    return Sql(
        f"""CASE
        WHEN {{v}}.deleted_at IS NOT NULL THEN {Verdict.DELETED:d}
        WHEN {{v}}.excluded_until > %s OR {_is_in(ages.excluded)} THEN {Verdict.EXCLUDED:d}
        WHEN {_is_in(ages.blind)} THEN {Verdict.UNKNOWN:d}
        /* Nearly every volume ends here, with one comparison. */
        WHEN {_is_good_at(of_now.text)} THEN {BY_DATA.text}
        WHEN {BY_DATA.text} < {Verdict.FAILING:d} OR {too_old or "1 = 0"} THEN {Verdict.UNKNOWN:d}
        ELSE {BY_DATA.text}
        END""",
        (ages.now, *of_now.params),
    )


def rule_state(ages: DataAges) -> Sql:
    """Whether a volume's rule was met at the newest complete list: the values of `RuleTime.State`, 0 if not counted."""
    return Sql(
        f"""CASE
        WHEN {{v}}.deleted_at IS NOT NULL THEN 0
        WHEN {{v}}.excluded_until > %s OR {_is_in(ages.excluded)} THEN 0
        WHEN {_is_good_at("{data_at}")} THEN {RuleTime.State.MET:d}
        WHEN {BY_DATA.text} < {Verdict.UNKNOWN:d} THEN {RuleTime.State.MET:d}
        WHEN {BY_DATA.text} = {Verdict.UNKNOWN:d} THEN {RuleTime.State.UNKNOWN:d}
        ELSE {RuleTime.State.NOT_MET:d}
        END""",
        (ages.now,),
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


def _since(ages: DataAges) -> Sql:
    verdict, now = _verdict(ages), _provider_now(ages)
    known = " ".join(
        f"WHEN {verdict_:d} THEN CASE WHEN {{v}}.{column} > %s AND {{v}}.{column} <= {now.text} THEN {{v}}.{column} END"
        for verdict_, column in COLUMNS.items()
    )
    return Sql(f"CASE {verdict.text} {known} END", (*verdict.params, *(ALWAYS, *now.params) * len(COLUMNS)))


def _worst_at(moment: str) -> str:
    good = _whens(GOOD, moment)
    others = _whens({verdict: column for verdict, column in COLUMNS.items() if verdict not in GOOD}, moment)
    fresh = f"ELSE {Verdict.FRESH:d} END"
    return f"CASE WHEN {_is_good_at(moment)} THEN CASE {good} {fresh} {others} {fresh}"


def _whens(columns: Mapping[Verdict, str], moment: str) -> str:
    return " ".join(f"WHEN {{v}}.{column} <= {moment} THEN {verdict:d}" for verdict, column in columns.items())


def _is_good_at(moment: str) -> str:
    return f"({{v}}.doubt_from IS NULL OR {{v}}.doubt_from > {moment})"


def _provider_now(ages: DataAges) -> Sql:
    if not ages.elsewhere:
        return Sql("%s", (ages.now,))
    times = " ".join(f"WHEN {pk} THEN %s" for pk, _then in ages.elsewhere)
    return Sql(f"CASE {{v}}.environment_id {times} ELSE %s END", (*(then for _pk, then in ages.elsewhere), ages.now))


def _is_in(environments: Sequence[int]) -> str:
    return f"{{v}}.environment_id IN ({', '.join(map(str, environments))})" if environments else "1 = 0"


BY_DATA = Sql(_worst_at("{data_at}"))


def volumes_of_team(environments: Sequence[Environment]) -> VolumeQuerySet:
    """A team's volumes, by the environments that it shows and that are not half written."""
    found: VolumeQuerySet = Volume.objects.filter(in_whole(environments))
    return found


def is_checked(ages: DataAges) -> Q:
    """Neither deleted nor excluded."""
    excluded = Q(excluded_until__isnull=False, excluded_until__gt=ages.now) | Q(environment__in=ages.excluded)
    return Q(deleted_at__isnull=True) & ~excluded
