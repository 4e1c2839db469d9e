"""Two hundred threads in eight processes on one environment: as few calls as one reader would make."""

from collections.abc import Callable
from time import monotonic

import pytest

from snapshots.simulator.server import Simulator
from tests.faults.figures import LINES
from tests.faults.forked import Forks
from tests.faults.test_deaths import SNAPSHOTS, forks, program, provider
from tests.sync.races import shape

__all__ = ["forks", "program", "provider"]
PROCESSES, THREADS = 8, 25

pytestmark = [pytest.mark.defaults, pytest.mark.proof]


@pytest.mark.parametrize(("seconds", "ttl"), [(4, 1), (60, 5)])
def test_many_readers_make_the_calls_of_one(
    forks: Forks, provider: Simulator, record_property: Callable[[str, object], None], seconds: int, ttl: int
) -> None:
    began = monotonic()
    met = forks.herd(processes=PROCESSES, threads=THREADS, seconds=seconds, ttl=ttl)
    calls, looks = provider.calls("/snapshots"), sum(met.values())
    ideal = int((monotonic() - began) // ttl) + 1  # one at once, and one each time that the rows have lived
    told = f"{calls} calls of at most {ideal} for {looks:,} looks; {met}"
    record_property(LINES, [f"{PROCESSES} x {THREADS} threads for {seconds} s, rows live {ttl} s: {told}"])
    assert set(met) <= {"written", "held", "fresh"}
    assert calls == met["written"]
    assert 1 <= calls <= ideal
    assert len(shape(forks.file)[0]) == SNAPSHOTS
    assert looks > PROCESSES * THREADS
