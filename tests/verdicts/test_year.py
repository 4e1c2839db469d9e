"""Short replays: a chapter of the year, and a broken rule that it must notice.

`make proof` replays a month in which everything happens once, `make judge` the year and all separate chapters, and
breaks every rule.
"""

import pytest

from snapshots.models import Change, Snapshot
from tests.proof import first
from tests.verdicts.year.chapters import CHAPTERS
from tests.verdicts.year.happens import HAPPENS
from tests.verdicts.year.lab import Lab
from tests.verdicts.year.mutations import MUTATIONS, applied
from tests.verdicts.year.replay import Replay
from tests.verdicts.year.tally import Tally

RULES = ("a run under way does not count", "any number in a name is a time", "fresh forever")


@pytest.mark.proof
@pytest.mark.django_db
def test_a_month_without_a_wrong_verdict() -> None:
    replay = Replay(1, is_dense=False, by_sockets=False)
    tally = replay.run()
    assert tally.wrong == []
    assert tally.ratio <= 1.1
    assert [name for name in HAPPENS if not tally.met[name]] == []
    assert (tally.syncs > 110, tally.missed > 25) == (True, True)
    assert Snapshot.objects.no_longer_listed().exists()
    assert Change.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", first(1, RULES))
def test_a_broken_rule_is_noticed(name: str) -> None:
    focus = MUTATIONS[name].focus
    assert not isinstance(focus, str)
    with applied(name):
        assert Replay(1, focus=focus, by_sockets=False).run().wrong


def replayed_apart(name: str) -> Tally:
    (script, start), tally = CHAPTERS[name], Tally()
    Lab(name, script, tally, start=start, stops_at_wrong=True).run()
    return tally


@pytest.mark.django_db
@pytest.mark.parametrize("name", first(1, ["turnover", "behind the end", "names of a wrong clock"]))
def test_a_chapter_of_its_own_without_a_wrong_verdict(name: str) -> None:
    tally = replayed_apart(name)
    assert tally.wrong == []
    assert tally.hours_said <= 1.1 * tally.hours_open + 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", first(1, ["an older witness does not count", "the date field does not count"]))
def test_a_chapter_of_its_own_notices_a_broken_rule(name: str) -> None:
    with applied(name):
        assert replayed_apart(str(MUTATIONS[name].focus)).wrong
