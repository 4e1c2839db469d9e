"""What `make` offers, and what it says where something is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.management.programs import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TOOLS = ("sh", "env", "id")
SERVICES = str(ROOT / ".ci" / "services")
TOOLS_OF_TESTS = str(ROOT / ".ci" / "tools")
PROGRAMS = ("initdb", "pg_ctl", "redis-server")
SERVICES_TOOLS = ("bash", "find", "sort", "tail", "dirname")


def call(*command: str, cwd: Path = ROOT, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "SERVICES"))}
    variables = kept | {"PATH": path}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder for PATH with the barest tools."""
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    return tmp_path


def put(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_plain_make_lists_every_target() -> None:
    listed = re.findall(r"^  make ([\w-]+)", call("make").stdout, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert listed == phony.split()


def test_run_needs_settings(tmp_path: Path) -> None:
    clone = tmp_path / "a clone"
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / "requirements").mkdir()
    for name in ("requirements/runtime.txt", ".venv/bin/python", ".venv/runtime.stamp"):
        (clone / name).touch()
    (clone / "Makefile").write_text(MAKEFILE)
    ran = call("make", "run", cwd=clone)
    assert ran.returncode == 2
    assert "cp .env.example .env" in ran.stderr


@pytest.mark.parametrize("name", ["runtime", "test"])
def test_a_set_of_packages_that_lacks_one_is_not_installed(tmp_path: Path, name: str) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    put(
        tmp_path / ".venv" / "bin",
        "python",
        f'case "$*" in *{name}.txt) touch put;; "-m pip check") ! [ -e put ];; esac',
    )
    (tmp_path / "requirements").mkdir()
    for lock in ("requirements/runtime.txt", "requirements/test.txt"):
        (tmp_path / lock).touch()
    (tmp_path / "Makefile").write_text(MAKEFILE)
    assert call("make", ".venv/test.stamp", cwd=tmp_path).returncode == 2
    assert (tmp_path / ".venv" / "runtime.stamp").exists() is (name == "test")
    assert not (tmp_path / ".venv" / "test.stamp").exists()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 127", "is too old: Python 3.11 or newer is needed"),
        ("case $2 in *ensurepip*) exit 1;; *print*) echo 3.12;; esac", "apt-get install python3.12-venv"),
    ],
)
def test_a_python_that_will_not_do(bare: Path, script: str, sentence: str) -> None:
    put(bare, "python3", script)
    ran = call("sh", str(ROOT / ".ci" / "python"), path=str(bare))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert sentence in ran.stderr


def test_no_python_at_all(bare: Path) -> None:
    ran = call("sh", str(ROOT / ".ci" / "python"), path=str(bare))
    assert (ran.returncode, ran.stderr.startswith("There is no python3. Install Python 3.11 or newer")) == (1, True)


def test_no_chromium_and_no_way_to_install_it(bare: Path) -> None:
    ran = call("sh", str(ROOT / ".ci" / "chromium"), path=str(bare))
    assert ran.returncode == 1
    assert "there is no apt-get here to install it with. Install chromium" in ran.stderr


def test_chromium_is_installed_where_root_may(bare: Path) -> None:
    (bare / "id").unlink()
    put(bare, "id", "echo 0")
    put(bare, "apt-get", f'[ "$1" = update ] || {shutil.which("cp")} {bare}/env {bare}/chromium')
    assert call("sh", str(ROOT / ".ci" / "chromium"), path=str(bare)).returncode == 0
    assert (bare / "chromium").is_file()


def test_a_pointer_to_a_browser_is_none(bare: Path) -> None:
    put(bare, "chromium-browser", "exit 1")
    assert call("sh", str(ROOT / ".ci" / "chromium"), path=str(bare)).returncode == 1


def test_a_chromium_that_is_there_will_do(bare: Path) -> None:
    put(bare, "google-chrome", "echo Google Chrome 150")
    assert call("sh", str(ROOT / ".ci" / "chromium"), path=str(bare)).returncode == 0


@pytest.fixture
def bare_bash(bare: Path) -> Path:
    for tool in SERVICES_TOOLS:
        (bare / tool).symlink_to(shutil.which(tool) or "")
    return bare


def test_no_second_database_and_no_way_to_install_it(bare_bash: Path) -> None:
    ran = call("bash", SERVICES, path=str(bare_bash))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "there is no apt-get here to install them with. Install postgresql and redis-server" in ran.stderr
    assert "make test SERVICES=no" in ran.stderr


def test_a_failed_installation_of_the_second_database_is_said(bare_bash: Path) -> None:
    (bare_bash / "id").unlink()
    put(bare_bash, "id", "echo 0")
    put(bare_bash, "apt-get", '[ "$1" = update ]')
    ran = call("bash", SERVICES, "true", path=str(bare_bash))
    assert ran.returncode == 1
    assert "apt-get could not install them" in ran.stderr


def test_the_second_database_is_installed_where_root_may(bare_bash: Path) -> None:
    (bare_bash / "id").unlink()
    put(bare_bash, "id", "echo 0")
    copies = "; ".join(f"{shutil.which('cp')} {bare_bash}/env {bare_bash}/{name}" for name in PROGRAMS)
    put(bare_bash, "apt-get", f'[ "$1" = update ] || {{ {copies}; }}')
    ran = call("bash", SERVICES, path=str(bare_bash))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (bare_bash / "redis-server").is_file()


def test_the_second_database_is_passed_over_aloud(bare_bash: Path) -> None:
    ran = call("env", "SERVICES=no", "bash", SERVICES, "false", path=str(bare_bash))
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "SERVICES=no" in ran.stderr


def test_no_other_tools_and_no_way_to_install_them(bare: Path) -> None:
    ran = call("sh", TOOLS_OF_TESTS, path=str(bare))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "there is no apt-get here to install them with" in ran.stderr
    assert "apt-get install libreoffice-calc prometheus default-jre-headless" in ran.stderr


def test_the_other_tools_are_installed_where_root_may(bare: Path) -> None:
    (bare / "id").unlink()
    put(bare, "id", "echo 0")
    for name in ("promtool", "java", "curl", "jq"):
        put(bare, name, "exit 0")
    asked, copy = bare / "asked", f"{shutil.which('cp')} {bare}/env {bare}/soffice"
    put(bare, "apt-get", f'[ "$1" = update ] || {{ echo "$@" >{asked}; {copy}; }}')
    ran = call("sh", TOOLS_OF_TESTS, path=str(bare))
    assert (ran.returncode, ran.stdout) == (0, "Installing libreoffice-calc with apt-get ...\n")
    assert asked.read_text().endswith("--no-install-recommends libreoffice-calc\n")
    assert call("sh", TOOLS_OF_TESTS, path=str(bare)).stdout == ""
