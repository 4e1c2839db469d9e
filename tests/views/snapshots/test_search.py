"""The search field: name, volume, id and instance; every word must be found; special characters of LIKE are literal."""

import pytest
from django.test import Client

from snapshots.models import Volume
from tests.loops import in_turn
from tests.views.snapshots.conftest import LIST, OTHER_VOLUME, VOLUME, Fill, record, snapshot_id
from tests.views.snapshots.reading import by_id, choices, empty, numbers, problems, tree

pytestmark = pytest.mark.django_db
CHOICES = f"{LIST}volumes/"
NAMES = ["100% sure", "100 percent", "under_score", "underXscore", "back\\slash", "Größe \u202egnp", "[a-z]* (regex)$"]


@pytest.fixture(autouse=True)
def filled(fill: Fill) -> None:
    named = [record(number, name=name) for number, name in enumerate(NAMES, start=1)]
    fill([*named, record(8, name="nightly", volume_id=OTHER_VOLUME, volume="billing-db-data")])
    Volume.objects.filter(volume_id=OTHER_VOLUME).update(instance_name="db-07", name="billing-data")


@pytest.mark.both_databases
@in_turn(
    ("text", "expected"),
    [
        ("nightly", [8]),
        ("NIGHT", [8]),
        ("billing-db", [8]),
        ("db-07", [8]),
        ("billing-data", [8]),
        (OTHER_VOLUME[:8], [8]),
        (OTHER_VOLUME.upper(), [8]),
        (snapshot_id(8), [8]),
        (snapshot_id(8).upper(), [8]),
        ("nightly billing", [8]),
        ("  billing   nightly  ", [8]),
        ("nightly percent", []),
        ("100%", [1]),
        ("%", [1]),
        ("under_", [3]),
        ("_", [3]),
        ("back\\", [5]),
        ("\\", [5]),
        ("[a-z]*", [7]),
        ("größe", [6]),
        ("\u202e", [6]),
        ("web-01", []),
    ],
)
def test_finds(alice_client: Client, text: str, expected: list[int]) -> None:
    page = alice_client.get(LIST, {"q": text})
    assert (numbers(page), problems(page)) == (expected, [])
    assert by_id(page, "q").attributes["value"] == text.strip()


@pytest.mark.both_databases
@in_turn("text", ["x" * 10**5, "%" * 50_000, "_" * 101, "ab " * 50_000])
def test_a_long_text_is_cut_and_says_so(alice_client: Client, text: str) -> None:
    page = alice_client.get(LIST, {"q": text})
    assert problems(page) == ["Only the first 100 characters of the search text are used."]
    assert by_id(page, "q").attributes["value"] == text[:100].strip()
    assert empty(page).startswith("no_match")


def test_one_letter_and_a_hundred_are_not_cut(alice_client: Client) -> None:
    assert problems(alice_client.get(LIST, {"q": "n"})) == problems(alice_client.get(LIST, {"q": "n" * 100})) == []


@pytest.mark.both_databases
def test_undecodable_bytes_are_no_fault(alice_client: Client) -> None:
    assert alice_client.get(f"{LIST}?q=%ff%fe&volume_q=%ed%a0%80").status_code == 200


def found(client: Client, **query: str) -> list[str]:
    return [box.attributes["value"] for box in tree(client.get(CHOICES, query)).all("input")]


@pytest.mark.both_databases
@in_turn(
    ("typed", "expected"),
    [
        ("", [VOLUME, OTHER_VOLUME]),
        ("root", [VOLUME]),
        ("BILL", [OTHER_VOLUME]),
        ("db-07", [OTHER_VOLUME]),
        ("db-07 bill", [OTHER_VOLUME]),
        (VOLUME[:9], [VOLUME]),
        ("%", []),
        ("_", []),
        ("x" * 200, []),
    ],
)
def test_the_volume_filter_finds(alice_client: Client, typed: str, expected: list[str]) -> None:
    assert found(alice_client, volume_q=typed) == expected


def test_a_found_volume_says_name_instance_environment_and_number(alice_client: Client) -> None:
    label = tree(alice_client.get(CHOICES, {"volume_q": "db-07"})).one("label")
    assert label.text == "billing-datadb-07 · prod · compute-on1"
    assert label.one(css="choice-count").text == "1"


def test_without_scripts_the_same_field_lists_links(alice_client: Client) -> None:
    page = alice_client.get(LIST, {"volume_q": "db-07", "state": "BackedUp"})
    link = tree(page).one("a", css="choice-alone")
    assert link.text == "Filter by billing-data"
    assert link.attributes["href"] == f"{LIST}?volume_id={OTHER_VOLUME}&state=BackedUp"
    assert "open" in tree(page).one(css="volume-menu").attributes


def test_snapshots_without_a_volume_are_a_choice(alice_client: Client, fill: Fill) -> None:
    fill([record(30, volume_id="", volume="")], path="compute-qc/prod")
    label = tree(alice_client.get(CHOICES)).all("label")[0]
    assert label.text == "No volume1"
    assert label.one("input").attributes["value"] == "none"


def test_a_chosen_volume_stays_first_and_checked(alice_client: Client) -> None:
    panel = tree(alice_client.get(CHOICES, {"volume_id": OTHER_VOLUME, "volume_q": "root"}))
    boxes = {box.attributes["value"]: "checked" in box.attributes for box in panel.all("input")}
    assert list(boxes.items()) == [(OTHER_VOLUME, True), (VOLUME, False)]


def test_a_volume_search_keeps_to_the_chosen_environments(alice_client: Client, fill: Fill) -> None:
    fill([record(20, volume_id=snapshot_id(99), volume="ROOT-9")], path="compute-qc/prod")
    assert len(found(alice_client, volume_q="root")) == 2
    assert found(alice_client, volume_q="root", environment="compute-qc/prod") == [snapshot_id(99)]


def test_at_most_twenty_volumes_are_offered_and_more_are_announced(alice_client: Client, fill: Fill) -> None:
    fill([record(n, volume_id=snapshot_id(1000 + n), volume=f"many-{n}") for n in range(20, 41)])
    page = alice_client.get(CHOICES, {"volume_q": "many"})
    assert len(tree(page).all("input")) == 20
    assert "More match: type more of the name." in tree(page).text


def test_no_volume_found_is_said(alice_client: Client) -> None:
    assert "No volume matches “nothing”." in tree(alice_client.get(CHOICES, {"volume_q": "nothing"})).text


def test_the_list_is_not_narrowed_by_a_volume_search(alice_client: Client) -> None:
    page = alice_client.get(LIST, {"volume_q": "root"})
    assert len(numbers(page)) == 8
    assert choices(page, "state") == {"BackedUp": "8"}
