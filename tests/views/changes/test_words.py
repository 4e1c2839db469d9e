"""Each kind of change in words, on the changes page and in a snapshot's life; kinds of earlier rows too."""

import pytest
from django.test import Client

from snapshots.models import Change, Snapshot
from snapshots.text import change_labels
from tests.loops import in_turn
from tests.views.changes.conftest import CHANGES, Lists
from tests.views.changes.test_page import lines
from tests.views.snapshots.conftest import NOW, detail, taken
from tests.views.snapshots.reading import by_id, tree

# Kind, before, after, seconds: the badge, the text beside it, and the same in a snapshot's timeline.
WORDS = [
    ("completed", "Creating", "BackedUp", 14 * 60 + 30, "✓ Completed", "in 14 min", "Completed, in 14 min"),
    ("completed", "", "BackedUp", None, "✓ Completed", "", "Completed"),
    ("failed", "BackingUp", "Error", 7200, "✕ Failed", "after 2 h", "Failed, after 2 h"),
    ("failed", "BackedUp", "Error", None, "✕ Failed", "was Completed", "Failed, was Completed"),
    ("failed", "", "Error", None, "✕ Failed", "", "Failed"),
    (
        *("vanished", "Creating", "", None, "✕ Vanished"),
        *("while being made, it probably failed", "vanished, while being made, it probably failed"),
    ),
    ("deleted", "BackedUp", "", None, "– Deleted", "", "deleted"),
    ("deleted", "Error", "", None, "– Deleted", "was Error", "deleted, was Error"),
    (
        *("rotated", "BackedUp", "", None, "– Rotated"),
        *("newer ones of its type are kept", "rotated, newer ones of its type are kept"),
    ),
    ("returned", "BackedUp", "", None, "+ Reappeared", "", "listed again"),
    ("renamed", "old", "new", None, "→ Renamed", "was old", "renamed, was old"),
    ("renamed", " ", "new", None, "→ Renamed", "had no name", "renamed, had no name"),
    ("volume_renamed", "old", "new", None, "→ Volume renamed", "was old", ""),
    ("refused", "", "refused", None, "✕ Rejected", "the provider rejects the key", ""),
    ("refused", "", "key_unreadable", None, "✕ Rejected", "the key cannot be used", ""),
    ("answering", "refused", "", 86400, "✓ Reachable again", "it was rejected for 1 d", ""),
    ("answering", "unavailable", "", 3 * 3600, "✓ Reachable again", "silent for 3 h", ""),
    ("began", "", "4812", None, "• Monitoring started", "4,812 snapshots were there", ""),
    ("began", "", "1", None, "• Monitoring started", "1 snapshot was there", ""),
    ("appeared", "", "BackedUp", None, "+ Appeared", "", "Appeared"),
    ("state", "Creating", "BackedUp", None, "→ State changed", "In progress → Completed", "Completed"),
    ("missing", "", "", None, "– No longer listed", "", "no longer listed"),
]


@in_turn(("kind", "before", "after", "seconds", "badge", "beside", "in_life"), WORDS)
def test_words(kind: str, before: str, after: str, seconds: int | None, badge: str, beside: str, in_life: str) -> None:
    looks = change_labels.badge(kind)
    assert f"{looks.mark} {looks.word}" == badge
    assert change_labels.detail(kind, before, after, seconds) == beside
    if in_life:
        assert change_labels.in_life(kind, before, after, seconds) == in_life


def test_every_kind_has_words_and_those_written_today_are_offered() -> None:
    assert {kind for kind, *_ in WORDS} == set(change_labels.LOOKS) == set(Change.Kind.values)
    assert set(change_labels.OFFERED) == set(Change.Kind.values) - {"appeared", "state", "missing"}


@pytest.mark.django_db
def test_rows_of_earlier_kinds_are_shown_as_they_were(alice_client: Client, lists: Lists) -> None:
    environment = lists([taken(1, NOW)])
    common = {"team": environment.team, "environment": environment, "snapshot": Snapshot.objects.get()}
    for kind, before, after in [("appeared", "", "Creating"), ("state", "Creating", "BackedUp"), ("missing", "", "")]:
        Change.objects.create(**common, at=NOW, kind=kind, before=before, after=after)
    told = [line.one("span", css="badge").text for line in lines(alice_client.get(CHANGES))]
    assert told == ["– No longer listed", "→ State changed", "+ Appeared", "• Monitoring started"]
    life = tree(alice_client.get(detail(1))).one("section", **{"aria-labelledby": "life-title"})
    assert [item.text for item in life.all("li")] == [
        "24 Nov 12:00 · existed before monitoring started, In progress",
        "24 Nov 12:00 · Completed",
        "24 Nov 12:00 · no longer listed",
    ]


@pytest.mark.django_db
def test_the_kinds_are_offered_as_a_filter_and_an_earlier_one_where_it_is_chosen(
    alice_client: Client, lists: Lists
) -> None:
    lists([taken(1, NOW)])
    offered = [each.attributes["value"] for each in by_id(alice_client.get(CHANGES), "choices-kind").all("input")]
    assert offered == change_labels.OFFERED
    chosen = by_id(alice_client.get(f"{CHANGES}?kind=missing"), "choices-kind").all("input")[-1]
    assert (chosen.attributes["value"], "checked" in chosen.attributes) == ("missing", True)


@pytest.mark.django_db
@pytest.mark.parametrize(("state", "word"), [("BackedUp", "Completed"), ("Error", "Error")])
def test_a_life_does_not_say_the_first_sight_twice(alice_client: Client, lists: Lists, state: str, word: str) -> None:
    always = taken(9, NOW)
    lists([always], [always, taken(1, NOW, state=state)])
    life = tree(alice_client.get(detail(1))).one("section", **{"aria-labelledby": "life-title"})
    assert [item.text for item in life.all("li")] == [f"24 Nov 12:01 · first seen, {word}"]
