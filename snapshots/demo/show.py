"""The demo: prepare, start simulator, web server and sync, print the address, and stop them all."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import django
from django.core.management import call_command
from django.utils.translation import gettext as _

from dashboard.run.stop_signal import Stop, stop_on_signals
from dashboard.run.supervisor import ROOT, WEB, ProgramEnded, Programs, sync_command
from snapshots.demo import folder as folders
from snapshots.demo.ports import first_free
from snapshots.simulator.options import keys_of

DEFAULT_FOLDER = ROOT / "var" / "demo"
DEFAULT_PORT = 8000
DEFAULT_SIMULATOR_PORT = 8700
START_SECONDS = 60.0

# Only for the simulator on this machine, so they are not secret.
PASSWORD = "just-looking-around"  # noqa: S105
ACME_KEY, GLOBEX_KEY = "acme-demo-key", "globex-demo-key"
# An environment with stories that Acme's key can no longer see.
ACME_SEES = "compute-on/prod+compute-on/shop+compute-on/test_area"
GLOBEX_SEES = "compute-on/test_area+compute-qc/web"
ENVIRONMENTS = "compute-on/prod,compute-on/test_area,compute-qc/web"
VOLUMES, SNAPSHOTS, SPEED = 40, 600, 60
SYNC_EVERY = 12
WEB_PROCESSES = 2
TTL_SECONDS = 10

# Set to empty values, so that the .env of a real installation has no effect here.
UNUSED = (
    *("ALLOWED_HOSTS", "CACHE_URL", "DEBUG", "DEFAULT_FROM_EMAIL", "EMAIL_URL", "HISTORY_DAYS", "HSTS_PRELOAD"),
    *("CLOUDCA_CA_BUNDLE", "CLOUDCA_PROXY", "TRUSTED_PROXIES", "WEB_THREADS", "GUNICORN_CMD_ARGS"),
)


@dataclass(frozen=True, slots=True)
class Places:
    """The demo's folder, its ports, and the anchor of its stories."""

    folder: Path
    port: int
    simulator_port: int
    anchor: datetime

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"


def main(arguments: list[str]) -> int:
    """Run the demo until SIGINT or SIGTERM; return 0 at the end, 1 if it cannot start or one of its processes ends."""
    parser = ArgumentParser(prog="python -m snapshots.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where its files are kept")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the dashboard's, or the next free one")
    parser.add_argument(
        "--simulator-port", type=int, default=DEFAULT_SIMULATOR_PORT, help="the simulator's, or the next free one"
    )
    options = parser.parse_args(arguments)
    try:
        with folders.own(options.folder), stop_on_signals() as stop:
            return _show(options, stop)
    # Both are printed before the settings are loaded, so only in English.
    except folders.FolderInUse:
        return _refuse(f"A demo already runs on {options.folder}. End it first, or choose another --folder.")
    except OSError as problem:
        return _refuse(f"The demo cannot start: {problem}.")


def _show(options: Namespace, stop: Stop) -> int:
    anchor = datetime.now(UTC).replace(microsecond=0)
    places = Places(options.folder.resolve(), first_free(options.port), first_free(options.simulator_port), anchor)
    os.environ |= variables(places)
    django.setup()
    try:
        with Programs() as programs:
            _start(programs, places, stop)
            if not stop.is_set:
                _say(_port_notes(options, places) + greeting(places))
            programs.watch(stop)
    except ProgramEnded as ended:
        return _refuse(str(ended))
    return 0


def _start(programs: Programs, places: Places, stop: Stop) -> None:
    """Start everything, each part as early as possible. Raises `ProgramEnded`."""
    programs.start("simulator", _simulator(places), places.folder / "simulator.log")
    _prepare()
    programs.start("web", WEB, places.folder / "web.log")
    _replay(places)
    programs.wait_for(places.simulator_port, stop, START_SECONDS)
    if not stop.is_set:
        _look()
        programs.start("sync_snapshots", sync_command(SYNC_EVERY))
        programs.wait_for(places.port, stop, START_SECONDS)


def _prepare() -> None:
    """Migrate the database, collect static files, and empty the mirror."""
    from dashboard.run.static_files import collect
    from snapshots.demo.past import forget

    call_command("migrate", verbosity=0, interactive=False)
    collect()
    forget()
    call_command("provision", Path(__file__).with_name("teams.toml"), stdout=StringIO())


def _replay(places: Places) -> None:
    """Create days of history for one team: a new mirror would have none."""
    from snapshots.demo.past import replay

    replay(places.anchor, keys_of(_keys().split(",")))


def _look() -> None:
    """Sync all environments now. One is refused, which is intended."""
    _say(_("The first sync. That the provider rejects one key is part of the demo:"))
    from snapshots.management.rounds import News, round_once
    from snapshots.sync.leases import Caller

    round_once(None, Caller.FORCE, _say, news=News(all_of_it=True))
    _forget_connections()


def _forget_connections() -> None:
    from django.db import connections

    connections.close_all()


def _simulator(places: Places) -> list[str]:
    options = {
        "port": places.simulator_port,
        "environments": ENVIRONMENTS,
        "stories": places.anchor.isoformat(),
        "volumes": VOLUMES,
        "snapshots": SNAPSHOTS,
        "speed": SPEED,
    }
    return [sys.executable, "-m", "snapshots.simulator", *(f"--{name}={value}" for name, value in options.items())]


def variables(places: Places) -> Mapping[str, str]:
    """Return the settings of the demo: the product's own, on this machine, with DEBUG off."""
    return dict.fromkeys(UNUSED, "") | {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "SITE_URL": places.url,
        "WEB_CONCURRENCY": str(WEB_PROCESSES),
        "BIND": f"127.0.0.1:{places.port}",
        "SECRET_KEY": folders.secret_key(places.folder),
        "API_KEY_ENCRYPTION_KEYS": folders.encryption_key(places.folder),
        "DATABASE_URL": folders.database_url(places.folder),
        "CLOUDCA_API_URL": f"{places.simulator}/v1",
        "SYNC_TTL_SECONDS": str(TTL_SECONDS),
        "SIMULATOR_KEYS": _keys(),
        "DEMO_ACME_KEY": ACME_KEY,
        "DEMO_GLOBEX_KEY": GLOBEX_KEY,
        "DEMO_PASSWORD": PASSWORD,
    }


def _keys() -> str:
    """Return the simulator's keys, each with its environments, in the format of `SIMULATOR_KEYS`."""
    return f"{ACME_KEY}@{ACME_SEES},{GLOBEX_KEY}@{GLOBEX_SEES}"


def greeting(places: Places) -> str:
    """Return the address, the sign-ins and what to look at."""
    return _(
        """
The dashboard is at %(url)s

  Sign in as            password               and see
  alice@example.com     %(password)s    Acme Platform, as admin
  bob@example.com       %(password)s    Acme Platform, as viewer
  charlie@example.com   %(password)s    Globex Hosting, as admin

  - Alice's volumes in shop tell a story each, the worst first: open a status to read why. Within two minutes
    orders-db-data and reports-data get the run that they wait for, and legacy-share its first snapshot.
  - Changes tells what happened in the twelve days that the demo pretends to have watched, and goes on.
  - Charlie's team is on its first day, and is asked how old a snapshot may be.
  - Filter by a volume, open a snapshot, copy its address: bob lands on it after signing in, charlie finds nothing.
  - Take the provider down:  curl -X POST -d '{"status": 503}' %(simulator)s/_control/faults
    and bring it back with:  curl -X DELETE %(simulator)s/_control/faults
    The dashboard then waits a minute before it asks again; "Try now" on the page asks at once.

Its data and logs are in %(folder)s. Below are the changes that the sync finds. Ctrl-C stops everything.
"""
    ) % {"url": places.url, "password": PASSWORD, "simulator": places.simulator, "folder": places.folder}


def _port_notes(options: Namespace, places: Places) -> str:
    text = _("Port %(wanted)d is taken, so %(used)d it is.")
    pairs = [(options.port, places.port), (options.simulator_port, places.simulator_port)]
    return "".join(f"\n{text % {'wanted': wanted, 'used': used}}" for wanted, used in pairs if wanted != used)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 1
