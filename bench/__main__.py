"""Measure the dashboard: `python -m bench [PART] [--sizes 100,10000,100000] [--rounds 40]`.

pages   The list and one snapshot through gunicorn, signed in through the real form over one keep-alive connection,
        beside `fixed`, which answers 30 KB of constant bytes behind the same session, user and CSRF work. Hot: the
        rendered table is in the cache. Cold: a sync has just changed something, so it is not. Medians, in turns.
home    The same of the volumes page. Its sizes are volumes, with ten snapshots each: 100 and 10,000.
plans   How SQLite reads each page's rows, at the largest size.
sync    A refresh against the simulator, at the largest size, ten snapshots a volume: unchanged, changed in nothing we
        keep, 1 % changed, an empty list, all of them again. `locked`: how long it held the write lock at a time.
waits   How long another writer waits during a refresh, and what a refresh takes (bench/waits.py).
load    Requests/s of every page, hot and cold, on 1 and 16 connections, as ratios to `fixed` (bench/load.py).
peers   The list beside other ways to show it, over the same rows (bench/rivals.py).
horizon The list beside the page of volume snapshots of OpenStack Horizon (bench/rivals.py).
services The same pages, and refreshes, on PostgreSQL and Redis beside SQLite (bench/services.py).
browser List and home in Chromium with a slow processor (bench/chromium.py).
due     How many environments a minute one process refreshes, by the provider's distance (bench/due.py).

Only the ratios carry over to another machine.
"""

import os
import subprocess
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping, Sequence

from bench import chromium, due, load, pages, rivals, services
from bench.cases import Case, Facts, HomeFacts, ManyFacts, cases, home_cases, many_cases
from bench.site import ROOT, BenchError
from bench.stage import Stage, stage

SIZES = (100, 10_000, 100_000)
HOME_SIZES = (100, 10_000)
ROUNDS = 40
SYNC_ROUNDS = LOAD_ROUNDS = 3
HORIZON_SIZES = (10_000,)
DUE_SIZES = (2_000,)
BROWSER_ROUNDS = 10
SERVICES_SIZES = (100_000,)
SERVICES_SECONDS = 3 * 60 * 60
LOAD_SIZES = (*SIZES, 1_000_000)


def main() -> int:
    options = _options()
    try:
        with stage() as ground:
            PARTS[options.part](ground, options)
    except BenchError as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _pages(ground: Stage, options: Namespace) -> None:
    sizes = options.sizes or SIZES
    _say_sizes(sizes, "snapshots")
    facts = ground.fill(sizes, "fill", Facts)
    _measure(ground, {size: cases(facts[size]) for size in facts}, options, "snapshots")


def _home(ground: Stage, options: Namespace) -> None:
    sizes = options.sizes or HOME_SIZES
    _say_sizes(sizes, "volumes")
    facts = ground.fill(sizes, "fill_home", HomeFacts)
    _measure(ground, {size: home_cases(facts[size]) for size in facts}, options, "volumes")


def _say_sizes(sizes: Sequence[int], of: str) -> None:
    _say(f"Filling databases of {', '.join(f'{size:,}' for size in sizes)} {of} …")


def _say(line: str) -> None:
    """Say how far it is, apart from the results."""
    print(line, file=sys.stderr, flush=True)


def _measure(ground: Stage, asked: Mapping[int, Sequence[Case]], options: Namespace, of: str) -> None:
    ground.collect_static(max(asked))
    _say("Measuring …")
    results = pages.measure(ground, asked, options.rounds or ROUNDS)
    print(f"Medians of {len(results[0].hot)} rounds, milliseconds\n\n{pages.report(results, of)}")


def _plans(ground: Stage, options: Namespace) -> None:
    size = max(options.sizes or SIZES)
    ground.fill([size], "fill", Facts)
    ground.collect_static(size)
    print(ground.run("plans", size))


def _sync(ground: Stage, options: Namespace) -> None:
    print(f"```\n{ground.run('refresh', max(options.sizes or SIZES), options.rounds or SYNC_ROUNDS)}```\n")


def _waits(ground: Stage, options: Namespace) -> None:
    print(ground.run("waits", max(options.sizes or SIZES)))


def _load(ground: Stage, options: Namespace) -> None:
    facts = _filled(ground, options.sizes or LOAD_SIZES)
    for size in sorted(facts):
        _say(f"Loading {size:,} …")
        results = load.measure(ground, size, many_cases(facts[size]), options.rounds or LOAD_ROUNDS)
        print(f"{load.report(results, size)}\n", flush=True)


def _peers(ground: Stage, options: Namespace) -> None:
    for size in sorted(_filled(ground, options.sizes or SIZES)):
        _say(f"Beside others at {size:,} …")
        print(f"{rivals.report(rivals.peers(ground, size, options.rounds or LOAD_ROUNDS), size)}\n", flush=True)


def _horizon(ground: Stage, options: Namespace) -> None:
    size = max(_filled(ground, options.sizes or HORIZON_SIZES))
    print(f"{rivals.report(rivals.horizon(ground, size, options.rounds or LOAD_ROUNDS), size)}\n", flush=True)


def _services(ground: Stage, options: Namespace) -> None:
    """Measure both, in a second run of this program around which `.ci/services` starts and stops them."""
    if services.REDIS not in os.environ:
        again = [sys.executable, "-m", "bench", *sys.argv[1:]]
        if subprocess.run([".ci/services", *again], cwd=ROOT, timeout=SERVICES_SECONDS, check=False).returncode:
            raise BenchError("The second run failed.")
        return
    for size in options.sizes or SERVICES_SIZES:
        print(f"{services.measure(ground, size, options.rounds or LOAD_ROUNDS)}\n", flush=True)


def _browser(ground: Stage, options: Namespace) -> None:
    for size in sorted(_filled(ground, options.sizes or SERVICES_SIZES)):
        print(f"{chromium.measure(ground, size, options.rounds or BROWSER_ROUNDS)}\n", flush=True)


def _due(ground: Stage, options: Namespace) -> None:
    for size in options.sizes or DUE_SIZES:
        _say(f"Refreshing {size:,} environments …")
        ground.run("fill_due", size)
        print(f"{due.measure(ground, size)}\n", flush=True)


def _filled(ground: Stage, sizes: Sequence[int]) -> dict[int, ManyFacts]:
    _say_sizes(sizes, "snapshots")
    facts = ground.fill(sizes, "fill_many", ManyFacts)
    ground.collect_static(max(sizes))
    return facts


PARTS: dict[str, Callable[[Stage, Namespace], None]] = {
    "pages": _pages,
    "home": _home,
    "plans": _plans,
    "sync": _sync,
    "waits": _waits,
    "load": _load,
    "peers": _peers,
    "horizon": _horizon,
    "services": _services,
    "browser": _browser,
    "due": _due,
}


def _options() -> Namespace:
    parser = ArgumentParser("python -m bench", description="Measure the dashboard on this machine.")
    parser.add_argument("part", nargs="?", choices=PARTS, default="pages")
    parser.add_argument("--sizes", type=_sizes, default=(), help="how many, separated by commas")
    parser.add_argument("--rounds", type=_whole, default=0, help=f"default: {ROUNDS}, for sync and load {SYNC_ROUNDS}")
    return parser.parse_args()


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted({_whole(part) for part in text.split(",")}))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
