"""What a search finds, against plain Python: the same on both databases, with and without the index of words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.teams.models import Team
from snapshots.lists import few_rows
from snapshots.lists.change_filters import ChangeFilters
from snapshots.lists.change_list import find_page as find_changes
from snapshots.lists.snapshot_filters import SnapshotFilters
from snapshots.lists.snapshot_list import find_page
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_list import narrowed
from snapshots.models import Change, Environment, Snapshot, Volume, fold, words
from snapshots.verdicts.sql import DataAges
from tests.proof import SHORT_AND_FULL
from tests.views.snapshots.conftest import NOW, VOLUME, Fill, clock, fill, key, record

__all__ = ["clock", "fill", "key"]

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
# Letters that change their length, their place in Unicode or their case with the locale, and characters of patterns.
CHARACTERS = "aAbBkKsSzZiI019-_%\\*?[]^.'\"()|+{}ßẞſ\u212aåÅ\u212böÖσςΣſıİǅǆǄéÉ\U0001f600\U000f0001жЖ"
texts = st.text(CHARACTERS, max_size=8)
searched = st.lists(st.text(CHARACTERS, min_size=1, max_size=5), min_size=1, max_size=2)


@pytest.mark.parametrize(
    ("text", "other", "is_same"),
    [
        ("GRÖSSE", "grösse", True),
        ("straße", "STRAẞE", True),
        ("straße", "strasse", False),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
        ("\u212a", "k", False),
        ("İ", "i", False),
        ("Ж", "ж", True),
    ],
)
def test_letters_are_the_same_in_both_cases(text: str, other: str, is_same: bool) -> None:
    assert (fold(text) == fold(other)) is is_same


def holds(word: str, *names: str) -> bool:
    return any(fold(word) in fold(name) for name in names)


@pytest.fixture(params=["few", "many"])
def limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "many":
        monkeypatch.setattr(few_rows, "MOST_SORTED", 0)


@pytest.fixture
def row(fill: Fill) -> Snapshot:
    fill([record(1)])
    return Snapshot.objects.get()


@pytest.mark.usefixtures("limit")
@SHORT_AND_FULL
def test_finds_what_python_finds(row: Snapshot, team: Team, full: bool) -> None:
    @settings(max_examples=150 if full else 40, deadline=None)
    @given(name=texts, volume=texts, now=texts, instance=texts, parts=searched, is_indexed=st.booleans())
    def finds(name: str, volume: str, now: str, instance: str, parts: list[str], is_indexed: bool) -> None:
        words.remember([row.pk])
        Snapshot.objects.update(name=name, volume=volume)
        Volume.objects.update(name=now, instance_name=instance)
        if is_indexed:
            words.catch_up()
        found = find_page(team, environments, SnapshotFilters(q=" ".join(parts)), NOW, ())
        assert found.total == all(is_snapshot(row, part, name, volume, now, instance) for part in parts)
        volumes = narrowed(environments, VolumeFilters(q=" ".join(parts)), DataAges.of(environments, NOW))
        assert volumes.count() == all(is_volume(part, name, now, instance) for part in parts)

    environments = list(Environment.objects.of_team(team))
    finds()


def is_snapshot(row: Snapshot, part: str, *names: str) -> bool:
    return holds(part, *names) or any(one.startswith(part.lower()) for one in (row.snapshot_id, VOLUME))


def is_volume(part: str, name: str, now: str, instance: str) -> bool:
    if holds(part, now, instance) or VOLUME.startswith(part.lower()):
        return True
    return not instance and fold(row_name(name)).startswith(fold(part))


def row_name(name: str) -> str:
    """The name by which a volume's instance is guessed: that of its newest usable snapshot."""
    return name if Volume.objects.get().newest_usable_id else ""


@pytest.mark.usefixtures("limit")
def test_changes_are_found_by_their_own_names(row: Snapshot, team: Team) -> None:
    place, environments = row.environment_id, list(Environment.objects.of_team(team))
    every = {"team": team, "environment_id": place, "at": NOW}
    renamed = Change.objects.create(**every, kind="renamed", before="ÄLTER-x", after="b", volume_id=VOLUME)
    of_snapshot = Change.objects.create(**every, kind="failed", snapshot=row)
    Change.objects.create(**every, kind="state", before="älter-x", after="Error")

    def found(text: str) -> set[int]:
        return {line.pk for line in find_changes(team, environments, ChangeFilters(q=text)).lines}

    assert found("älter") == {renamed.pk}
    assert found(row.name[:6].upper()) == {of_snapshot.pk}
    assert found(VOLUME[:9]) == {renamed.pk}
    assert found("nowhere") == set()


def test_rows_are_found_before_and_after_they_are_indexed(row: Snapshot, team: Team) -> None:
    if not words.is_there():
        pytest.fail("The database of the tests can have the index.")

    def found(text: str) -> bool:
        return bool(words.rows_with(team.pk, text, 9))

    words.remember([row.pk])
    Snapshot.objects.update(name="first-name")
    assert found("first")
    words.catch_up()
    assert found("FIRST")
    words.remember([row.pk])
    Snapshot.objects.update(name="other-name")
    assert found("other")
    words.catch_up()
    assert (found("other"), found("first")) == (True, False)
    row.pk, row.snapshot_id, row.name = None, "2", "new-row"
    row.save()
    assert found("new-row")
    words.catch_up()
    assert found("NEW-ROW")
    Snapshot.objects.all().delete()
    words.catch_up()
    assert not found("other")


def test_another_team_s_rows_are_not_asked_for(row: Snapshot, rival: Team) -> None:
    words.catch_up()
    assert words.rows_with(rival.pk, row.name, 9) == []


def test_a_row_that_a_list_renames_is_found(fill: Fill, team: Team) -> None:
    fill([record(1, name="as-it-was")])
    fill([record(1, name="as-it-became")])
    keys = list(Snapshot.objects.values_list("pk", flat=True))
    assert words.rows_with(team.pk, "became", 9) == keys
    assert words.rows_with(team.pk, "it-was", 9) in ([], keys)
