"""What the tests put back of the mirror is to the row what the mirror's own code makes."""

import pytest
import time_machine
from django.db import transaction

from dashboard.teams.models import ApiKey
from snapshots.cloudca.records import SnapshotRecord
from tests import kept
from tests.views.snapshots.conftest import NOW, OTHER_PATH, PATH, Fill, record

pytestmark = [pytest.mark.django_db, pytest.mark.defaults]


def lists() -> list[tuple[str, list[SnapshotRecord]]]:
    """Lists in which snapshots come, change, are left out and return, of two environments."""
    rows = [record(number) for number in range(1, 6)]
    changed = [record(2, state="Error"), *rows[2:]]
    first = [(PATH, rows), (OTHER_PATH, rows[:1]), (PATH, changed)]
    return [*first, (PATH, changed[1:]), (PATH, changed[2:]), (PATH, rows)]


def states(fill: Fill, key: ApiKey, clock: time_machine.Traveller) -> list[kept.Rows]:
    """All rows after each of the lists, which are then taken back."""
    found = []
    clock.move_to(NOW)
    with transaction.atomic():
        for path, records in lists():
            fill(records, path=path)
            found.append(kept.rows_of_mirror(f"{key.pk}:{key.generation}"))
            clock.shift(60)
        transaction.set_rollback(True)
    return found


def test_what_is_put_back_is_what_was_made(fill: Fill, key: ApiKey, clock: time_machine.Traveller) -> None:
    kept._changes.clear()
    made = states(fill, key, clock)
    number = len(kept._changes)
    assert number == len(lists())
    assert states(fill, key, clock) == made
    assert len(kept._changes) == number, "the second time nothing was made"
    assert len({repr(state) for state in made}) == number
