"""What stopped at once: many volumes of one environment whose runs failed to come within the same hour."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from snapshots.lists.volume_list import Tally
from snapshots.models import Environment
from snapshots.models.volume import VolumeQuerySet
from snapshots.rules.verdict import Verdict
from snapshots.verdicts.status import read_parts

WITHIN = timedelta(hours=1)
LEAST_VOLUMES = 5
LEAST_PERCENT = 30
READ = ("environment_id", "answers", "verdict", "verdict_by_data")
STOPPED = (Verdict.LATE, Verdict.STUCK, Verdict.FAILING)


class Outage(NamedTuple):
    """Runs in an environment stopped at about `at`, by the provider's clock, for `number` volumes."""

    environment: Environment
    at: datetime
    number: int


def outages(volumes: VolumeQuerySet, counted: Iterable[Tally], environments: Sequence[Environment]) -> list[Outage]:
    """Find them. `volumes` are those of the tallies; rows are read of environments alone that have enough problems."""
    judged: Counter[int] = Counter()
    stopped: Counter[int] = Counter()
    for tally in counted:
        if tally.verdict < Verdict.EXCLUDED:
            judged[tally.environment_id] += tally.number
            if tally.verdict_by_data in STOPPED:
                stopped[tally.environment_id] += tally.number
    suspects = {place.pk: place for place in environments if is_many(stopped[place.pk], judged[place.pk])}
    return _found(volumes, suspects, judged) if suspects else []


def is_many(number: int, of: int) -> bool:
    return number >= LEAST_VOLUMES and number * 100 >= of * LEAST_PERCENT


def _found(volumes: VolumeQuerySet, suspects: Mapping[int, Environment], judged: Mapping[int, int]) -> list[Outage]:
    missed: dict[int, list[datetime]] = {pk: [] for pk in suspects}
    rows = volumes.filter(environment__in=list(suspects)).order_by().values_list(*READ)
    for place, answers, verdict, by_data in rows:
        if verdict >= Verdict.EXCLUDED or by_data not in STOPPED:
            continue
        at = suspects[place].data_at
        dues = [part.due for part in read_parts(answers) if part.due and at and part.thresholds.at(at) in STOPPED]
        if dues:
            missed[place].append(min(dues))
    found = []
    for place, dues in missed.items():
        began, number = _densest(sorted(dues))
        if began is not None and is_many(number, judged[place]):
            found.append(Outage(suspects[place], began, number))
    return found


def _densest(moments: Sequence[datetime]) -> tuple[datetime | None, int]:
    """The hour that holds the most of these moments, which are in order: its first one, and how many they are."""
    began, most, start = None, 0, 0
    for end, moment in enumerate(moments):
        while moment - moments[start] > WITHIN:
            start += 1
        if end - start + 1 > most:
            began, most = moments[start], end - start + 1
    return began, most
