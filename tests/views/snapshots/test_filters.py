"""Every filter alone, repeated, combined and wrong. The rows are known by number, newest first."""

import pytest
from django.test import Client
from django.utils.http import urlencode

from tests.loops import in_turn
from tests.views.snapshots.conftest import HTMX, LIST, OTHER_PATH, OTHER_VOLUME, PATH, VOLUME, Fill, record
from tests.views.snapshots.reading import chips, count, numbers, problems

pytestmark = pytest.mark.django_db
THIRD_VOLUME = "5d3c0e5e-8d5b-4d3e-8d2f-0f5f9a6f1b11"
ALL = [1, 2, 3, 4, 5, 6, 7]
SQL = ["'", "' OR '1'='1", "1; DROP TABLE snapshots_snapshot;--", "') UNION SELECT 1--", "1/**/AND/**/1=1", "\\", "%27"]
NAMES = ["volume_id", "state", "interval_type", "environment", "age", "from", "to", "q", "listed", "sort", "page"]


@pytest.fixture(autouse=True)
def mixed(fill: Fill) -> None:
    first = [
        record(1),
        record(2, state="Error"),
        record(3, state="Creating", interval_type="MANUAL"),
        record(4, interval_type="MANUAL", volume_id=OTHER_VOLUME, volume="DATA-1"),
        record(5, state="Sideways", interval_type="YEARLY", volume_id="", volume=""),
    ]
    second = [record(6), record(7, state="Error", interval_type="WEEKLY", volume_id=THIRD_VOLUME)]
    fill(first)
    fill(second, path=OTHER_PATH)


@in_turn(
    ("query", "expected"),
    [
        ("", ALL),
        (f"volume_id={VOLUME}", [1, 2, 3, 6]),
        (f"volume_id={VOLUME.upper()}", [1, 2, 3, 6]),
        (f"volume_id={VOLUME}&volume_id={VOLUME.upper()}", [1, 2, 3, 6]),
        (f"volume_id={VOLUME}&volume_id={OTHER_VOLUME}", [1, 2, 3, 4, 6]),
        ("volume_id=none", [5]),
        (f"volume_id=none&volume_id={OTHER_VOLUME}", [4, 5]),
        (f"volume_id={THIRD_VOLUME}", [7]),
        ("state=Error", [2, 7]),
        ("state=Error&state=Creating", [2, 3, 7]),
        ("state=Sideways", [5]),
        ("state=Destroyed", []),
        ("interval_type=MANUAL", [3, 4]),
        ("interval_type=MANUAL&interval_type=WEEKLY", [3, 4, 7]),
        ("interval_type=YEARLY", [5]),
        (f"environment={OTHER_PATH}", [6, 7]),
        (f"environment={OTHER_PATH}&environment={PATH}", ALL),
        ("q=data-1", [4]),
        ("listed=yes", ALL),
        ("listed=no", []),
        ("age=1d", []),
        ("age=7d", [1, 2, 3, 4, 5, 6]),
        ("from=2026-11-20", [1, 2, 3, 4]),
        ("to=2026-11-20", [4, 5, 6, 7]),
    ],
)
def test_one_filter(alice_client: Client, query: str, expected: list[int]) -> None:
    page = alice_client.get(f"{LIST}?{query}")
    assert (numbers(page), problems(page)) == (expected, [])


@in_turn(
    ("query", "expected"),
    [
        (f"state=Error&environment={OTHER_PATH}", [7]),
        ("state=Error&interval_type=DAILY", [2]),
        (f"volume_id={VOLUME}&state=BackedUp", [1, 6]),
        (f"volume_id={VOLUME}&environment={OTHER_PATH}", [6]),
        (f"volume_id={OTHER_VOLUME}&environment={OTHER_PATH}", []),
        (f"volume_id=none&environment={OTHER_PATH}", []),
        ("from=2026-11-19&to=2026-11-21", [3, 4, 5]),
        ("age=7d&state=Error", [2]),
        ("q=web&state=Error&age=7d", [2]),
        (f"volume_id={VOLUME}&state=Error&interval_type=DAILY&environment={PATH}&age=7d&from=2026-11-22&q=root", [2]),
        (f"volume_id={VOLUME}&state=Error&listed=no", []),
    ],
)
def test_several_filters_must_all_hold(alice_client: Client, query: str, expected: list[int]) -> None:
    page = alice_client.get(f"{LIST}?{query}")
    assert (numbers(page), problems(page)) == (expected, [])


def test_the_empty_fields_of_the_form_filter_nothing(alice_client: Client) -> None:
    empty = dict.fromkeys([*NAMES, "volume_q", "page_size"], "")
    page = alice_client.get(LIST, empty)
    assert (numbers(page), problems(page), chips(page)) == (ALL, [], {})
    assert count(page) == "7 snapshots"


NEARLY_IDS = [f"{{{VOLUME}}}", f"urn:uuid:{VOLUME}", VOLUME.replace("-", ""), f"{VOLUME}\0", f" {VOLUME}", f"{VOLUME}0"]
WRONG = {
    "volume_id": ["x", "../x", "['a', 'b']", "NONE", *NEARLY_IDS],
    "state": ["backedup", "Gone", "Error,Creating", "__all__"],
    "interval_type": ["daily", "HOURLY;", "%s"],
    "environment": ["compute-on", "compute-on/other", "/", "1", "compute-on/prod/"],
    "age": ["8d", "-1d", "1D", "older than"],
    "from": ["2026-13-01", "yesterday", "0001-01-01", "24.11.2026", "2026-11-24T10:00"],
    "to": ["9999-12-31", "2026-02-30", "1", "٢٠٢٦-١١-٢٤"],
    "listed": ["maybe", "No", "0"],
    "sort": ["password", "team__api_key", "-pk;", "--taken", "?", "taken_key", "-"],
    "page": ["0", "-1", str(10**19), "9" * 5000, "1e9", "٣", "NaN", "²", "+1", " 1", "1.0"],
    "page_size": ["51", str(10**9), "-25", "0", "fifty", "025"],
}


@in_turn("name", WRONG)
def test_a_wrong_value_is_named_and_ignored(alice_client: Client, name: str) -> None:
    for value in WRONG[name]:
        page = alice_client.get(LIST, {name: value})
        assert page.status_code == 200, value
        assert (numbers(page), chips(page)) == (ALL, {}), value
        (problem,) = problems(page)
        assert f"is not a valid “{name}”; it was ignored." in problem
        assert len(problem) < 120


def test_a_wrong_value_does_not_spoil_the_right_ones_beside_it(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?state=Error&state=Wrong&volume_id=x&age=soon&sort=name")
    assert sorted(numbers(page)) == [2, 7]
    assert list(chips(page)) == ["State: Error"]
    assert len(problems(page)) == 3


def test_days_the_wrong_way_round_are_said(alice_client: Client) -> None:
    page = alice_client.get(f"{LIST}?from=2026-11-21&to=2026-11-19")
    assert (numbers(page), len(problems(page))) == ([], 1)
    assert problems(alice_client.get(f"{LIST}?from=2026-11-21&to=2026-11-21")) == []


def test_hundreds_of_unknown_parameters_are_named_in_one_sentence(alice_client: Client) -> None:
    page = alice_client.get(LIST, {f"key{number}": "x" for number in range(200)} | {"team__slug": "rival"})
    (problem,) = problems(page)
    assert numbers(page) == ALL
    assert ("key0" in problem, "key2" in problem, "key3" in problem) == (True, True, False)


@in_turn("page", ["snapshots", "volumes", "changes"])
def test_an_unknown_parameter_is_named_and_never_saved(alice_client: Client, page: str) -> None:
    url = f"/t/acme/{page}/"
    (problem,) = problems(alice_client.get(f"{url}?type=hourly&q=web&page=1&volume_q=x"))
    assert "“type”" in problem
    assert problems(alice_client.get(f"{url}?q=web", headers=HTMX)) == []
    fields = {"page": page, "name": "Hourly", "query": "type=hourly&q=web&volume_q=x"}
    assert alice_client.post("/t/acme/views/save/", fields)["Location"] == f"{url}?q=web"


def test_more_parameters_than_any_form_has_are_refused(alice_client: Client) -> None:
    assert alice_client.get(LIST, {f"key{number}": "x" for number in range(1000)}).status_code == 400


def test_only_the_first_fifty_values_of_a_filter_count(alice_client: Client) -> None:
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(50)]
    page = alice_client.get(f"{LIST}?{urlencode({'volume_id': [*ids, VOLUME]}, doseq=True)}")
    assert numbers(page) == []
    assert problems(page) == ["Only the first 50 values of “volume_id” are used."]


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.proof)])
def test_sql_finds_no_way_in(alice_client: Client, every: int) -> None:
    """Each value in each third field, beginning with another one; or in all."""
    for place, value in enumerate(SQL):
        for name in NAMES[place % every :: every]:
            page = alice_client.get(LIST, {name: value})
            assert page.status_code == 200, (name, value)
            assert numbers(page) == ([] if name == "q" else ALL), (name, value)


def test_a_date_is_read_in_any_iso_form_and_shown_in_one(alice_client: Client) -> None:
    assert list(chips(alice_client.get(LIST, {"from": "20261122"}))) == ["From: 22 Nov"]
