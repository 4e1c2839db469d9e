"""Volumes, environments and service connections."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import responses

from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.errors import MismatchedReply, NotFound, Unreadable
from snapshots.cloudca.records import Listing, VolumeRecord
from tests.cloudca.support import BASE, ID, OTHER_ID, PLACE, client
from tests.loops import in_turn

VOLUME = {
    "id": ID, "name": "ROOT-1", "type": "os", "creationDate": "2016-10-19T14:25:41-0400",
    "instanceId": OTHER_ID.upper(), "instanceName": "web-01", "zoneId": OTHER_ID,
    "zoneName": "ON-1", "state": "Ready", "sizeInGb": 20,
}  # fmt: skip
ENVIRONMENT = {
    "id": ID, "name": "test_area", "description": "x", "membership": "MANY_USERS",
    "serviceConnection": {"id": OTHER_ID, "name": "Compute - Québec", "serviceCode": "compute-qc", "type": "CloudCA"},
}  # fmt: skip
CONNECTION = {
    "id": ID,
    "serviceCode": "compute-qc",
    "name": "Compute - Québec",
    "type": "CloudCA",
    "status": {"reachable": True},
}
PATHS = {
    "volumes": "/services/compute-on/test_area/volumes",
    "environments": "/environments",
    "connections": "/services/connections",
}
CALLS: dict[str, Callable[[CloudClient], Listing[Any]]] = {
    "volumes": lambda cloud: cloud.list_volumes(*PLACE),
    "environments": lambda cloud: cloud.list_environments(),
    "connections": lambda cloud: cloud.list_connections(),
}


def listed(what: str, body: object, status: int = 200) -> Listing[Any]:
    with responses.RequestsMock() as mock, client() as cloud:
        mock.get(BASE + PATHS[what], body=json.dumps(body), status=status)
        return CALLS[what](cloud)


def only(what: str, row: Mapping[str, object]) -> Any:
    return listed(what, {"data": [row]}).rows[0]


def test_a_volume_is_read() -> None:
    volume = only("volumes", VOLUME)
    assert (volume.id, volume.name, volume.type, volume.state, volume.size_in_gb) == (ID, "ROOT-1", "os", "Ready", 20)
    assert (volume.created, volume.zone_name) == ("2016-10-19T14:25:41-0400", "ON-1")
    assert (volume.instance_id, volume.instance_name) == (OTHER_ID, "web-01")
    assert json.loads(volume.raw) == VOLUME


@in_turn(
    ("size", "read"),
    [
        (20, 20),
        ("20", 20),
        (None, None),
        (-1, None),
        (1.5, None),
        ("x", None),
        (10**40, None),
        ([], None),
        (True, None),
    ],
)
def test_a_size_is_a_whole_number_or_unknown(size: object, read: int | None) -> None:
    assert only("volumes", {**VOLUME, "sizeInGb": size}).size_in_gb == read


def test_a_detached_volume_has_no_instance() -> None:
    volume = only("volumes", {**VOLUME, "instanceId": None, "instanceName": None})
    assert (volume.instance_id, volume.instance_name) == ("", "")


def test_volumes_are_expected_to_be_counted() -> None:
    assert listed("volumes", {"data": [VOLUME], "metadata": {"recordCount": 1}}).complete
    assert listed("volumes", {"data": [VOLUME]}).doubts == ("record_count_absent",)


def retrieved(body: object, status: int = 200, asked: str = ID) -> VolumeRecord:
    with responses.RequestsMock() as mock, client() as cloud:
        mock.get(f"{BASE}{PATHS['volumes']}/{ID}", body=json.dumps(body), status=status)
        return cloud.get_volume(*PLACE, asked)


@in_turn("data", [VOLUME, [VOLUME]])
def test_one_volume_is_read_as_in_the_list(data: object) -> None:
    assert retrieved({"data": data}, asked=ID.upper()) == only("volumes", VOLUME)


def test_a_volume_that_is_not_there_is_told_from_one_that_cannot_be_read() -> None:
    with pytest.raises(NotFound, match="does not know this volume"):
        retrieved({"errors": [{"message": "gone"}]}, 404)
    wrong: list[object] = [[], {**VOLUME, "id": "x"}, [VOLUME, VOLUME]]
    for data in wrong:
        with pytest.raises(Unreadable):
            retrieved({"data": data})
    with pytest.raises(MismatchedReply):
        retrieved({"data": {**VOLUME, "id": OTHER_ID}})


def test_an_environment_is_read() -> None:
    environment = only("environments", ENVIRONMENT)
    assert (environment.id, environment.name, environment.service_code) == (ID, "test_area", "compute-qc")
    assert environment.connection_id == OTHER_ID


@in_turn("connection", [None, {}, [], "x", 5, {"id": OTHER_ID}])
def test_an_environment_without_a_service_code_is_kept(connection: object) -> None:
    assert only("environments", {**ENVIRONMENT, "serviceConnection": connection}).service_code == ""


def test_a_connection_is_read() -> None:
    connection = only("connections", CONNECTION)
    assert (connection.id, connection.service_code, connection.type) == (ID, "compute-qc", "CloudCA")
    assert (connection.name, connection.reachable) == ("Compute - Québec", True)


@in_turn(("status", "reachable"), [({"reachable": False}, False), ({}, None), (None, None), ({"reachable": "x"}, None)])
def test_whether_a_connection_is_reachable_may_be_unknown(status: object, reachable: bool | None) -> None:
    assert only("connections", {**CONNECTION, "status": status}).reachable is reachable


@in_turn(("what", "row"), [("environments", ENVIRONMENT), ("connections", CONNECTION)])
def test_no_count_is_expected_but_a_wrong_one_noticed(what: str, row: Mapping[str, object]) -> None:
    assert listed(what, {"data": [row]}).complete
    assert listed(what, {"data": [row]}).doubts == ()
    assert listed(what, {"data": [row], "metadata": {"recordCount": 2}}).doubts == ("record_count_differs",)


@in_turn("what", PATHS)
def test_a_row_without_identity_is_skipped_and_a_fault_is_a_fault(what: str) -> None:
    listing = listed(what, {"data": [{}, None, 5, {"id": [1]}, {"name": "x"}]})
    assert (listing.rows, listing.skipped, listing.complete) == ((), 5, False)
    with pytest.raises(Unreadable):
        listed(what, {"data": {}})
    with pytest.raises(NotFound):
        listed(what, {}, 404)
