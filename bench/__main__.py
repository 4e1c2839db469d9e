"""Measure the dashboard: `python -m bench [pages|plans|sync] [--sizes 100,10000,100000] [--rounds 40]`.

pages   The list and one snapshot through gunicorn, signed in through the real form over one keep-alive connection,
        beside `fixed`, which answers 30 KB of constant bytes behind the same session, user and CSRF work. Hot: the
        rendered table is in the cache. Cold: a sync has just changed something, so it is not. Medians, in turns.
plans   How SQLite reads each page's rows, at the largest size.
sync    A refresh against the simulator, at the largest size: unchanged, changed in nothing we keep, 1 % changed.

Only the ratios carry over to another machine.
"""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from bench import pages
from bench.site import BenchError
from bench.stage import Stage, stage

SIZES = (100, 10_000, 100_000)
ROUNDS = 40
SYNC_ROUNDS = 3


def main() -> int:
    options = _options()
    try:
        with stage() as ground:
            {"pages": _pages, "plans": _plans, "sync": _sync}[options.what](ground, options)
    except BenchError as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _pages(ground: Stage, options: Namespace) -> None:
    print(f"Filling databases of {', '.join(f'{size:,}' for size in options.sizes)} snapshots …", flush=True)
    facts = ground.fill(options.sizes)
    ground.collect_static(max(options.sizes))
    print("Measuring …", flush=True)
    results = pages.measure(ground, facts, options.rounds or ROUNDS)
    print(f"Medians of {len(results[0].hot)} rounds, milliseconds\n\n{pages.report(results)}")


def _plans(ground: Stage, options: Namespace) -> None:
    size = max(options.sizes)
    ground.fill([size])
    ground.collect_static(size)
    print(ground.run("plans", size))


def _sync(ground: Stage, options: Namespace) -> None:
    print(ground.run("refresh", max(options.sizes), options.rounds or SYNC_ROUNDS))


def _options() -> Namespace:
    parser = ArgumentParser("python -m bench", description="Measure the dashboard on this machine.")
    parser.add_argument("what", nargs="?", choices=("pages", "plans", "sync"), default="pages")
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="snapshots, separated by commas")
    parser.add_argument("--rounds", type=_whole, default=0, help=f"default: {ROUNDS}, for sync {SYNC_ROUNDS}")
    return parser.parse_args()


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted({_whole(part) for part in text.split(",")}))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
