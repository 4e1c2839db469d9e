"""What the mirror says of itself, for Prometheus: read from the rows alone, with a fixed number of queries.

Labels are bounded: verdicts, states and faults by lists in the code, environments by what the teams entered; volumes
are named where they have a problem, and of those the oldest of each environment alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from dashboard.http.metrics import BUILD, OF_WEB, About, build
from snapshots.cloudca.errors import CloudError
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_list import narrowed, tallies
from snapshots.models import Environment, Problem
from snapshots.models.environment import in_whole
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.states import STATES
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.sql import DataAges

Family = GaugeMetricFamily | CounterMetricFamily
PLACE = ("team", "environment")
OTHER = "other"
MOST_VOLUMES = 50
MOST_NAME = 60
PROBLEMS = [verdict for verdict in Verdict if verdict.is_problem]


def _kinds(family: type[CloudError]) -> Iterator[str]:
    for kind in family.__subclasses__():
        yield kind.kind
        yield from _kinds(kind)


# What may go wrong with a list, in the words that are stored.
FAULTS = (*sorted({*_kinds(CloudError), "internal", "key_unreadable"}), OTHER)
STATES_TOLD = (*STATES, OTHER)

VOLUMES = About(
    "snapshots_volumes",
    "gauge",
    (*PLACE, "verdict"),
    "Volumes by their current verdict, as on the volumes page; with excluded and deleted, so that "
    "the sum is all volumes.",
    f"{len(Verdict)} an environment",
)
AGE = About(
    "snapshots_volume_newest_usable_age_seconds",
    "gauge",
    (*PLACE, "volume_id", "volume"),
    "How old the newest usable snapshot of a volume with a problem (none, late, stuck, failing) is at least; +Inf: it "
    f"has none. Of each environment the {MOST_VOLUMES} oldest; the name is cut to {MOST_NAME} characters.",
    f"{MOST_VOLUMES} an environment",
)
LEFT_OUT = About(
    "snapshots_volume_ages_left_out",
    "gauge",
    PLACE,
    f"Volumes with a problem whose age is left out, because there are more than {MOST_VOLUMES}.",
    "1 an environment",
)
PROBLEMS_OPEN = About(
    "snapshots_problems",
    "gauge",
    (*PLACE, "kind"),
    "Open problems by kind; silent and refused are the environment's own.",
    f"{len(Problem.Kind)} an environment",
)
IN_STATE = About(
    "snapshots_in_state",
    "gauge",
    (*PLACE, "state"),
    f"Listed snapshots by the provider's state; {OTHER}: any that the dashboard does not know.",
    f"{len(STATES_TOLD)} an environment",
)
DATA_AGE = About(
    "snapshots_data_age_seconds",
    "gauge",
    PLACE,
    "How long ago the newest complete list was requested; +Inf: there is none yet.",
    "1 an environment",
)
LISTED_AT = About(
    "snapshots_listed_timestamp_seconds",
    "gauge",
    PLACE,
    "When the newest complete list was requested, in Unix time; 0: never.",
    "1 an environment",
)
DURATION = About(
    "snapshots_sync_duration_seconds",
    "gauge",
    PLACE,
    "How long the request for the last stored list took; absent before the first.",
    "1 an environment",
)
FAILURES = About(
    "snapshots_sync_failures_total",
    "counter",
    (*PLACE, "fault"),
    "Failed requests for a list, by what went wrong. Counted in the database: no restart resets it.",
    f"{len(FAULTS)} an environment",
)
IN_A_ROW = About(
    "snapshots_sync_failures_in_a_row",
    "gauge",
    PLACE,
    "Failures since the last list; 0: the last sync worked.",
    "1 an environment",
)
NEXT_TRY = About(
    "snapshots_sync_next_try_timestamp_seconds",
    "gauge",
    PLACE,
    "When the next sync after a failure may start, in Unix time; absent without a failure.",
    "1 an environment",
)
OF_MIRROR = (
    VOLUMES,
    AGE,
    LEFT_OUT,
    PROBLEMS_OPEN,
    IN_STATE,
    DATA_AGE,
    LISTED_AT,
    DURATION,
    FAILURES,
    IN_A_ROW,
    NEXT_TRY,
)
ALL = (*OF_MIRROR, BUILD, *OF_WEB)


class Mirror(Collector):
    """The metrics of some environments at a moment. Their teams are fetched with them."""

    def __init__(self, environments: Sequence[Environment], now: datetime) -> None:
        self.environments, self.now = environments, now

    def collect(self) -> Iterator[Family]:
        yield from _volumes(self.environments, self.now)
        yield _problems(self.environments)
        yield _states(self.environments)
        yield from _data(self.environments, self.now)
        yield from _syncs(self.environments)
        yield build()


def _family(about: About) -> Family:
    family = CounterMetricFamily if about.kind == "counter" else GaugeMetricFamily
    return family(about.name, about.meaning, labels=about.labels)


def _place(environment: Environment) -> list[str]:
    return [environment.team.slug, environment.path]


def _volumes(environments: Sequence[Environment], now: datetime) -> Iterator[Family]:
    volumes = narrowed(environments, VolumeFilters(), DataAges.of(environments, now))
    counts: dict[int, dict[Verdict, int]] = defaultdict(lambda: dict.fromkeys(Verdict, 0))
    for tally in tallies(volumes, environments, None):
        counts[tally.environment_id][tally.verdict] += tally.number
    yield _verdicts(environments, counts)
    yield _ages(environments, volumes, now)
    yield _left_out(environments, counts)


def _verdicts(environments: Iterable[Environment], counts: Mapping[int, Mapping[Verdict, int]]) -> Family:
    family = _family(VOLUMES)
    for environment in environments:
        for verdict, number in counts[environment.pk].items():
            family.add_metric([*_place(environment), verdict.name.lower()], number)
    return family


def _ages(environments: Iterable[Environment], volumes: VolumeQuerySet, now: datetime) -> Family:
    """Ages go by the provider's clock, as the names of snapshots do."""
    family, places = _family(AGE), {environment.pk: environment for environment in environments}
    for pk, volume_id, name, newest in _oldest_problems(volumes):
        here = now + timedelta(seconds=places[pk].clock_ahead)
        age = max(0.0, (here - newest).total_seconds()) if newest else inf
        family.add_metric([*_place(places[pk]), volume_id, name[:MOST_NAME]], age)
    return family


def _oldest_problems(volumes: VolumeQuerySet) -> Iterable[tuple[int, str, str, datetime | None]]:
    """Of each environment the volumes that have waited longest; first those that have nothing usable."""
    order = [F("newest_before").asc(nulls_first=True), F("pk").asc()]
    number = Window(RowNumber(), partition_by=F("environment_id"), order_by=order)
    oldest = volumes.filter(Q(verdict__in=PROBLEMS)).annotate(number=number).filter(number__lte=MOST_VOLUMES)
    found: Iterable[tuple[int, str, str, datetime | None]] = oldest.order_by("environment_id", "number").values_list(
        "environment_id", "volume_id", "name", "newest_before"
    )
    return found


def _left_out(environments: Iterable[Environment], counts: Mapping[int, Mapping[Verdict, int]]) -> Family:
    family = _family(LEFT_OUT)
    for environment in environments:
        number = sum(counts[environment.pk][verdict] for verdict in PROBLEMS)
        family.add_metric(_place(environment), max(0, number - MOST_VOLUMES))
    return family


def _problems(environments: Sequence[Environment]) -> Family:
    rows = Problem.objects.current().filter(in_whole(environments)).order_by()
    counts = {
        (pk, kind): number for pk, kind, number in rows.values_list("environment", "kind").annotate(n=Count("pk"))
    }
    family = _family(PROBLEMS_OPEN)
    for environment in environments:
        for kind in Problem.Kind:
            family.add_metric([*_place(environment), kind.code], counts.get((environment.pk, kind), 0))
    return family


def _states(environments: Iterable[Environment]) -> Family:
    """Snapshots by state, as counted whenever a row changed."""
    family = _family(IN_STATE)
    for environment in environments:
        for state, number in _folded(environment.facets.get("state", {}), STATES_TOLD).items():
            family.add_metric([*_place(environment), state], number)
    return family


def _data(environments: Iterable[Environment], now: datetime) -> Iterator[Family]:
    ages, moments = _family(DATA_AGE), _family(LISTED_AT)
    for environment in environments:
        at, age = environment.listed_at, environment.data_age(now)
        ages.add_metric(_place(environment), age.total_seconds() if age is not None else inf)
        moments.add_metric(_place(environment), at.timestamp() if at else 0)
    yield from (ages, moments)


def _syncs(environments: Iterable[Environment]) -> Iterator[Family]:
    durations, failures, row, tries = map(_family, (DURATION, FAILURES, IN_A_ROW, NEXT_TRY))
    for environment in environments:
        place = _place(environment)
        if environment.fetched_in is not None:
            durations.add_metric(place, environment.fetched_in)
        for fault, number in _folded(environment.fault_totals, FAULTS).items():
            failures.add_metric([*place, fault], number)
        row.add_metric(place, environment.fault_count)
        if environment.next_try_at:
            tries.add_metric(place, environment.next_try_at.timestamp())
    yield from (durations, failures, row, tries)


def _folded(counts: Mapping[str, int], known: Sequence[str]) -> dict[str, int]:
    """Counts under known names, all of them; what has another name under `OTHER`."""
    found = dict.fromkeys(known, 0)
    for name, number in counts.items():
        found[name if name in found else OTHER] += number
    return found
