"""Can it be used, and is there a newer one: the sentence under a snapshot's title."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from snapshots.models import Environment
from tests.views.snapshots.conftest import LIST, NOW, OTHER_PATH, OTHER_VOLUME, Fill, detail, fail, record, taken
from tests.views.snapshots.reading import Response, by_id, links, tree

pytestmark = pytest.mark.django_db
THREE = (1, 2, 3)
LINK = " the newest usable snapshot →"


def verdict(page: Response) -> str:
    return tree(page).one(css="verdict").one("p").text


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (1, "Usable. The newest of 3 usable snapshots of this volume."),
        (2, f"Usable. Number 2 of 3 usable snapshots of this volume, newest first. The newest is 1 d old.{LINK}"),
        (3, f"Usable. The oldest of 3 usable snapshots of this volume. The newest is 1 d old.{LINK}"),
    ],
)
def test_place_among_the_usable(alice_client: Client, fill: Fill, number: int, says: str) -> None:
    fill([*map(record, THREE), record(9, state="Error"), record(0, volume_id=OTHER_VOLUME)])
    fill([record(0)], path=OTHER_PATH)
    page = alice_client.get(detail(number))
    assert verdict(page) == says
    assert links(page).get("the newest usable snapshot →") == (None if number == 1 else detail(1))


def test_the_only_one(alice_client: Client, fill: Fill) -> None:
    fill([record(1), record(2, state="Error")])
    assert verdict(alice_client.get(detail(1))) == "Usable. The only usable snapshot of this volume."


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("Error", "Not usable: it failed."),
        ("Creating", "Not usable yet: in progress."),
        ("BackingUp", "Not usable yet: in progress."),
        ("Destroying", "Not usable: it is being removed."),
        ("backedup", "Unknown: this dashboard does not know the provider's state."),
        ("", "Unknown: this dashboard does not know the provider's state."),
    ],
)
def test_not_usable(alice_client: Client, fill: Fill, state: str, says: str) -> None:
    fill([record(2, state=state), record(1)])
    page = alice_client.get(detail(2))
    assert verdict(page) == f"{says} This volume has 1 usable snapshot. The newest is 1 d old.{LINK}"
    assert ("a state that this dashboard does not know" in page.content.decode()) == says.startswith("Unknown")


def test_no_usable_one_at_all(alice_client: Client, fill: Fill) -> None:
    fill([record(1, state="Error"), record(2, state="Creating")])
    assert verdict(alice_client.get(detail(1))) == "Not usable: it failed. This volume has no usable snapshot."


def test_without_a_volume(alice_client: Client, fill: Fill) -> None:
    fill([record(1, volume_id="", volume=""), record(2, volume_id="", volume="")])
    page = alice_client.get(detail(1))
    assert verdict(page) == "Usable. It names no volume, so it cannot be compared with others."
    assert {"← older", "newer →"}.isdisjoint(links(page))
    assert not tree(page).all(id="volume-title")


def test_a_candidate(alice_client: Client, fill: Fill) -> None:
    fill([record(1), record(2)])
    fill([record(2)])
    page = alice_client.get(detail(1))
    assert verdict(page) == (
        "Unknown: missing from the provider's newest list. This volume has 1 usable snapshot. "
        f"The newest is 2 d old.{LINK}"
    )
    assert tree(page).one(css="title-facts").one(css="badge").attributes["class"] == "badge unknown"
    assert "The provider left it out at 24 Nov 12:00 UTC. Whether it is gone is not known yet" in (
        by_id(page, "detail").text
    )


def test_a_gone_one_keeps_its_page(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([record(1), record(2)])
    for _ in range(2):
        clock.shift(timedelta(minutes=1))
        fill([record(2)])
    page = alice_client.get(detail(1))
    assert page.status_code == 200
    assert verdict(page).startswith("No longer listed. This volume has 1 usable snapshot.")
    assert (
        "The provider stopped listing this snapshot between 24 Nov 12:00 and 24 Nov 12:01 UTC. "
        "Assume it cannot be used." in by_id(page, "detail").text
    )
    assert tree(page).one(css="title-facts").one(css="badge").text == "– Not listed"


@pytest.mark.parametrize("spoilt", ["old", "fault"])
def test_old_data_promises_nothing(
    alice_client: Client, fill: Fill, clock: time_machine.Traveller, spoilt: str
) -> None:
    environment = fill([record(1)])
    clock.shift(timedelta(minutes=5))
    if spoilt == "fault":
        fail(environment)
    says = "Was usable at 12:00 UTC; our copy is 5 min old. The only usable snapshot of this volume."
    assert verdict(alice_client.get(detail(1))) == says


def test_an_incomplete_first_list_promises_nothing(alice_client: Client, fill: Fill) -> None:
    fill([record(1)], record_count=7)
    assert verdict(alice_client.get(detail(1))).startswith("Unknown: there is no complete list of the environment yet.")


def test_a_newest_of_unknown_age(alice_client: Client, fill: Fill) -> None:
    fill([record(1, name="by hand"), record(2, name="by hand too", state="Error")])
    assert "It is not known when the newest was taken." in verdict(alice_client.get(detail(2)))


def test_a_range_counts_by_its_older_end(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    clock.move_to(NOW - timedelta(hours=8))
    fill([taken(2, NOW - timedelta(days=2))])
    clock.move_to(NOW)
    fill([record(1, name="by hand"), taken(2, NOW - timedelta(days=2))])
    assert "The newest is 8 h old." in verdict(alice_client.get(detail(2)))


@pytest.mark.parametrize(("number", "older", "newer"), [(1, 2, None), (2, 3, 1), (3, 4, 2), (4, None, 3)])
def test_older_and_newer_walk_the_volume(
    alice_client: Client, fill: Fill, number: int, older: int | None, newer: int | None
) -> None:
    fill([record(1), record(2, state="Error"), record(3), record(4), record(0, volume_id=OTHER_VOLUME)])
    fill([record(8)], path=OTHER_PATH)
    found = links(alice_client.get(detail(number)))
    assert found.get("← older") == (detail(older) if older else None)
    assert found.get("newer →") == (detail(newer) if newer else None)


def test_the_walk_passes_over_what_is_gone(alice_client: Client, fill: Fill) -> None:
    for numbers in (THREE, (1, 3), (1, 3)):
        fill([record(number) for number in numbers])
    assert links(alice_client.get(detail(3)))["newer →"] == detail(1)
    assert links(alice_client.get(detail(2)))["← older"] == detail(3)


def test_the_walk_is_the_list_turned_round_among_equal_times(alice_client: Client, fill: Fill) -> None:
    fill([record(number, name="by hand") for number in (5, 3, 9, 1)])
    address, walk = f"{LIST}?sort=taken", []
    address = tree(alice_client.get(address)).all("tr", css="row")[0].one(css="col-name").one("a").attributes["href"]
    while address:
        walk.append(address)
        address = links(alice_client.get(address)).get("newer →", "")
    assert len(walk) == len(set(walk)) == 4


def test_the_volume_line_shows_the_newest_and_this_one(alice_client: Client, fill: Fill) -> None:
    environment: Environment = fill([record(number) for number in range(1, 10)])
    section = next(
        each
        for each in tree(alice_client.get(detail(8))).all("section")
        if each.attributes.get("aria-labelledby") == "volume-title"
    )
    items = [item.text for item in section.all("li")]
    assert len(items) == 7
    assert items[0] == "23 Nov 11:59 · ✓ Completed"
    assert items[5:] == ["…", "16 Nov 11:59 · this one"]
    assert environment.facets["listed"] == 9
