import time
from argparse import ArgumentParser
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.run.stop_signal import stop_on_signals
from dashboard.teams.models import Team
from snapshots.alerts.addresses import Refused, target_of
from snapshots.alerts.deliver import deliver
from snapshots.alerts.outbox import announce
from snapshots.alerts.tick import Ticker
from snapshots.management.daily import Housekeeping
from snapshots.management.deliveries import sending
from snapshots.management.heartbeat import Heartbeat
from snapshots.management.rounds import News, beats, environments_of, next_beat, round_once
from snapshots.models.chore import note_round
from snapshots.sync.leases import GAP, Caller

FAILED = 1
WRONG_USE = 2
LEAST_EVERY = int(GAP.total_seconds())
LEAST_BEAT = LEAST_EVERY + 1
"""With an interval of exactly the gap, every other call would be a few milliseconds too early and be denied."""
DELIVERY_SECONDS = 30.0
"""For how long a single round starts to send alerts; the rest waits for the next one."""
GRACE_SECONDS = 3.0
"""How long a running request may still take after a stop signal."""


class Command(BaseCommand):
    help = (
        "Sync every environment and print one line for each: what changed, or why it was not synced. "
        "Exit status 1 if the data of one stays old."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", metavar="SLUG", help="only this team's environments")
        parser.add_argument(
            "--every", type=int, metavar="SECONDS", help="repeat until SIGTERM or Ctrl-C, and print only news"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="ignore back-off, Retry-After, refusal and the gap, but not a lease",
        )

    def handle(self, *args: object, team: str | None, every: int | None, force: bool, **options: object) -> None:
        try:
            self._check(team, every, force)
            if every is not None:
                self._go_on(team, every)
            elif not self._once(team, Caller.FORCE if force else Caller.COMMAND):
                raise SystemExit(FAILED)
        except (OperationalError, ProgrammingError) as problem:
            text = _("The database cannot be used (%(why)s). Is it migrated? manage.py migrate")
            raise CommandError(text % {"why": problem}, returncode=FAILED) from None

    def _check(self, team: str | None, every: int | None, force: bool) -> None:
        if every is not None and every < LEAST_EVERY:
            text = _("--every needs at least %(least)d seconds: no environment is asked more often.")
            raise CommandError(text % {"least": LEAST_EVERY}, returncode=WRONG_USE)
        if every is not None and force:
            raise CommandError(_("--force is for one round; it does not go with --every."), returncode=WRONG_USE)
        if every is not None and settings.HEARTBEAT_URL:
            try:
                target_of(settings.HEARTBEAT_URL)
            except Refused as why:
                raise CommandError(f"HEARTBEAT_URL: {why}", returncode=WRONG_USE) from None
        if team and not Team.objects.filter(slug=team).exists():
            raise CommandError(_("There is no team %(slug)r.") % {"slug": team}, returncode=WRONG_USE)

    def _once(self, team: str | None, caller: Caller) -> bool:
        environments = environments_of(team)
        well = round_once(team, caller, self._tell, news=News(all_of_it=True))
        Ticker(announce).tick()
        deliver(budget=DELIVERY_SECONDS)
        if not environments:
            self._tell(_("There is no environment yet. manage.py provision makes them from a file."))
        return well

    def _go_on(self, team: str | None, every: int) -> None:
        news = News(all_of_it=False)
        # A longer request is abandoned: its lease expires, and the mirror stays consistent.
        with stop_on_signals(give_up_after=GRACE_SECONDS) as stop:
            seconds, housekeeping = max(every, LEAST_BEAT), Housekeeping(self._tell_with_time, stop)
            ticker, heartbeat = Ticker(announce), Heartbeat()
            with sending(stop) as deliveries:
                for beat in beats(seconds, stop):
                    round_once(team, Caller.COMMAND, self._tell_with_time, news=news, stop=stop)
                    if self._tick(ticker, timedelta(seconds=seconds)):
                        heartbeat.beat()
                    deliveries.wake()
                    housekeeping.until(next_beat(beat, seconds, time.monotonic()))

    def _tick(self, ticker: Ticker, every: timedelta) -> bool:
        """Settle what no list did. The round has told it if the database cannot be used: then it is not a good one."""
        with suppress(OperationalError, InterfaceError):
            ticker.tick()
            note_round(timezone.now(), every)
            return True
        return False

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _tell_with_time(self, line: str) -> None:
        self._tell(f"{timezone.now():%H:%M:%S} UTC  {line}")
