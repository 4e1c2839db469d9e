"""Refresh the only environment once, as the command does, and print what it took: for `bench.waits`."""

import json
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time

from bench.world import Unfit
from snapshots.models import Environment
from snapshots.sync.leases import Caller
from snapshots.sync.refresh import refresh


def run(_size: int) -> None:
    """Print seconds, seconds of the processor, the peak of the process's memory in MiB, and the rows written."""
    environment = Environment.objects.select_related("team").get()
    began, used = perf_counter(), process_time()
    (outcome,) = refresh([environment], caller=Caller.FORCE)
    took = perf_counter() - began, process_time() - used
    if outcome.written is None:
        raise Unfit(f"The refresh failed: {outcome}")
    print(json.dumps([*took, getrusage(RUSAGE_SELF).ru_maxrss / 1024, outcome.written.total]))
