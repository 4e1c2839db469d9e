"""Time refreshes as `bench.refresh` does, and print the median seconds of each kind, as JSON."""

import json
from statistics import median

from bench.refresh import measured


def run(size: int, rounds: int) -> None:
    print(
        json.dumps({what: median(each.fetch + each.store for each in times) for what, times in measured(size, rounds)})
    )
