"""The control endpoint over HTTP."""

from email.message import Message
from uuid import uuid4

import pytest
import requests

from snapshots.simulator.api import Request
from snapshots.simulator.server import Simulator
from tests.simulator.conftest import AREA, EXAMPLE_ID, LIST, Get

ADD = {"action": "add", "environment": AREA}


def control(sim: Simulator, method: str, name: str, json: object = None) -> requests.Response:
    return requests.request(method, f"{sim.origin}/_control/{name}", json=json, timeout=10)


def test_faults_are_added_listed_and_cleared(sim: Simulator, get: Get) -> None:
    assert control(sim, "POST", "faults", {"status": 503, "times": 3}).status_code == 200
    assert get(LIST).status_code == 503
    assert control(sim, "GET", "faults").json() == {"data": [{"status": 503, "times": 3, "left": 2}]}
    assert control(sim, "DELETE", "faults").status_code == 204
    assert get(LIST).status_code == 200


def test_several_faults_at_once_or_none(sim: Simulator) -> None:
    assert control(sim, "POST", "faults", [{"status": 500}, {"stratus": 1}]).status_code == 400
    assert control(sim, "GET", "faults").json() == {"data": []}
    assert len(control(sim, "POST", "faults", [{"status": 500}, {"html": True}]).json()["data"]) == 2


def test_requests_are_told_without_the_key(sim: Simulator, get: Get) -> None:
    get(LIST)
    (row,) = control(sim, "GET", "requests").json()["data"]
    assert (row["method"], row["target"], row["status"]) == ("GET", f"/v1{LIST}", 200)
    assert row["headers"]["MC-Api-Key"] == "***"
    assert control(sim, "DELETE", "requests").status_code == 204
    assert sim.calls() == 0


def test_a_snapshot_is_added(sim: Simulator, get: Get) -> None:
    id = str(uuid4())
    overrides = {"name": "odd", "rapid": True}
    added = control(sim, "POST", "snapshots", {**ADD, "id": id, "state": "Creating", "overrides": overrides})
    assert added.status_code == 200
    row = get(f"{LIST}/{id}").json()["data"]
    assert row == added.json()["data"]
    assert (row["name"], row["state"], row["rapid"]) == ("odd", "Creating", True)


def test_a_snapshot_is_put_in_a_state_and_removed(sim: Simulator, get: Get) -> None:
    body = {"environment": AREA, "id": EXAMPLE_ID}
    assert control(sim, "POST", "snapshots", {**body, "action": "set_state", "state": "Error"}).status_code == 204
    assert get(f"{LIST}/{EXAMPLE_ID}").json()["data"]["state"] == "Error"
    assert control(sim, "POST", "snapshots", {**body, "action": "remove"}).status_code == 204
    assert control(sim, "POST", "snapshots", {**body, "action": "remove"}).status_code == 404


def test_the_world_in_numbers(sim: Simulator) -> None:
    told = control(sim, "GET", "world").json()["data"]
    assert (told["seed"], told["speed"], told["age"]) == (1, 0, 0)
    assert told["environments"][0] == {"environment": AREA, "snapshots": 60, "volumes": 12}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "The body must be a JSON object."),
        ({}, "The field 'action' must be one of add, set_state, remove."),
        ({"action": "add"}, "The field 'environment' must be text."),
        ({**ADD, "colour": 1}, "A snapshot has no field 'colour'."),
        ({**ADD, "name": 1}, "The field 'name' must be text."),
        ({**ADD, "id": "x"}, "The field 'id' must be a UUID."),
        ({**ADD, "id": EXAMPLE_ID}, "There is a snapshot 33a27b8d-5a27-42a5-aec4-37606e372bda already."),
        ({**ADD, "overrides": []}, "The field 'overrides' must be an object."),
        ({"action": "set_state", "environment": AREA, "id": EXAMPLE_ID}, "The field 'state' must be text."),
    ],
)
def test_a_bad_body_gets_a_sentence(sim: Simulator, body: object, sentence: str) -> None:
    reply = control(sim, "POST", "snapshots", body)
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["message"].startswith(sentence)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("name", ["faults", "snapshots"])
def test_a_body_that_is_no_json(sim: Simulator, name: str, body: bytes) -> None:
    reply = requests.post(f"{sim.origin}/_control/{name}", data=body, timeout=10)
    assert (reply.status_code, reply.json()["errors"][0]["message"]) == (400, "The body must be JSON.")


def test_unknown_address_and_verb(sim: Simulator) -> None:
    assert control(sim, "GET", "weather").status_code == 404
    refused = control(sim, "PUT", "faults")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST, DELETE")


@pytest.mark.parametrize(("caller", "status"), [("127.0.0.1", 200), ("192.0.2.7", 403), ("10.0.0.1", 403)])
def test_for_loopback_only(sim: Simulator, caller: str, status: int) -> None:
    assert sim.reply_to(Request("GET", "/_control/world", Message()), caller).status == status
