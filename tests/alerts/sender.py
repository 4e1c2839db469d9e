"""A separate process on a database file (DATABASE_URL): sends what is due to a receiver on this machine.

`--later S` lives S seconds ahead. `--stop-at N` says "stopped" before its Nth statement, and waits for a line. At the
end it says how many statements there were and how many messages it sent.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django
import time_machine

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from snapshots.alerts.deliver import deliver  # noqa: E402
from tests.alerts.receiver import HOST  # noqa: E402


class Stopper:
    def __init__(self, stop_at: int) -> None:
        self.stop_at, self.count = stop_at, 0

    def __call__(self, execute: Callable[..., object], *rest: object) -> object:
        self.count += 1
        if self.count == self.stop_at:
            print("stopped", flush=True)
            sys.stdin.readline()
        return execute(*rest)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--later", type=float, default=0)
    parser.add_argument("--stop-at", type=int, default=0)
    given = parser.parse_args()
    settings.ALERT_PRIVATE_HOSTS = frozenset({HOST})
    stopper = Stopper(given.stop_at)
    later = datetime.now(UTC) + timedelta(seconds=given.later)
    with time_machine.travel(later), connection.execute_wrapper(stopper):
        sent = deliver(budget=60)
    print(stopper.count, sent, flush=True)


if __name__ == "__main__":
    main()
