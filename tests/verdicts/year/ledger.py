"""Problems as a reader of every page would note them down, held against those that are stored."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from snapshots.alerts.tick import Ticker
from snapshots.models import Problem
from tests.verdicts.year import truth

Key = tuple[int, str]
# Whether a volume had a problem at a moment, by the truth as its newest list allows it to be known.
WasBad = Callable[[Key, datetime], bool]
MINUTE = timedelta(minutes=1)


class Ledger:
    """Begins and ends by the words that pages said: "unknown" changes nothing."""

    def __init__(self) -> None:
        self.ticker = Ticker()
        self.open: dict[Key, str] = {}
        self.begun: dict[Key, int] = {}
        self._known: dict[int, Key] = {}
        self._ended: set[int] = set()

    def compare(self, said: Mapping[Key, str], was_bad: WasBad | None = None) -> list[str]:
        """Tick, as the worker does each round, and return what differs. `was_bad`: if deadlines can be checked too."""
        self.ticker.tick()
        for key, word in said.items():
            if word in truth.PROBLEMS:
                self.begun[key] = self.begun.get(key, 0) + (key not in self.open)
                self.open[key] = word
            elif word != "unknown":
                self.open.pop(key, None)
        places = {pk for pk, _id in said}
        stored = Problem.objects.filter(environment__in=places, volume__isnull=False).select_related("volume")
        found: dict[Key, str] = {}
        wrong: list[str] = []
        for problem in stored.exclude(pk__in=self._ended):
            assert problem.volume is not None
            key = (problem.environment_id, problem.volume.volume_id)
            if problem.is_open:
                found[key] = problem.code
            else:
                self._ended.add(problem.pk)
            if problem.pk not in self._known:
                self._known[problem.pk] = key
                wrong += self._wrong_begin(problem, key, was_bad)
        expected = {key: word for key, word in self.open.items() if key[0] in places}
        wrong += [
            f"stored problem of {key}: {found.get(key)}, not {expected.get(key)}"
            for key in {*expected, *found}
            if found.get(key) != expected.get(key)
        ]
        return wrong

    def _wrong_begin(self, problem: Problem, key: Key, was_bad: WasBad | None) -> list[str]:
        count = sum(other == key for other in self._known.values())
        if count > self.begun.get(key, 0):
            return [f"{key} has {count} problems, not {self.begun.get(key, 0)}"]
        is_exact = problem.began_after == problem.began_at
        if was_bad is None or not is_exact or count > 1:
            return []
        before, after = was_bad(key, problem.began_at - MINUTE), was_bad(key, problem.began_at + MINUTE)
        return [] if (before, after) == (False, True) else [f"{key} began {problem.began_at}: {before}, {after}"]
