import os
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from dashboard.run.supervisor import ROOT
from snapshots.demo.show import add_options


class Command(BaseCommand):
    help = "Run the whole product on this machine with the simulator as its provider. The same: make demo."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_options(parser)

    def handle(self, *args: object, **options: object) -> None:
        """Become `python -m snapshots.demo`: its settings are not those that this process has loaded."""
        ports = [f"--{name.replace('_', '-')}={options[name]}" for name in ("port", "simulator_port")]
        given = [f"--folder={Path(str(options['folder'])).resolve()}", *ports]
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "snapshots.demo", *given])  # noqa: S606
