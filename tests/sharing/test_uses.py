"""Counting the requests for a link: the first at once, the others together, none lost."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.teams.models import AuditEvent, EventKind
from snapshots.models import ShareLink
from snapshots.sharing import usage
from tests.sharing.conftest import Make, visit
from tests.views.snapshots.reading import tree
from tests.waiting import together

Tell = Callable[..., None]


def uses() -> int:
    return ShareLink.objects.get().uses


@pytest.mark.both_databases
def test_the_first_is_written_at_once_the_rest_together(
    make: Make, clock: time_machine.Traveller, figures: Tell
) -> None:
    link = make()
    visit(link)
    assert uses() == 1
    clock.shift(30)
    with CaptureQueriesContext(connection) as asked:
        for _ in range(20):
            visit(link)
    assert [each for each in asked.captured_queries if each["sql"].startswith(("INSERT", "UPDATE"))] == []
    with CaptureQueriesContext(connection) as asked:
        usage.write()
        usage.write()
    assert len([each for each in asked.captured_queries if "UPDATE" in each["sql"]]) == 1
    row = ShareLink.objects.get()
    figures("shared links", openings=21, counted=row.uses)
    assert row.first_used_at is not None
    assert row.last_used_at is not None
    assert (row.uses, row.last_used_at - row.first_used_at) == (21, timedelta(seconds=30))


NOT_SHOWN = (
    *({"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}),
    *({"X-Purpose": "preview"}, {"X-Moz": "Prefetch"}),
)


@pytest.mark.parametrize("headers", NOT_SHOWN, ids=str)
def test_a_prefetch_does_not_count(make: Make, headers: dict[str, str]) -> None:
    assert Client().get(make(), headers=headers).status_code == 200
    usage.write()
    assert (uses(), AuditEvent.objects.filter(kind=EventKind.SHARE_OPENED).count()) == (0, 0)


def test_head_and_a_dead_link_do_not_count(make: Make) -> None:
    link = make()
    visit(link)
    for _ in range(3):
        visit(link, method="HEAD")
    visit(f"{link}x")
    usage.write()
    assert uses() == 1


def test_nobody_is_said_to_have_opened_it(make: Make, mia_client: Client) -> None:
    """A mail scanner's GET looks like a person's."""
    link, page = make(), "/t/acme/settings/shared-links/"
    for requests in ("0", "1", "2"):
        (line,) = tree(mia_client.get(page)).one("ul", css="links").all("li")
        assert line.attributes["data-requests"] == requests
        assert "opened" not in line.text
        visit(link)
        usage.write()
    assert "opened" not in EventKind.SHARE_OPENED.label


def test_a_quiet_minute_writes_them_by_itself(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer is the process's own: here it is ended early, and does what it does after a minute."""
    link = make()
    visit(link)
    visit(link)
    timer = usage.pending._timer
    assert timer is not None
    assert (timer.interval, timer.daemon, timer.function) == (60.0, True, usage.write_in_thread)
    visit(link)
    second = usage.pending._timer
    assert second is timer
    monkeypatch.setattr(connection, "close", lambda: None)
    timer.function()
    assert (uses(), usage.pending._timer) == (3, None)


@pytest.mark.both_databases
def test_a_busy_database_loses_none(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    link = make()
    visit(link)
    visit(link)

    def busy(_taken: object) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(usage, "_store", busy)
        usage.write()
    visit(link)
    usage.write()
    assert uses() == 3


def test_threads_lose_none() -> None:
    now, pending = timezone.now(), usage.Pending()

    def add() -> None:
        for _ in range(500):
            pending.add({1: usage.Uses(1, now)})

    together([add] * 4, what="the four who count")
    assert pending.take() == {1: usage.Uses(2_000, now)}


def test_the_end_of_a_process_writes_them() -> None:
    """A separate process that only counts, and exits."""
    code = """
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
from django.utils import timezone
from dashboard.teams.models import AuditEvent, EventKind
from snapshots.sharing import usage
usage._store = lambda taken: print(taken[7].number)
usage.pending.add({7: usage.Uses(3, timezone.now())})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "3\n"
