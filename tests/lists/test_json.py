"""The JSON has the provider's envelope and field names, with the dashboard's own beside them."""

import json
from typing import Any

import pytest
from django.test import Client

from dashboard.teams.models import Membership, User
from snapshots.models import Environment, Volume
from tests.api.conftest import JUDGED, made
from tests.lists.reading import CHANGES, LIST, VOLUMES, as_json, export
from tests.views.snapshots.conftest import Fill, record, snapshot_id
from tests.views.volumes.home.steps import badges, disk, home, stands, stories

pytestmark = pytest.mark.django_db
SEED = ["id", "name", "state", "intervalType", "volumeId", "volume", "volumeType"]


def test_a_snapshot_has_the_providers_seven_fields_and_ours(bob_client: Client, fill: Fill) -> None:
    fill([record(2, state="Error")])
    (row,) = as_json(bob_client, LIST)["data"]
    assert list(row)[:7] == SEED
    assert row | {"id": snapshot_id(2), "state": "Error", "intervalType": "DAILY", "volume": "ROOT-35545"} == row
    assert (row["takenAt"], row["takenFrom"]) == ("2026-11-22T11:59:00Z", "name")
    assert (row["firstSeenAt"], row["missingSince"], row["listed"]) == ("2026-11-24T12:00:00Z", None, True)
    assert (row["serviceCode"], row["environmentName"]) == ("compute-on", "prod")


def test_what_the_provider_leaves_out_is_left_out(bob_client: Client, fill: Fill) -> None:
    fill([record(1, volume_id="", volume="", volume_type="")])
    (row,) = as_json(bob_client, LIST)["data"]
    assert list(row)[:5] == [*SEED[:4], "takenAt"]


@pytest.mark.usefixtures("world")
def test_the_metadata_names_filter_moment_and_age(bob_client: Client) -> None:
    Environment.objects.filter(service_code="compute-qc").update(listed_at=None)
    answer = as_json(bob_client, LIST, "?state=Error&sort=name&page=2")
    assert list(answer) == ["data", "metadata"]
    assert answer["metadata"] == {
        "recordCount": len(answer["data"]),
        "dataAsOf": {"compute-on/prod": "2026-11-24T12:00:00Z", "compute-qc/prod": None},
        "filter": "state=Error&sort=name",
        "exportedAt": "2026-11-24T12:00:00Z",
    }


def test_volumes_bear_the_verdicts_of_the_page(bob_client: Client, fill: Fill) -> None:
    fill(stories())
    Volume.objects.filter(name="fresh").update(size_in_gb=20)
    rows = {row["name"]: row for row in as_json(bob_client, VOLUMES)["data"]}
    said = {name: stands(name) for name in badges(home(bob_client))}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        name: "nothing_due" if one.asks_nothing else one.verdict.name.lower() for name, one in said.items()
    }
    assert (rows["undated"]["verdict"], rows["none"]["verdict"]) == ("nothing_due", "none")
    assert (rows["fresh"]["sizeInGb"], rows["fresh"]["schedules"], rows["late"]["usableCount"]) == (20, ["DAILY"], 2)


def test_volumes_have_the_words_of_the_api(bob_client: Client, alice: User, fill: Fill) -> None:
    fill([*stories(), *disk("excluded", 3), *disk("gone", 3)])
    Volume.objects.filter(name="excluded").update(excluded_until="2027-01-01T00:00Z", exclusion_reason="=1+1")
    Volume.objects.filter(name="gone").update(deleted_at="2026-11-20T00:00Z")
    _token, script = made(Membership.objects.get(user=alice))
    for query, number in (("", 8), ("?status=excluded", 1), ("?status=deleted", 1)):
        rows = as_json(bob_client, VOLUMES, query)["data"]
        told = json.loads(script.get(f"{JUDGED}{query}").content)["data"]
        assert [list(row)[-3:] for row in rows] == [["label", "why", "since"]] * number
        assert [in_words(row) for row in rows] == [in_words(row) for row in told]


def in_words(row: dict[str, Any]) -> list[str | None]:
    return [row.get(name) for name in ("id", "label", "why", "since")]


def test_no_row_is_an_empty_list(bob_client: Client, fill: Fill) -> None:
    fill([record(1)])
    for page in (LIST, VOLUMES, CHANGES):
        answer = as_json(bob_client, page, "?q=no+such+thing")
        assert (answer["data"], answer["metadata"]["recordCount"]) == ([], 0)


def test_a_team_without_a_key_has_no_rows_as_on_its_page(bob_client: Client, fill: Fill) -> None:
    fill([record(1)]).team.api_key.delete()
    assert b"export.csv" not in bob_client.get(LIST).content
    assert as_json(bob_client, LIST)["data"] == []


@pytest.mark.usefixtures("world")
def test_it_is_a_row_a_line(bob_client: Client) -> None:
    lines = export(bob_client, LIST, "json").decode().splitlines()
    assert len(lines) == 2 + as_json(bob_client, LIST)["metadata"]["recordCount"]
