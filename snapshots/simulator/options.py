"""The command line of `python -m snapshots.simulator`."""

import errno
import os
import re
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Final

from snapshots.simulator.api import PREFIXES, Keys
from snapshots.simulator.environment import VOLUME_TYPES
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import DEFAULT_ENVIRONMENTS, DEFAULT_SNAPSHOTS, DEFAULT_VOLUMES, World

DEFAULT_PORT: Final = 8700
DEFAULT_KEY: Final = "simulator-key"
MOST_VOLUMES: Final = 10_000
MOST_SNAPSHOTS: Final = 1_000_000
FASTEST: Final = 3600.0
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
PREFIX: Final = re.compile(r"(/[A-Za-z0-9_.-]+)+")
KEY_HELP: Final = (
    "a key to accept, again for more; KEY@service/name+service/name sees only these environments. "
    f"Also SIMULATOR_KEYS, separated by commas. Default: {DEFAULT_KEY}"
)


def add_options(parser: ArgumentParser) -> None:
    """Give a parser the options of the simulator."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_whole(65535), default=DEFAULT_PORT, help="0 takes any free one (default: %(default)s)"
    )
    parser.add_argument("--prefix", type=_prefix, default=PREFIXES[0], help="the API's path (default: %(default)s)")
    parser.add_argument(
        "--volumes", type=_whole(MOST_VOLUMES), default=DEFAULT_VOLUMES, help="per environment (default: %(default)s)"
    )
    parser.add_argument(
        "--snapshots",
        type=_whole(MOST_SNAPSHOTS),
        default=DEFAULT_SNAPSHOTS,
        help="per environment (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same world (default: %(default)s)")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="simulated seconds per second; 0 stops time (default: 1)"
    )
    parser.add_argument(
        "--environments", type=_codes, default=DEFAULT_ENVIRONMENTS, help="service/name,service/name ..."
    )
    parser.add_argument(
        "--stories",
        type=_moment,
        metavar="MOMENT",
        help="two environments more, whose volumes tell each its story around this time, as in 2026-11-24T12:00:00Z",
    )
    parser.add_argument(
        "--volume-type",
        choices=VOLUME_TYPES,
        default=VOLUME_TYPES[0],
        help="volumeType repeats the name, or tells the kind",
    )
    parser.add_argument(
        "--bad-key-status", type=int, choices=(401, 403), default=403, help="for a missing or unknown key"
    )
    parser.add_argument(
        "--certificate", type=_file, metavar="FILE", help="PEM file of a private key and its certificates: speak HTTPS"
    )
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help=KEY_HELP)


def main(arguments: list[str] | None = None) -> int:
    """Run the simulator until SIGINT or SIGTERM; return the exit status."""
    parser = ArgumentParser(
        prog="python -m snapshots.simulator", description="The provider's API as a separate program."
    )
    add_options(parser)
    return run(parser.parse_args(arguments))


def run(options: Namespace) -> int:
    """Serve the world that the options describe; return 0 at the end, 1 with a sentence if it cannot start."""
    stop = Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _setter(stop))
    try:
        simulator = build(options)
        simulator.start()
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"The simulator cannot listen on {options.host}:{options.port}: {_reason(problem)}\n")
        return 1
    sys.stdout.write(_greeting(simulator))
    sys.stdout.flush()
    stop.wait()
    simulator.stop()
    return 0


def build(options: Namespace) -> Simulator:
    """Return the simulator that the options describe. Raises ValueError for an empty key."""
    world = World(
        seed=options.seed,
        environments=options.environments,
        volumes=options.volumes,
        snapshots=options.snapshots,
        speed=options.speed,
        volume_type=options.volume_type,
        stories=options.stories,
    )
    return Simulator(
        world,
        keys=keys_of([*options.key, *os.environ.get("SIMULATOR_KEYS", "").split(",")]),
        host=options.host,
        port=options.port,
        prefix=options.prefix,
        bad_key_status=options.bad_key_status,
        certificate=options.certificate,
    )


def keys_of(given: list[str]) -> Keys:
    """Return the keys that KEY and KEY@environment+environment stand for; none at all means the default one."""
    keys: dict[str, frozenset[str] | None] = {}
    for text in filter(None, (each.strip() for each in given)):
        key, _, scope = text.rpartition("@")
        codes = scope.split("+")
        scoped = bool(key) and all(CODE.fullmatch(code) for code in codes)
        keys[key if scoped else text] = frozenset(codes) if scoped else None
    return keys or {DEFAULT_KEY: None}


def _setter(stop: Event) -> Callable[[int, FrameType | None], None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return end


def _reason(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.errno == errno.EADDRINUSE:
        return "the port is taken. Choose another with --port."
    return f"{problem}."


def _greeting(simulator: Simulator) -> str:
    world = simulator.world
    counts = ", ".join(
        f"{code} ({len(world.snapshots(code)):,} snapshots of {len(world.volumes(code)):,} volumes)"
        for code in world.environments
    )
    return f"Simulator at {simulator.url}\nEnvironments: {counts}\nSpeed {world.speed:g}. Ctrl-C ends it.\n"


def _whole(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > most:
            raise ArgumentTypeError(f"{text!r} is not a whole number from 0 to {most}.")
        return int(text)

    return parse


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed <= FASTEST:
        raise ArgumentTypeError(f"{text!r} is not a number from 0 to {FASTEST:g}.")
    return speed


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a time like 2026-11-24T12:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _codes(text: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(text.split(",")))
    for code in codes:
        if not CODE.fullmatch(code):
            raise ArgumentTypeError(f"{code!r} is not an environment: write service_code/environment_name.")
    return codes


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ArgumentTypeError(f"there is no file {text!r}.")
    return path


def _prefix(text: str) -> str:
    if not PREFIX.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is not a path like /v1.")
    return text
