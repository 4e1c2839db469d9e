"""What a list says against the mirror: tables, and a long random walk beside a naive model of the rules."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from snapshots.sync.diff import Doubt, Known, Plan, Trust, compare
from tests.loops import in_turn
from tests.proof import first

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Row(NamedTuple):
    id: str
    fingerprint: str = "a"


def known(*numbers: int, missing_since: datetime | None = None, listed: bool = True) -> dict[str, Known]:
    return {str(number): Known(number, "a", missing_since, listed) for number in numbers}


def against(
    mirror: dict[str, Known], numbers: Iterable[int], *, complete: bool = True, doubt: Doubt | None = None
) -> Plan[Row]:
    return compare(mirror, [Row(str(number)) for number in numbers], trust=Trust(complete), doubt=doubt, now=NOW)


def test_an_equal_list_changes_nothing() -> None:
    assert against(known(1, 2), [2, 1]).is_empty


def test_new_and_changed_rows_are_told_apart() -> None:
    plan = compare(known(1, 2), [Row("1"), Row("2", "b"), Row("3")], trust=Trust(), doubt=None, now=NOW)
    assert (plan.added, plan.changed) == ([Row("3")], [(2, Row("2", "b"))])


def test_a_row_is_left_out_first_and_missing_when_the_next_list_agrees() -> None:
    plan = against(known(1, 2), [1])
    assert (plan.left_out, plan.missing, plan.gone) == ([2], [], 1)
    plan = against(known(1) | known(2, missing_since=NOW - MINUTE), [1])
    assert (plan.left_out, plan.missing, plan.gone) == ([], [2], 1)


@in_turn("listed", [True, False])
def test_a_row_that_is_back_is_returned(listed: bool) -> None:
    plan = against(known(1) | known(2, missing_since=NOW - MINUTE, listed=listed), [1, 2])
    assert (plan.returned, plan.left_out, plan.missing) == ([2], [], [])


def test_a_buried_row_is_left_in_peace() -> None:
    assert against(known(1) | known(2, missing_since=NOW - MINUTE, listed=False), [1]).is_empty


def test_an_incomplete_list_adds_updates_and_returns_but_buries_nothing() -> None:
    doubt = Doubt(NOW - MINUTE, 1, NOW - MINUTE, 30)
    mirror = known(1) | known(2, 3, missing_since=NOW - MINUTE)
    plan = against(mirror, [2, 4], complete=False, doubt=doubt)
    assert (plan.added, plan.returned, plan.left_out, plan.missing) == ([Row("4")], [2], [], [])
    assert plan.doubt == doubt


@in_turn(
    ("before", "after", "is_doubted"),
    [
        (1, 0, True),
        (200, 0, True),
        (0, 0, False),
        (20, 10, False),  # ten rows, half of them
        (20, 9, True),  # eleven, more than half
        (22, 11, False),  # eleven, but only half
        (21, 10, True),
        (10, 1, False),  # nine rows: too few to doubt
        (100, 50, False),
        (100, 49, True),
    ],
)
def test_a_list_that_lost_too_much_is_doubted(before: int, after: int, is_doubted: bool) -> None:
    plan = against(known(*range(before)), range(after))
    assert (plan.doubt is not None) is is_doubted
    assert (len(plan.left_out), plan.missing) == (before - after, [])


def test_a_doubt_ends_in_a_burial_after_two_further_lists_ten_minutes_apart() -> None:
    doubt = Doubt(NOW - 20 * MINUTE, 1, NOW - 10 * MINUTE, 30)
    mirror = known(*range(10)) | known(*range(10, 30), missing_since=doubt.since)
    plan = against(mirror, range(10), doubt=doubt)
    assert (len(plan.missing), plan.doubt) == (20, None)


@in_turn("checks", [0, 1])
def test_a_list_that_comes_too_early_neither_counts_nor_delays(checks: int) -> None:
    doubt = Doubt(NOW - 20 * MINUTE, checks, NOW - 10 * MINUTE + timedelta(seconds=1), 30)
    mirror = known(*range(10)) | known(*range(10, 30), missing_since=doubt.since)
    plan = against(mirror, range(10), doubt=doubt)
    assert (plan.missing, plan.doubt) == ([], doubt)


def test_only_rows_that_went_when_the_doubt_began_are_buried_with_it() -> None:
    doubt = Doubt(NOW - 20 * MINUTE, 1, NOW - 10 * MINUTE, 40)
    later = known(*range(30, 33), missing_since=NOW - 5 * MINUTE)
    mirror = known(*range(10)) | known(*range(10, 30), missing_since=doubt.since) | later
    plan = against(mirror, range(9), doubt=doubt)
    assert sorted(plan.missing) == list(range(10, 30))
    assert plan.left_out == [9]


def test_a_normal_list_in_between_ends_the_doubt() -> None:
    doubt = Doubt(NOW - MINUTE, 1, NOW - MINUTE, 30)
    mirror = known(*range(10)) | known(*range(10, 30), missing_since=doubt.since)
    plan = against(mirror, range(28), doubt=doubt)
    assert plan.doubt is None
    assert (len(plan.returned), sorted(plan.missing)) == (18, [28, 29])


def test_another_accounts_list_does_not_make_itself_the_measure() -> None:
    first = against(known(*range(30)), range(100, 130))
    mirror = known(*range(30), missing_since=NOW) | known(*range(100, 130))
    second = against(mirror, range(100, 130), doubt=first.doubt)
    assert first.doubt is not None
    assert (second.doubt, second.missing) == (first.doubt, [])


# --- the walk: the rules written down a second time, slowly


@dataclass
class Trial:
    """A doubt as the rules tell it: when, what went, out of how many, and when later lists agreed."""

    began: datetime
    went: frozenset[str]
    out_of: int
    agreed: list[datetime] = field(default_factory=list)


@dataclass
class Naive:
    """Every row's life as a word, changed by reading the rules from top to bottom."""

    life: dict[str, str] = field(default_factory=dict)  # present, candidate, gone
    trial: Trial | None = None

    def hear(self, names: set[str], *, complete: bool, now: datetime) -> None:
        listed_before = {name for name, life in self.life.items() if life != "gone"}
        candidates = {name for name, life in self.life.items() if life == "candidate"}
        for name in names:
            self.life[name] = "present"
        if not complete:
            self._forget_returned(names)
            return
        absent = listed_before - names
        for name in absent:
            self.life[name] = "candidate"
        self._judge(names, absent, candidates & absent, len(listed_before), now)
        self._forget_returned(names)

    def _forget_returned(self, names: set[str]) -> None:
        if self.trial:
            self.trial.went -= names

    def _judge(self, names: set[str], absent: set[str], twice: set[str], listed: int, now: datetime) -> None:
        lost = absent if self.trial else absent - twice
        out_of = self.trial.out_of if self.trial else listed
        if not (listed and not names) and not (len(lost) > 10 and len(lost) > out_of / 2):
            self.trial = None
            self._bury(twice)
        elif self.trial is None:
            self.trial = Trial(now, frozenset(absent), listed)
        else:
            self._agree(self.trial, twice, now)

    def _agree(self, trial: Trial, twice: set[str], now: datetime) -> None:
        last = trial.agreed[-1] if trial.agreed else trial.began
        if now - last >= timedelta(minutes=10):
            trial.agreed.append(now)
        if len(trial.agreed) == 2:
            self._bury(twice & trial.went)
            self.trial = None

    def _bury(self, names: set[str]) -> None:
        for name in names:
            self.life[name] = "gone"


def apply(mirror: dict[str, Known], plan: Plan[Row], now: datetime) -> Doubt | None:
    """Do to the mirror what a plan says, as the database would; return the doubt that it leaves."""
    names = {row.pk: name for name, row in mirror.items()}
    for pk in plan.returned:
        mirror[names[pk]] = mirror[names[pk]]._replace(missing_since=None, listed=True)
    for pk in plan.left_out:
        mirror[names[pk]] = mirror[names[pk]]._replace(missing_since=now)
    for pk in plan.missing:
        mirror[names[pk]] = mirror[names[pk]]._replace(listed=False)
    for pk, record in plan.changed:
        mirror[names[pk]] = mirror[names[pk]]._replace(fingerprint=record.fingerprint)
    for record in plan.added:
        mirror[record.id] = Known(len(mirror) + 1, record.fingerprint, None, True)
    return plan.doubt


def life_of(row: Known) -> str:
    if not row.listed:
        return "gone"
    return "present" if row.missing_since is None else "candidate"


def next_world(walk: random.Random, world: set[str], fresh: int) -> set[str]:
    """Now and then a row comes, goes or returns; rarely nearly all go or another world answers."""
    kind = walk.choices(["still", "grow", "lose", "crash", "empty", "other", "back"], [4, 6, 6, 1, 1, 1, 5])[0]
    everyone = [str(number) for number in range(fresh)]
    if kind == "grow":
        return world | {str(fresh)}
    if kind == "lose":
        return world - set(walk.sample(sorted(world), min(len(world), walk.randint(1, 4))))
    if kind == "crash":
        return set(walk.sample(sorted(world), len(world) // 3))
    if kind == "other":
        return {str(number) for number in range(fresh, fresh + len(world))}
    if kind == "back":
        return world | set(walk.sample(everyone, min(len(everyone), walk.randint(0, 12))))
    return set() if kind == "empty" else world


@pytest.mark.parametrize("seed", first(2, range(8)))
def test_a_random_walk_agrees_with_the_naive_model(seed: int) -> None:
    walk, now = random.Random(seed), NOW
    mirror: dict[str, Known] = {}
    naive, doubt, world = Naive(), None, {str(number) for number in range(30)}
    for step in range(1000):
        now += walk.choice([MINUTE, MINUTE, 3 * MINUTE, 10 * MINUTE, 11 * MINUTE])
        answer, complete = world, walk.random() < 0.85
        if not complete:
            answer = set(walk.sample(sorted(world), len(world) // 2))
        plan = compare(
            mirror, [Row(name, str(step // 7)) for name in answer], trust=Trust(complete), doubt=doubt, now=now
        )
        doubt = apply(mirror, plan, now)
        naive.hear(answer, complete=complete, now=now)
        assert {name: life_of(row) for name, row in mirror.items()} == naive.life
        assert (doubt is None) == (naive.trial is None)
        _no_wrong_fresh(mirror, answer, complete=complete)
        world = next_world(walk, world, len(mirror)) if walk.random() < 0.6 else world


def _no_wrong_fresh(mirror: dict[str, Known], answer: set[str], *, complete: bool) -> None:
    fresh = {name for name, row in mirror.items() if life_of(row) == "present"}
    assert answer <= fresh
    if complete:
        assert fresh == answer
