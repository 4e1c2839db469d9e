from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from snapshots.setup import provision
from snapshots.setup.team_file import TeamEntry, TeamFileError, read_teams

WOULD_CHANGE = 1
WRONG_FILE = 2
NO_DATABASE = 3
LEFT_OUT = 4


class Command(BaseCommand):
    help = (
        "Make teams, members, environments and API keys what a TOML file says. Adds and updates; removes only with "
        "--prune. Exit status: 0 done or nothing to do, 1 with --check if something would change, 2 for a wrong file, "
        "3 if the database cannot be used, 4 if all is done but for people who have to prove their address first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.toml", type=Path)
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if something would change")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="list what the file lacks (teams, members, environments, keys), then remove it; accounts stay",
        )

    def handle(self, *args: object, file: Path, prune: bool, check: bool, **options: object) -> None:
        try:
            teams = read_teams(Path(file))
            if check:
                self._check(teams, prune=prune)
            else:
                self._provision(teams, prune=prune)
        except TeamFileError as error:
            raise CommandError("\n".join(error.problems), returncode=WRONG_FILE) from None
        except (OperationalError, ProgrammingError) as problem:
            text = _("The database cannot be used (%(why)s). Nothing was changed. Is it migrated? manage.py migrate")
            raise CommandError(text % {"why": problem}, returncode=NO_DATABASE) from None

    def _check(self, teams: list[TeamEntry], *, prune: bool) -> None:
        plan = provision.compare(teams, prune=prune)
        for sentence in [*plan.sentences, *plan.warnings]:
            self.stdout.write(sentence)
        count = len(plan.sentences)
        if count:
            text = ngettext("%(count)d change would be made.", "%(count)d changes would be made.", count)
            raise CommandError(text % {"count": count}, returncode=WOULD_CHANGE)
        self.stdout.write(_("Nothing to change."))
        self._tell_who_is_left_out(plan.left_out)

    def _provision(self, teams: list[TeamEntry], *, prune: bool) -> None:
        told: list[str] = []

        def tell(sentence: str) -> None:
            told.append(sentence)
            self.stdout.write(sentence)

        done = provision.provision(teams, prune=prune, tell=tell, warn=self.stdout.write)
        for link in done.links:
            text = _("One-time link for %(email)s, good for seven days, printed only now: %(url)s")
            self.stdout.write(text % {"email": link.email, "url": link.url})
        count = len(told)
        made = ngettext("%(count)d change made.", "%(count)d changes made.", count) % {"count": count}
        self.stdout.write(made if told else _("Nothing to change."))
        self._tell_who_is_left_out(done.left_out)

    def _tell_who_is_left_out(self, left_out: list[str]) -> None:
        if left_out:
            text = _("Left out until the address is proved: %(emails)s.") % {"emails": ", ".join(left_out)}
            raise CommandError(text, returncode=LEFT_OUT)
