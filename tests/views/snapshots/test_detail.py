"""A snapshot's page: the order of its answers, facts, raw record, what can be copied, its life; what has no page."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from dashboard.teams.access import issue_tokens
from dashboard.teams.models import ApiKey, Team, User
from snapshots.models import Environment, Snapshot, Volume
from tests.loops import in_turn
from tests.views.snapshots.conftest import (
    KEY,
    LIST,
    NOW,
    OTHER_PATH,
    PATH,
    VOLUME,
    Fill,
    detail,
    record,
    snapshot_id,
    taken,
)
from tests.views.snapshots.reading import Response, by_id, links, tree

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def facts(page: Response) -> dict[str, str]:
    return {each.one("dt").text: each.one("dd").text for each in tree(page).one("dl", css="facts").all("div")}


def section(page: Response, title_id: str) -> list[str]:
    found = [each for each in tree(page).all("section") if each.attributes.get("aria-labelledby") == title_id]
    return [item.text for item in found[0].all("li")]


def test_it_answers_in_this_order(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    text = by_id(alice_client.get(detail(1)), "detail").text
    answers = [
        "web-01_ROOT-35545_",
        "✓ Completed",
        "1 d ago",
        "Usable.",
        "Restore from it",
        "Facts",
        "Raw record",
        "Timeline",
    ]
    places = [text.index(answer) for answer in answers]
    assert places == sorted(places)


def test_title_and_crumbs_lead_back(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    page = alice_client.get(detail(1))
    assert tree(page).one("h1").text == "web-01_ROOT-35545_20261123115900"
    assert tree(page).one("title").text.startswith("web-01_ROOT-35545_20261123115900")
    assert [(link.text, link.attributes["href"]) for link in tree(page).one(css="crumbs").all("a")] == [
        ("Snapshots", LIST),
        ("prod · compute-on", f"{LIST}?environment={PATH}"),
        ("ROOT-35545", f"/t/acme/volumes/{PATH}/{VOLUME}/"),
    ]


def test_facts(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([record(1, volume_type="ROOT")])
    Volume.objects.update(instance_name="web-01", size_in_gb=40)
    clock.move_to(NOW + MINUTE)
    assert facts(alice_client.get(detail(1))) == {
        "Id": snapshot_id(1),
        "State": "BackedUp",
        "Type": "Daily (DAILY)",
        "Taken": "23 Nov 2026 11:59:00 UTC from the name",
        "Volume": "ROOT-35545 of web-01",
        "Volume id": VOLUME,
        "Volume size": "40 GB",
        "Volume type": "ROOT",
        "Environment": "prod · compute-on",
        "Listed": "first seen 24 Nov 12:00 UTC · last confirmed 12:00 UTC",
    }


def test_further_fields_of_the_record_are_facts_too(alice_client: Client, fill: Fill) -> None:
    raw = {"zoneName": "canada-2", "size": 42, "rapid": True, "tags": ["a"], "note": "", "<b>odd": "<i>text"}
    fill([record(1, raw=json.dumps(raw))])
    found = facts(alice_client.get(detail(1)))
    assert (found["Zone name"], found["Size"], found["Rapid"], found["<b>odd"]) == ("canada-2", "42", "true", "<i>text")
    assert not {"Tags", "Note"} & found.keys()


def test_what_answers_for_itself_though_lists_leave_it_out(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    Snapshot.objects.update(found_at=NOW)
    page = by_id(alice_client.get(detail(1)), "detail")
    assert page.all(css="banner")
    assert "✓ Completed" in page.text


def test_facts_of_a_bare_record(alice_client: Client, fill: Fill) -> None:
    nothing = dict.fromkeys(["name", "state", "interval_type", "volume_id", "volume", "volume_type"], "")
    fill([record(1, **nothing)])
    page = alice_client.get(detail(1))
    assert tree(page).one("h1").text == snapshot_id(1)
    found = facts(page)
    assert [found[name] for name in ("State", "Type", "Volume id", "Volume type")] == ["—"] * 4
    assert found["Volume"] == "No volume"
    assert found["Taken"] == "before 24 Nov time not known"


def test_the_raw_record_keeps_unknown_keys_and_is_closed(alice_client: Client, fill: Fill) -> None:
    raw = {"id": snapshot_id(1), "name": "é </pre><script>", "newKey": {"deep": [1, None, "\u202e"]}}
    fill([record(1, raw=json.dumps(raw))])
    details = tree(alice_client.get(detail(1))).one("details", css="raw")
    assert "open" not in details.attributes
    assert json.loads(details.one("pre").exact_text()) == raw


def test_a_raw_record_that_is_no_json_is_shown_as_it_is(alice_client: Client, fill: Fill) -> None:
    fill([record(1, raw="")])
    assert tree(alice_client.get(detail(1))).one("pre").text == ""


def test_the_curl_line_fetches_it_with_a_placeholder_for_the_key(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    page = alice_client.get(detail(1))
    address = f"https://api.cloud.ca/v1/services/compute-on/prod/snapshots/{snapshot_id(1)}"
    assert by_id(page, "curl").attributes["value"] == f'curl -H "MC-Api-Key: $MC_API_KEY" "{address}"'
    assert KEY.encode() not in page.content


def test_the_dashboards_own_api_comes_first_and_answers(
    alice_client: Client, bob_client: Client, alice: User, fill: Fill, settings: Settings
) -> None:
    settings.SITE_URL = "https://snapshots.example"
    fill([record(1), record(2)])
    curls = [
        each.attributes["value"]
        for each in tree(alice_client.get(detail(1))).all("input")
        if "curl" in each.attributes.get("id", "")
    ]
    url = f"https://snapshots.example/api/v1/services/compute-on/prod/snapshots/{snapshot_id(1)}"
    assert curls[0] == f'curl -H "MC-Api-Key: $TOKEN" "{url}"'
    assert len(curls) == 2
    assert "access token" in links(alice_client.get(detail(1)))
    assert "access token" not in links(bob_client.get(detail(1)))
    _token, text = issue_tokens.make(alice.memberships.get(), name="x", days=30, environments=(), form_id="x")
    path = url.removeprefix("https://snapshots.example")
    assert Client().get(path, headers={"MC-Api-Key": text}).status_code == 200
    fill([record(2)])
    assert not tree(alice_client.get(detail(1))).all("input", id="own-curl")
    assert Client().get(path, headers={"MC-Api-Key": text}).status_code == 404


def test_what_can_be_copied(alice_client: Client, fill: Fill, settings: Settings) -> None:
    settings.SITE_URL = "https://snapshots.example"
    fill([record(1)])
    page = alice_client.get(detail(1))
    address = f"https://snapshots.example{detail(1)}"
    assert by_id(page, "address").attributes["value"] == address
    assert by_id(page, "snapshot-id").attributes["value"] == snapshot_id(1)
    texts = [
        each.attributes["data-copy-text"] for each in tree(page).all("button") if "data-copy-text" in each.attributes
    ]
    assert texts[0].splitlines() == [
        "web-01_ROOT-35545_20261123115900",
        "State: Completed (BackedUp)",
        "Taken: 23 Nov 2026 11:59:00 UTC (from the name)",
        address,
    ]


def test_a_copied_text_says_how_old_it_is(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([record(1)])
    clock.shift(5 * MINUTE)
    assert "State: Completed (BackedUp), as of 12:00 UTC" in alice_client.get(detail(1)).content.decode()


@pytest.fixture
def lived(fill: Fill, clock: time_machine.Traveller) -> None:
    """1 appears, is completed, renamed, left out twice and listed again, a minute each; 9 is always there."""
    lives = [
        [],
        [taken(1, NOW, name="new", state="Creating")],
        [taken(1, NOW, name="new")],
        [taken(1, NOW, name="renamed")],
        [],
        [],
        [taken(1, NOW, name="renamed")],
    ]
    always = record(9)
    for life in lives:
        fill([always, *life])
        clock.shift(MINUTE)


@pytest.mark.usefixtures("lived")
def test_its_life(alice_client: Client) -> None:
    assert section(alice_client.get(detail(1)), "life-title") == [
        "24 Nov 12:01 · first seen, In progress",
        "24 Nov 12:02 · Completed, in 1 min",
        "24 Nov 12:03 · renamed, was new",
        "24 Nov 12:05 · deleted",
        "24 Nov 12:06 · listed again",
    ]
    already = "24 Nov 12:00 · existed before monitoring started, Completed"
    assert section(alice_client.get(detail(9)), "life-title") == [already]


def test_upper_case_in_the_address_is_read(alice_client: Client, fill: Fill) -> None:
    number = 0xABCDEF
    fill([record(1), taken(number, NOW)])
    page = alice_client.get(detail(number).upper().replace("/T/ACME/SNAPSHOTS/COMPUTE-ON/PROD/", f"{LIST}{PATH}/"))
    assert page.status_code == 200
    assert by_id(page, "snapshot-id").attributes["value"] == snapshot_id(number)


def test_not_in_the_mirror(alice_client: Client, fill: Fill, clock: time_machine.Traveller) -> None:
    fill([record(1)])
    clock.shift(MINUTE)
    page = alice_client.get(detail(2))
    assert page.status_code == 404
    assert tree(page).one("h1").text == "Not in our copy of 12:00"
    form = next(each for each in tree(page).all("form") if "data-hx-trigger" in each.attributes)
    assert form.attributes["action"] == form.attributes["data-hx-post"] == f"{detail(2)}check/"
    assert links(page)["All snapshots"] == LIST
    assert snapshot_id(2) in tree(page).one("main").text


def test_not_in_the_mirror_of_a_never_fetched_environment(alice_client: Client, environment: Environment) -> None:
    page = alice_client.get(detail(2))
    assert (page.status_code, tree(page).one("h1").text) == (404, "Not in our copy yet")


def test_the_id_of_another_environment_is_not_here(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    fill([record(2)], path=OTHER_PATH)
    assert alice_client.get(detail(1, OTHER_PATH)).status_code == 404
    assert alice_client.get(detail(2, OTHER_PATH)).status_code == 200


def test_without_a_key_there_is_nobody_to_ask(alice_client: Client, fill: Fill, team: Team) -> None:
    fill([record(1)])
    ApiKey.objects.all().delete()
    assert alice_client.get(detail(1)).status_code == 200
    missing = alice_client.get(detail(2))
    assert missing.status_code == 404
    assert "Nothing here" in tree(missing).one("h1").text


@pytest.fixture
def filled(fill: Fill) -> None:
    fill([record(1)])


@pytest.mark.usefixtures("filled")
@in_turn(
    "path",
    [
        *[
            f"compute-on/{name}/{snapshot_id(1)}/"
            for name in ("..", ".", "%2e%2e", "prod%00", "pro d", "prod;", "-prod")
        ],
        *[
            f"compute-on/{name}/{snapshot_id(1)}/"
            for name in ("a" * 65, "a/../prod", "prod%2f", "pröd", "prod%0a", "other")
        ],
        *[f"compute-on/prod/{id}/" for id in ("1", "x" * 36, f"{{{snapshot_id(1)}}}", f"urn:uuid:{snapshot_id(1)}")],
        *[f"compute-on/prod/{id}/" for id in (f"{snapshot_id(1)}%0a", snapshot_id(1)[:-1], "9" * 10_000)],
        f"other/prod/{snapshot_id(1)}/",
        f"compute-on/prod/{snapshot_id(1)}/other/",
    ],
)
def test_an_address_that_is_none(alice_client: Client, path: str) -> None:
    page = alice_client.get(LIST + path)
    assert page.status_code == 404
    assert "Nothing here" in tree(page).one("h1").text
