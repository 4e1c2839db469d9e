"""The mirror in the provider's own shape, field for field."""

import json
from http import HTTPStatus
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.teams.models import Membership
from snapshots.models import Environment, Snapshot, Volume
from snapshots.sync.store_snapshots import store_listing
from tests.api.conftest import INSTANCE, LIST, PROD, ROOT, VOLUMES, Script, made
from tests.loops import in_turn
from tests.views.snapshots.conftest import OTHER_VOLUME, VOLUME, claimed, fail, listing, record, refuse, snapshot_id

SEVEN = ["id", "name", "state", "intervalType", "volumeId", "volume", "volumeType"]


def body(script: Script, url: str) -> dict[str, Any]:
    answer = script.get(url)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    read: dict[str, Any] = json.loads(answer.content)
    return read


def ids(script: Script, url: str) -> list[str]:
    return [row["id"] for row in body(script, url)["data"]]


def test_a_list_has_the_providers_envelope_and_fields(script: Script) -> None:
    read = body(script, LIST)
    assert list(read) == ["data", "metadata"]
    assert read["metadata"] == {"recordCount": 4}
    first = read["data"][0]
    assert list(first) == SEVEN
    assert first == {
        "id": snapshot_id(1),
        "name": "acme_ROOT-35545_20261123115900",
        "state": "BackedUp",
        "intervalType": "DAILY",
        "volumeId": VOLUME,
        "volume": "ROOT-35545",
        "volumeType": "ROOT-35545",
    }


def test_the_newest_come_first_and_one_is_the_same_as_in_the_list(script: Script) -> None:
    assert ids(script, LIST) == [snapshot_id(number) for number in (1, 2, 3, 90)]
    assert body(script, f"{LIST}/{snapshot_id(2)}") == {"data": body(script, LIST)["data"][1]}
    assert body(script, f"{LIST}/{snapshot_id(90).upper()}")["data"]


def test_fields_that_the_provider_left_out_are_left_out(prod: Environment, script: Script) -> None:
    Snapshot.objects.filter(snapshot_id=snapshot_id(1)).update(volume_id="", volume="", volume_type="")
    assert list(body(script, LIST)["data"][0]) == SEVEN[:4]


@pytest.mark.parametrize(("given", "number"), [(VOLUME, 3), (VOLUME.upper(), 3), (OTHER_VOLUME, 1), (INSTANCE, 0)])
def test_a_volumes_snapshots(script: Script, given: str, number: int) -> None:
    read = body(script, f"{LIST}?volume_id={given}")
    assert read["metadata"] == {"recordCount": number}
    assert len(read["data"]) == number


def test_what_the_newest_list_left_out_is_not_in_it(prod: Environment, script: Script) -> None:

    store_listing(claimed(prod), listing([record(1), record(2), record(3)]), received_at=timezone.now())
    assert Snapshot.objects.get(snapshot_id=snapshot_id(90)).listed
    assert snapshot_id(90) not in ids(script, LIST)
    assert script.get(f"{LIST}/{snapshot_id(90)}").status_code == 404
    assert body(script, f"{LIST}?volume_id={OTHER_VOLUME}")["metadata"] == {"recordCount": 0}


def test_volumes_with_their_fields_and_filters(script: Script) -> None:
    rows = {row["id"]: row for row in body(script, VOLUMES)["data"]}
    first, second = rows[VOLUME], rows[OTHER_VOLUME]
    assert first == {
        "id": VOLUME,
        "name": "disk-c779",
        "type": "os",
        "creationDate": "2026-10-19T14:25:41-0400",
        "instanceId": INSTANCE,
        "instanceName": "web-01",
        "zoneName": "QC-1",
        "state": "Ready",
        "sizeInGb": 20,
    }
    assert "instanceId" not in second
    assert ids(script, f"{VOLUMES}?type=OS") == ids(script, f"{VOLUMES}?instance_id={INSTANCE}") == [VOLUME]
    assert ids(script, f"{VOLUMES}?type=data") == [OTHER_VOLUME]
    for row in rows.values():
        assert body(script, f"{VOLUMES}/{row['id'].upper()}") == {"data": row}


def test_volumes_that_are_gone_or_only_known_from_snapshots_are_not_listed(prod: Environment, script: Script) -> None:
    Volume.objects.filter(volume_id=VOLUME).update(deleted_at=prod.listed_at)
    Volume.objects.filter(volume_id=OTHER_VOLUME).update(from_endpoint=False)
    assert body(script, VOLUMES) == {"data": [], "metadata": {"recordCount": 0}}
    assert {script.get(f"{VOLUMES}/{one}").status_code for one in (VOLUME, OTHER_VOLUME)} == {404}


def test_environments_and_connections_as_documented_without_metadata(script: Script) -> None:
    (environment,) = body(script, f"{ROOT}/environments")["data"]
    (service,) = body(script, f"{ROOT}/services/connections")["data"]
    assert environment["name"] == "prod"
    said = ("id", "name", "serviceCode", "type")
    assert environment["serviceConnection"] == {name: service[name] for name in said}
    assert service["serviceCode"] == "compute-on"
    assert service["status"] == {"lastUpdated": "2026-11-24T12:00:00Z", "reachable": True}
    assert list(body(script, f"{ROOT}/environments")) == ["data"]


@in_turn("query", ["volume_id=x", "volume_id=", f"volume_id={VOLUME}&volume_id={VOLUME}"])
def test_a_volume_id_that_cannot_be_meant_is_refused(script: Script, query: str) -> None:
    answer = script.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert json.loads(answer.content)["errors"][0]["errorCode"] == "BAD_REQUEST"


def test_an_environment_without_a_list_is_not_an_empty_one(mia: Membership, script: Script) -> None:
    Environment.objects.create(team=mia.team, service_code="compute-on", name="new")
    for kind in ("snapshots", "volumes", f"snapshots/{snapshot_id(1)}", f"volumes/{VOLUME}"):
        answer = script.get(f"{ROOT}/services/compute-on/new/{kind}")
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer["Retry-After"] == "60"
        assert json.loads(answer.content)["errors"][0]["errorCode"] == "NOT_LISTED_YET"


def test_volumes_that_the_key_may_not_see_are_refused_as_the_provider_does(prod: Environment, script: Script) -> None:
    Environment.objects.filter(pk=prod.pk).update(volumes_listed_at=None, volumes_fault="refused")
    for url in (VOLUMES, f"{VOLUMES}/{VOLUME}"):
        assert script.get(url).status_code == HTTPStatus.FORBIDDEN


def test_how_old_the_data_is(script: Script, clock: time_machine.Traveller) -> None:
    clock.shift(45)
    answer = script.get(LIST)
    assert (answer["X-Data-As-Of"], answer["Age"]) == ("2026-11-24T12:00:00Z", "45")
    assert "X-Data-Warning" not in answer


def test_data_that_is_not_the_present_state_is_never_called_so(
    prod: Environment, script: Script, clock: time_machine.Traveller
) -> None:
    clock.shift(3600)
    assert script.get(LIST)["X-Data-Warning"] == "old"
    fail(prod)
    assert script.get(LIST)["X-Data-Warning"] == "fault, old"
    refuse(prod)
    assert script.get(LIST)["X-Data-Warning"] == "refused, old"
    now = Environment.objects.get(pk=prod.pk).tried_at
    Environment.objects.filter(pk=prod.pk).update(fault_kind="", partial_at=now, suspect_since=now)
    assert script.get(LIST)["X-Data-Warning"] == "incomplete, suspect, old"
    assert script.get(LIST)["X-Data-As-Of"] == "2026-11-24T12:00:00Z"


def test_who_has_it_already_is_told_so_without_a_row_read(prod: Environment, script: Script) -> None:
    tag = script.get(LIST)["ETag"]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = script.get(LIST, **{"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert answer["X-Data-As-Of"]
    assert not [query["sql"] for query in asked if "snapshots_snapshot" in query["sql"]]
    assert script.get(f"{LIST}?volume_id={VOLUME}", **{"If-None-Match": tag}).status_code == 200
    Environment.objects.filter(pk=prod.pk).update(generation=99)
    assert script.get(LIST, **{"If-None-Match": tag}).status_code == 200


def test_the_number_of_queries_stands(mia: Membership, script: Script) -> None:
    _token, narrow = made(mia, "compute-on/prod")
    ones = ((f"{LIST}/{snapshot_id(1)}", 3), (f"{VOLUMES}/{VOLUME}", 3))
    for url, most in ((LIST, 3), (VOLUMES, 3), (f"{ROOT}/environments", 2), *ones):
        narrow.get(url)
        with CaptureQueriesContext(connection) as asked:
            assert narrow.get(url).status_code == 200
        assert len(asked) == most, [query["sql"] for query in asked]


def test_a_tag_from_before_a_restore_is_out_of_date(prod: Environment, script: Script) -> None:
    with transaction.atomic():
        store_listing(claimed(prod), listing([record(5)]), received_at=timezone.now())
        tags = {url: script.get(url)["ETag"] for url in (LIST, f"{PROD}/snapshots/{snapshot_id(5)}", VOLUMES)}
        transaction.set_rollback(True)  # as a restore does
    store_listing(claimed(Environment.objects.get()), listing([record(5, state="Error")]), received_at=timezone.now())
    for url, tag in tags.items():
        assert script.get(url, **{"If-None-Match": tag}).status_code == 200, url


@in_turn("url", [ROOT, f"{ROOT}/", "/api//v1//"])
def test_the_root_tells_anybody_what_there_is(db: None, url: str) -> None:
    read = body(Script(), url)["data"]
    assert read["openapi"] == "http://localhost:8000/api/v1/openapi.json"
    described = json.loads(Script().get(f"{ROOT}/openapi.json").content)["paths"]
    assert [address["path"] for address in read["addresses"]] == [f"{ROOT}{path}" for path in described]
    assert all(address["about"] for address in read["addresses"])
    assert Script().get(url, "POST").status_code == HTTPStatus.METHOD_NOT_ALLOWED
