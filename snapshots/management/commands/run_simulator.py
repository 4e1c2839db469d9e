"""`manage.py run_simulator`: the same program as `python -m snapshots.simulator`, which needs no Django."""

import sys
from argparse import Namespace

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from snapshots.simulator.options import add_options, run


class Command(BaseCommand):
    help = _("Run the provider's API as a program of its own, for a demo or for development.")
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add_options(parser)

    def handle(self, *args: object, **options: object) -> None:
        sys.exit(run(Namespace(**options)))
