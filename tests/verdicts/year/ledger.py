"""Problems as a reader of every page would note them down, held against those that are stored."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from snapshots.alerts.tick import Ticker
from snapshots.models import Problem
from tests.verdicts.year import truth
from tests.verdicts.year.shares import Shares

Key = tuple[int, str]
# Whether a volume had a problem at a moment, by the truth as its newest list allows it to be known.
WasBad = Callable[[Key, datetime], bool]
MINUTE = timedelta(minutes=1)


class Ledger:
    """Begins and ends by the words that pages said: "unknown" changes nothing.

    `sees_every_list`: whether a page is looked at with each list. If not, a list may have begun or ended one before the
    page said "unknown".
    """

    def __init__(self, *, sees_every_list: bool = True) -> None:
        self.sees_every_list = sees_every_list
        self.ticker, self.shares = Ticker(), Shares()
        self.open: dict[Key, str] = {}
        self.begun: dict[Key, int] = {}
        self.stored: dict[Key, int] = {}
        self._last = 0

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
        of_volumes = Problem.objects.filter(environment__in=places, volume__isnull=False).select_related("volume")
        found = {self._key(problem): problem.code for problem in of_volumes.current()}
        wrong: list[str] = []
        for problem in of_volumes.filter(pk__gt=self._last).order_by("pk"):
            wrong += self._wrong_begin(problem, was_bad)
            self._last = problem.pk
        if not self.sees_every_list:
            self._learn(said, found)
        expected = {key: word for key, word in self.open.items() if key[0] in places}
        wrong += [
            f"stored problem of {key}: {found.get(key)}, not {expected.get(key)}"
            for key in {*expected, *found}
            if found.get(key) != expected.get(key)
        ]
        return wrong

    def _learn(self, said: Mapping[Key, str], found: Mapping[Key, str]) -> None:
        for key, word in said.items():
            self.begun[key] = self.stored.get(key, 0)
            if word == "unknown":
                self.open.pop(key, None)
                self.open |= {key: found[key]} if key in found else {}

    def _key(self, problem: Problem) -> Key:
        assert problem.volume is not None
        return (problem.environment_id, problem.volume.volume_id)

    def _wrong_begin(self, problem: Problem, was_bad: WasBad | None) -> list[str]:
        key = self._key(problem)
        count = self.stored[key] = self.stored.get(key, 0) + 1
        if self.sees_every_list and count > self.begun.get(key, 0):
            return [f"{key} has {count} problems, not {self.begun.get(key, 0)}"]
        is_exact = problem.began_after == problem.began_at
        if was_bad is None or not is_exact or count > 1:
            return []
        before, after = was_bad(key, problem.began_at - MINUTE), was_bad(key, problem.began_at + MINUTE)
        return [] if (before, after) == (False, True) else [f"{key} began {problem.began_at}: {before}, {after}"]
