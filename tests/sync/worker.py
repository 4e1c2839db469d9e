"""A separate process on a database file (DATABASE_URL): refreshes the one environment as the command does.

Prints a line of JSON per outcome. `--gate` says "ready" and waits for a line before it starts. `--stop-at N` says
"stopped" before the Nth statement of the transaction that writes the list and waits for a line; the number of
those statements is printed last. `--later S` lives S seconds ahead.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import django
import time_machine

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from dashboard.secrets import Secret  # noqa: E402
from dashboard.teams.models import ApiKey, Team  # noqa: E402
from snapshots.models import Environment  # noqa: E402
from snapshots.sync import refresh as sync  # noqa: E402
from snapshots.sync.leases import Caller  # noqa: E402
from tests.sync.steps import KEY  # noqa: E402
from tests.waiting import SECONDS  # noqa: E402


class Stopper:
    """Counts the statements of the transaction that writes the list, and stops before one of them.

    `is_first`: the list is the first, which is written in many transactions.
    """

    def __init__(self, stop_at: int, say: Callable[[object], None], *, is_first: bool = False) -> None:
        self.say, self.is_first = say, is_first
        self.stop_at, self.count, self.is_writing, self.is_over = stop_at, 0, False, False

    def __call__(self, execute: Callable[..., object], sql: str, *rest: object) -> object:
        # Later writes, in separate transactions, are not the list.
        self.is_over = self.is_over or (self.count > 0 and not connection.in_atomic_block and not self.is_first)
        if connection.in_atomic_block and self.is_writing and not self.is_over:
            self.count += 1
            if self.count == self.stop_at:
                self.say("stopped")
                sys.stdin.readline()
        # The comparison reads the rows before that transaction begins, and nothing reads them earlier.
        self.is_writing = self.is_writing or '"snapshots_snapshot"' in sql
        return execute(sql, *rest)


def say(word: object) -> None:
    print(json.dumps(word), flush=True)


def prepare() -> None:
    call_command("migrate", verbosity=0)
    team = Team.objects.create(slug="acme", name="Acme Platform")
    ApiKey.replace(team, Secret(KEY))
    Environment.objects.create(team=team, service_code="compute-on", name="prod")


def refresh() -> str:
    (outcome,) = sync.refresh([Environment.objects.get()], caller=Caller.COMMAND)
    if outcome.written:
        return "written"
    if outcome.denied:
        return outcome.denied.why.value
    return outcome.fault.kind if outcome.fault else "nothing"


def refresh_in_threads(number: int) -> list[str]:
    barrier = Barrier(number)

    def start(_: int) -> str:
        barrier.wait(SECONDS)
        try:
            return refresh()
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(start, range(number)))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--stop-at", type=int, default=0)
    parser.add_argument("--later", type=float, default=0)
    return parser.parse_args()


def main() -> None:
    given = options()
    settings.CLOUDCA_API_URL = given.url
    if given.prepare:
        prepare()
        return
    if given.gate:
        say("ready")
        sys.stdin.readline()
    stopper = Stopper(given.stop_at, say)
    later = datetime.now(UTC) + timedelta(seconds=given.later)
    with time_machine.travel(later), connection.execute_wrapper(stopper):
        for outcome in refresh_in_threads(given.threads) if given.threads else [refresh()]:
            say(outcome)
    say(stopper.count)


if __name__ == "__main__":
    main()
