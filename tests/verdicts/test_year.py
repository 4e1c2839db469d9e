"""The shortest replay: a month in which everything happens once, and a broken rule that it must notice.

`make judge` replays the year, and breaks every rule.
"""

import pytest

from snapshots.models import Change, Snapshot
from tests.verdicts.year.happens import HAPPENS
from tests.verdicts.year.mutations import MUTATIONS, applied
from tests.verdicts.year.replay import Replay


@pytest.mark.django_db
def test_a_month_without_a_wrong_verdict() -> None:
    replay = Replay(1, is_dense=False)
    tally = replay.run()
    assert tally.wrong == []
    assert tally.ratio <= 1.1
    assert [name for name in HAPPENS if not tally.met[name]] == []
    assert (tally.syncs > 140, tally.missed > 25) == (True, True)
    assert Snapshot.objects.no_longer_listed().exists()
    assert Change.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["a run under way does not count", "any number in a name is a time", "fresh for ever"])
def test_a_broken_rule_is_noticed(name: str) -> None:
    with applied(name):
        assert Replay(1, focus=MUTATIONS[name].focus).run().wrong
