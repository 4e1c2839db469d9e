"""A program that has loaded the product once, and forks a process for each order that it reads.

An order is a line of JSON; an empty line is one that came too late for a process. Each word is a line of JSON with the
id of the process that says it. A forked process says "started" first, then what its work brings; when all processes of
an order have ended, by themselves or by a signal, the program says their exit codes. The work is a refresh as
the command does it, S seconds ahead of the clock ("later"), stopped before the Nth statement of the write ("stop_at"),
which waits for a line when it is done, to be killed then or let go; or a herd of threads that all look and refresh; or
to make the team and its environment; or to say what a page shows of it. With "rows" a first list is written by as many
rows at a time.
"""

import json
import os
import select
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic, perf_counter

import django
import time_machine

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from dashboard.secrets import Secret  # noqa: E402
from dashboard.teams.models import ApiKey, Team  # noqa: E402
from snapshots.models import Change, Environment, Snapshot  # noqa: E402
from snapshots.sync import leases, short_writes  # noqa: E402
from snapshots.sync import refresh as sync  # noqa: E402
from snapshots.sync.leases import Caller  # noqa: E402
from snapshots.verdicts.sql import volumes_of_team  # noqa: E402
from tests.sync.steps import KEY  # noqa: E402
from tests.sync.worker import Stopper, refresh  # noqa: E402

PACE_SECONDS = 0.25
LEAST_LOOKS = 2  # of each thread, however late it starts


def say(word: object) -> None:
    """Write a word in one piece, as several processes write to one pipe: a longer one could be torn apart."""
    line = f"{json.dumps([os.getpid(), word])}\n".encode()
    assert os.write(1, line) == len(line) <= select.PIPE_BUF


def prepare(_: dict[str, float | str]) -> None:
    team = Team.objects.create(slug="acme", name="Acme Platform")
    ApiKey.replace(team, Secret(KEY))
    Environment.objects.create(team=team, service_code="compute-on", name="prod")
    say("prepared")


def one(order: dict[str, float | str]) -> None:
    """Refresh once, and say how it ended, in how many statements of the write and how many seconds."""
    rows = int(order.get("rows", 0))
    stopper = Stopper(int(order.get("stop_at", 0)), say, is_first=bool(rows))
    short_writes.ROWS = rows or short_writes.ROWS
    later = datetime.now(UTC) + timedelta(seconds=float(order.get("later", 0)))
    began = perf_counter()
    with time_machine.travel(later), connection.execute_wrapper(stopper):
        outcome = refresh()
    say([outcome, stopper.count, perf_counter() - began])
    sys.stdin.readline()


def look(_: dict[str, float | str]) -> None:
    """Say what pages show: how many snapshots, volumes with a verdict, changes; and the stored counts."""
    team, environments = Team.objects.get(), list(Environment.objects.all())
    volumes = volumes_of_team(environments).filter(judged_at__isnull=False, newest_usable__isnull=False)
    snapshots, changes = Snapshot.objects.of_team(team), Change.objects.of_team(team)
    say([snapshots.count(), volumes.count(), changes.count(), environments[0].facets.get("listed", 0)])


def herd(order: dict[str, float | str]) -> None:
    """Let threads look at the list and refresh what is old, as pages do, and say how often each end was met."""
    settings.SYNC_TTL_SECONDS = order["ttl"]
    connection.settings_dict["OPTIONS"]["timeout"] = 60  # on a busy machine SQLite's lock may be long in coming
    leases.GAP = timedelta(0)  # so that nothing but the lifetime of the rows holds them back
    until = monotonic() + float(order["seconds"])
    number = int(order["threads"])
    with ThreadPoolExecutor(number) as threads:
        ends = threads.map(lambda place: _looks(place / number * PACE_SECONDS, until), range(number))
        say(sum(ends, Counter[str]()))


def _looks(pause: float, until: float) -> Counter[str]:
    ends: Counter[str] = Counter()
    Event().wait(pause)
    try:
        while ends.total() < LEAST_LOOKS or monotonic() < until:
            ends[_look()] += 1
            Event().wait(PACE_SECONDS)
    finally:
        connection.close()
    return ends


def _look() -> str:
    environment = Environment.objects.select_related("team__api_key").get()
    Snapshot.objects.filter(environment=environment).order_by("-pk")[:50].count()
    (outcome,) = sync.refresh([environment], caller=Caller.PAGE)
    if outcome.fault:
        return f"fault: {outcome.fault.kind}"
    return outcome.denied.why.value if outcome.denied else "written"


def fork(order: dict[str, float | str]) -> int:
    child = os.fork()
    if child:
        return child
    settings.CLOUDCA_API_URL = str(order["url"])
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = str(order["database"])
    say("started")
    {"prepare": prepare, "herd": herd, "look": look, "refresh": one}[str(order["work"])](order)
    os._exit(0)


def main() -> None:
    while line := sys.stdin.readline():
        if not line.strip():
            continue
        order = json.loads(line)
        children = [fork(order) for _ in range(int(order.get("processes", 1)))]
        say([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])


if __name__ == "__main__":
    main()
