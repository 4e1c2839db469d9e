"""Whatever lists show, a volume shown as fresh has a usable snapshot that is young enough, and a late one has none.

`make judge` tries 2,000 histories, `make test` 50. `HISTORIES` chooses another number.
"""

import os
from collections.abc import Callable

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from tests.verdicts.histories import Found, History, Tried, histories

pytestmark = pytest.mark.django_db
FEW = 50
NUMBER = int(os.environ.get("HISTORIES", FEW))
TRIED = settings(
    max_examples=NUMBER,
    derandomize=NUMBER == FEW,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def played(history: History) -> Found:
    """Play a history and leave nothing of it."""
    with transaction.atomic():
        found = Tried(history).play()
        transaction.set_rollback(True)
    return found


def test_no_history_shows_what_is_not_so(figures: Callable[..., None]) -> None:
    found = Found()
    number = 0

    @TRIED
    @given(histories)
    def tried(history: History) -> None:
        nonlocal number
        one = played(history)
        number += 1
        found.verdicts += one.verdicts
        found.words += one.words
        assert one.wrong == []

    tried()
    words = {word.replace(" ", "_"): number for word, number in sorted(found.words.items())}
    figures("histories", tried=number, verdicts=found.verdicts, **words)
