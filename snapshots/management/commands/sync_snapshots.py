import os
import threading
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.teams.models import Team
from snapshots.claims import GAP, Caller
from snapshots.rounds import News, beats, environments_of, round_once
from snapshots.stopping import stop_on_signals

FAILED = 1
WRONG_USE = 2
LEAST_EVERY = int(GAP.total_seconds())
GRACE_SECONDS = 3.0
"""How long a fetch that is under way may still take once the process is asked to end."""


class Command(BaseCommand):
    help = (
        "Refresh every environment and say on one line each what was found, or why it was not asked. "
        "Exit status 1 if the data of one stays old."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", metavar="SLUG", help="only this team's environments")
        parser.add_argument(
            "--every", type=int, metavar="SECONDS", help="go on until SIGTERM or Ctrl-C, and say only what is new"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="pass over back-off, Retry-After, refusal and the gap; not over a lease",
        )

    def handle(self, *args: object, team: str | None, every: int | None, force: bool, **options: object) -> None:
        self._check(team, every, force)
        if every is not None:
            self._go_on(team, every)
        elif not self._once(team, Caller.FORCE if force else Caller.COMMAND):
            raise SystemExit(FAILED)

    def _check(self, team: str | None, every: int | None, force: bool) -> None:
        if every is not None and every < LEAST_EVERY:
            text = _("--every needs at least %(least)d seconds: no environment is asked more often.")
            raise CommandError(text % {"least": LEAST_EVERY}, returncode=WRONG_USE)
        if every is not None and force:
            raise CommandError(_("--force is for one round; it does not go with --every."), returncode=WRONG_USE)
        if team and not Team.objects.filter(slug=team).exists():
            raise CommandError(_("There is no team %(slug)r.") % {"slug": team}, returncode=WRONG_USE)

    def _once(self, team: str | None, caller: Caller) -> bool:
        if not environments_of(team):
            self.stdout.write(_("There is no environment yet. manage.py provision makes them from a file."))
            return True
        return round_once(team, caller, self._tell, news=News(all_of_it=True))

    def _go_on(self, team: str | None, every: int) -> None:
        news = News(all_of_it=False)
        # A fetch that takes longer is given up: its lease runs out by itself, and a kill leaves the mirror whole.
        give_up = threading.Timer(GRACE_SECONDS, os._exit, (0,))
        give_up.daemon = True
        with stop_on_signals(give_up.start) as stop:
            for _beat in beats(every, stop):
                round_once(team, Caller.COMMAND, self._tell_with_time, news=news, stop=stop)
        give_up.cancel()

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _tell_with_time(self, line: str) -> None:
        self._tell(f"{timezone.now():%H:%M:%S} UTC  {line}")
