"""What goes wrong in each chapter: days of 28, and the faults of those days."""

from collections.abc import Iterator

from snapshots.simulator.server import Simulator
from tests.verdicts.year.schedule import DAY, MINUTE

OURS_OFF = (10.5, 13.5)
OUTAGES = ((4.2, 4.55), (21.0, 22.25))
REFUSED = (6.0, 8.0)
LEFT_OUT, EMPTY = 7.5, 9.63
VOLUME_FAULTS = (
    (8.4, "volumes list empty", {"empty_list": True, "times": 1}),
    (8.43, "volumes list short", {"shrink": 0.7, "times": 1}),
    (8.46, "volumes list 403", {"refuse": 403, "times": 2}),
)
# Those and the empty list last no longer than this, and must be met by a sync.
SHORT = 0.03


class Faults:
    """The faults of one sync, on a day of its chapter."""

    def __init__(self, day: float) -> None:
        self.day = day
        self.is_out = any(first <= day < last for first, last in OUTAGES)
        self.is_refused = REFUSED[0] <= day < REFUSED[1]
        self.is_empty = self._is_first(EMPTY)
        self.leaves_out = self._is_first(LEFT_OUT)

    def _is_first(self, moment: float) -> bool:
        """Whether this is the first sync after that moment of the chapter; dense syncs stand five minutes apart."""
        return moment <= self.day < moment + 5 * MINUTE / DAY

    def fall(self, sim: Simulator, prod: str, dev: str) -> None:
        if self.is_out:
            sim.fault(status=503)
        if self.is_refused:
            sim.fault(environment=dev, refuse=403)
        if self.is_empty:
            sim.fault(path="/snapshots", environment=prod, empty_list=True)
        for first, _, fault in VOLUME_FAULTS:
            if first <= self.day < first + SHORT:
                sim.fault(path="/volumes", environment=prod, **fault)

    def of_volumes(self) -> Iterator[str]:
        """What happens to a list of the volumes, if one is asked for."""
        for first, name, _ in VOLUME_FAULTS:
            if first <= self.day < first + SHORT:
                yield name
