"""In any history, a volume shown as fresh has a usable snapshot that is young enough, and a late one has none.

`make judge` tries 2,000 histories, `make test` 15. `HISTORIES` chooses another number.
"""

import os
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings

from tests.verdicts.histories import Found, History, Kept, Tried, Turn, histories

pytestmark = pytest.mark.django_db
FEW = 15
# The others go through the same client, whose door to the network is answered by the simulator at once.
SOCKETS_EVERY = 10
NUMBER = int(os.environ.get("HISTORIES", FEW))
TRIED = settings(
    max_examples=NUMBER,
    derandomize=NUMBER == FEW,
    deadline=None,
    database=None,
    # To find the shortest example takes minutes: report the first one unchanged.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def played(history: History, *, by_sockets: bool = False) -> Found:
    """Play a history and leave nothing of it."""
    with transaction.atomic():
        found = Tried(history, by_sockets=by_sockets).play()
        transaction.set_rollback(True)
    return found


def test_no_history_shows_what_is_not_so(figures: Callable[..., None]) -> None:
    found = Found()
    tried = Counter[str]()

    @TRIED
    @given(histories)
    def try_one(history: History) -> None:
        tried["tried"] += 1
        one = played(history, by_sockets=tried["tried"] % SOCKETS_EVERY == 0)
        found.verdicts += one.verdicts
        found.words += one.words
        found.happened += one.happened
        assert not one.wrong, f"{one.wrong[:3]} in {history}"

    try_one()
    figures("histories", tried=tried["tried"], verdicts=found.verdicts)
    for name, counted in (("verdicts of histories", found.words), ("happened in histories", found.happened)):
        figures(name, **{word.replace(" ", "_"): number for word, number in sorted(counted.items())})


HOURLY = Kept("HOURLY", target=24, past=3, fate="fine", fate_from=0, fate_hours=1)
MISSED = Kept("HOURLY", target=None, past=3, fate="missed", fate_from=0, fate_hours=9)


@pytest.mark.parametrize(
    "history",
    [
        # Our clock jumps while the provider's is known to be wrong.
        History((HOURLY,) * 3, (), (20, 7, 7, 20), (Turn("ours", (3, 1), 2), Turn("provider", (2, 3), 24))),
        # Our clock goes back by less than a step: the smaller step is not the right one for that.
        History((MISSED,) * 4, (), (20, 20, 20), (Turn("ours", (2, 1), 1),)),
    ],
)
def test_clocks_that_once_fooled_the_verdicts(history: History) -> None:
    found = played(history)
    assert found.verdicts
    assert not found.wrong
