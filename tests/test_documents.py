"""What the documents name is there: settings, targets, commands and files."""

import re
from pathlib import Path

from django.core.management import get_commands

from tests.loops import in_turn
from tests.management.programs import ROOT

DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TARGET = re.compile(r"(?:`|^ {4}|&& )make ([a-z]+)", re.MULTILINE)
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
PLACE = re.compile(r"`((?:dashboard|snapshots|tests|templates|docs|bench)/[\w./]*)")
SETTING = re.compile(r"^#?([A-Z_]+)=", re.MULTILINE)
ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def text(name: str) -> str:
    return (ROOT / name).read_text()


@in_turn("name", DOCUMENTS)
def test_every_target_exists(name: str) -> None:
    targets = re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE)
    assert sorted({*TARGET.findall(text(name))} - {*targets}) == []


@in_turn("name", DOCUMENTS)
def test_every_command_exists(name: str) -> None:
    assert sorted({*COMMAND.findall(text(name))} - {*get_commands()}) == []


@in_turn("name", DOCUMENTS)
def test_every_file_exists(name: str) -> None:
    assert [place for place in PLACE.findall(text(name)) if not Path(ROOT / place).exists()] == []


def test_every_setting_is_explained() -> None:
    assert ROW.findall(text("docs/operate.md")) == list(dict.fromkeys(ROW.findall(text("docs/operate.md"))))
    assert sorted(ROW.findall(text("docs/operate.md"))) == sorted(SETTING.findall(text(".env.example")))


def test_the_expressions_find_what_they_look_for() -> None:
    documents = "".join(map(text, DOCUMENTS))
    assert {"test", "weather"} <= {*TARGET.findall(documents)}
    assert {"provision", "rotate_keys"} <= {*COMMAND.findall(documents)}
    assert "snapshots/lists/snapshot_filters.py" in PLACE.findall(documents)
