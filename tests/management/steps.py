"""Run a command as at the terminal, in this process, and see all that a person would see."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import CommandError

KEY = "CANARY-key-of-acme"
PASSWORD = "CANARY-three-horses-and-a-stapler"
TEAM = """
[[team]]
slug = "acme"
name = "Acme Platform"
api_key = { env = "ACME_KEY" }
environments = ["compute-on/prod", "compute-qc/prod"]
[[team.member]]
email = "alice@example.com"
role = "admin"
password = { env = "ALICE_PASSWORD" }
"""


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def run(name: str, *arguments: str) -> Ran:
    out = StringIO()
    try:
        call_command(name, *arguments, stdout=out)
    except CommandError as error:
        return Ran(error.returncode, out.getvalue(), str(error))
    except SystemExit as end:
        return Ran(int(end.code or 0), out.getvalue(), "")
    return Ran(0, out.getvalue(), "")


def write(folder: Path, text: str) -> str:
    path = folder / "teams.toml"
    path.write_text(text)
    return str(path)
