import os
import sys
from argparse import ArgumentParser
from contextlib import suppress
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOL_SOCKET, socket
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.translation import gettext as _
from gunicorn.util import parse_address

from dashboard.run.static_files import collect
from dashboard.run.stop_signal import stop_on_signals
from dashboard.run.supervisor import WEB, ProgramEnded, Programs, sync_command
from dashboard.teams.first_run.setup_link import new_address
from dashboard.teams.models import Team
from snapshots.sync.leases import GAP

START_SECONDS = 60.0
LINES_SECONDS = 1.0
"""After it listens, the web server writes a line for each of its processes."""


class Command(BaseCommand):
    help = "Run the web server and the sync together, on one machine; both end with this command."

    def add_arguments(self, parser: ArgumentParser) -> None:
        every = max(settings.SYNC_TTL_SECONDS, int(GAP.total_seconds()))
        parser.add_argument(
            "--every", type=int, default=every, help="seconds between two rounds (default: %(default)s)"
        )

    def handle(self, *args: object, every: int, **options: object) -> None:
        os.environ["BIND"] = _bind()
        addresses = _addresses(os.environ["BIND"])
        try:
            with stop_on_signals() as stop, Programs() as programs:
                self._start(programs, every)
                with suppress(TimeoutError):
                    for host, port in addresses[:1]:
                        programs.wait_for(port, stop, START_SECONDS, host)
                if not stop.wait(LINES_SECONDS):
                    self._say_where()
                programs.watch(stop)
        except ProgramEnded as ended:
            raise CommandError(str(ended)) from None

    def _start(self, programs: Programs, every: int) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        collect()
        connections.close_all()
        programs.start("web", WEB)
        programs.start("sync_snapshots", sync_command(every))

    def _say_where(self) -> None:
        """Last, so that the address of the set-up is not above the lines of the start."""
        self.stdout.write(_("The dashboard is at %(url)s. Ctrl-C stops it.") % {"url": settings.SITE_URL})
        self.stdout.write(_setup_notice())
        self.stdout.flush()
        connections.close_all()


def _addresses(bind: str) -> list[tuple[str, int]]:
    """Return the hosts and ports in BIND; Unix sockets are left to gunicorn.

    Raises CommandError, before anything is printed or migrated, for one on which nothing can listen.
    """
    try:
        read = [parse_address(each.strip(), default_port="8000") for each in bind.split(",")]
    except RuntimeError as wrong:
        raise CommandError(_("BIND cannot be read: %(reason)s") % {"reason": wrong}) from None
    found = [address for address in read if isinstance(address, tuple) and isinstance(address[1], int)]
    for host, port in found:
        with socket(AF_INET6 if ":" in host else AF_INET) as probe:
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)  # as gunicorn does: what ended a moment ago is no hindrance
            try:
                probe.bind((host, port))
            except (OSError, OverflowError) as problem:
                text = _(
                    "The dashboard cannot listen on %(host)s, port %(port)d: %(reason)s. End what uses it, or choose "
                    "another address with BIND and SITE_URL in .env."
                )
                reason = getattr(problem, "strerror", None) or problem
                raise CommandError(text % {"host": host, "port": port, "reason": reason}) from None
    return found


def _setup_notice() -> str:
    """Say where the first team is made; empty where there is one. The address is shown here alone: no log has it."""
    if Team.objects.exists():
        return ""
    if _is_in_journal():
        return _("There is no team yet. Get the address of the set-up with: manage.py setup_link")
    said = _("There is no team yet. Make the first one here; the address works once, within 24 hours:")
    return f"\n{said}\n\n    {new_address()}\n"


def _is_in_journal() -> bool:
    """Whether what is written here is kept in systemd's journal, which others may read: see systemd.exec(5)."""
    try:
        output = os.fstat(sys.stdout.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{output.st_dev}:{output.st_ino}"


def _bind() -> str:
    """Return BIND; without it, on this machine alone, the port that SITE_URL names; else that of gunicorn.conf.py."""
    given, port = os.environ.get("BIND", ""), urlsplit(settings.SITE_URL).port
    return given or f"127.0.0.1:{port if port and not settings.PRODUCTION else 8000}"
