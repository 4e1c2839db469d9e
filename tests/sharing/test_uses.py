"""Counting how often a link was opened: the first at once, the others together, none lost."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from snapshots import share_uses
from snapshots.models import ShareLink
from tests.sharing.conftest import Make, visit

Tell = Callable[..., None]


def uses() -> int:
    return ShareLink.objects.get().uses


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
        share_uses.write()
        share_uses.write()
    assert len([each for each in asked.captured_queries if "UPDATE" in each["sql"]]) == 1
    row = ShareLink.objects.get()
    figures("shared links", openings=21, counted=row.uses)
    assert (row.uses, row.last_used_at - row.first_used_at) == (21, timedelta(seconds=30))


def test_a_look_of_a_machine_and_a_dead_link_count_nothing(make: Make) -> None:
    link = make()
    visit(link, method="HEAD")
    visit(f"{link}x")
    share_uses.write()
    assert (uses(), ShareLink.objects.get().first_used_at) == (0, None)


def test_a_quiet_minute_writes_them_by_itself(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer is the process's own: here it is ended early, and does what it does after a minute."""
    link = make()
    visit(link)
    visit(link)
    timer = share_uses.pending._timer
    assert timer is not None
    assert (timer.interval, timer.daemon, timer.function) == (60.0, True, share_uses.write_in_thread)
    visit(link)
    assert share_uses.pending._timer is timer
    monkeypatch.setattr(connection, "close", lambda: None)
    timer.function()
    assert (uses(), share_uses.pending._timer) == (3, None)


def test_a_busy_database_loses_none(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    link = make()
    visit(link)
    visit(link)

    def busy(_taken: object) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(share_uses, "_store", busy)
        share_uses.write()
    visit(link)
    share_uses.write()
    assert uses() == 3


def test_threads_lose_none() -> None:
    now, pending = timezone.now(), share_uses.Pending()
    threads = [Thread(target=lambda: [pending.add({1: share_uses.Uses(1, now)}) for _ in range(500)]) for _ in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pending.take() == {1: share_uses.Uses(2_000, now)}


def test_the_end_of_a_process_writes_them() -> None:
    """A process of its own that only counts, and ends."""
    code = """
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
from django.utils import timezone
from snapshots import share_uses
share_uses._store = lambda taken: print(taken[7].number)
share_uses.pending.add({7: share_uses.Uses(3, timezone.now())})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "3\n"
