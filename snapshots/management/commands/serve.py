import os
import sys
from argparse import ArgumentParser
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.translation import gettext as _

from dashboard.run.static_files import collect
from dashboard.run.stop_signal import stop_on_signals
from dashboard.run.supervisor import WEB, ProgramEnded, Programs, sync_command
from dashboard.teams.first_run.setup_link import new_address
from dashboard.teams.models import Team
from snapshots.sync.leases import GAP


class Command(BaseCommand):
    help = "Run the web server and the sync together, on one machine; both end with this command."

    def add_arguments(self, parser: ArgumentParser) -> None:
        every = max(settings.SYNC_TTL_SECONDS, int(GAP.total_seconds()))
        parser.add_argument(
            "--every", type=int, default=every, help="seconds between two rounds (default: %(default)s)"
        )

    def handle(self, *args: object, every: int, **options: object) -> None:
        os.environ["BIND"] = _bind()
        try:
            with stop_on_signals() as stop, Programs() as programs:
                self._start(programs, every)
                programs.watch(stop)
        except ProgramEnded as ended:
            raise CommandError(str(ended)) from None

    def _start(self, programs: Programs, every: int) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        collect()
        setup_notice = _setup_notice()
        connections.close_all()
        programs.start("web", WEB)
        programs.start("sync_snapshots", sync_command(every))
        self.stdout.write(_("The dashboard is at %(url)s. Ctrl-C stops it.") % {"url": settings.SITE_URL})
        self.stdout.write(setup_notice)
        self.stdout.flush()


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
    """Return BIND; without it, on this machine alone, the port that SITE_URL names; else gunicorn.conf.py's own."""
    given, port = os.environ.get("BIND", ""), urlsplit(settings.SITE_URL).port
    return given or (f"127.0.0.1:{port}" if port and not settings.PRODUCTION else "")
