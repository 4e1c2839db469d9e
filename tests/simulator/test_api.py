"""The documented endpoints, byte by byte, and every documented refusal."""

import http.client
import json

import pytest
import requests

from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from tests.loops import in_turn
from tests.simulator.conftest import AREA, EXAMPLE_ID, EXAMPLE_VOLUME, KEY, LIST, NARROW_KEY, Get

UNKNOWN = "5f0c8a52-9a0e-4a4c-8a0e-6f7f4d0f1b11"
EXAMPLE = (
    b'{"id":"33a27b8d-5a27-42a5-aec4-37606e372bda","name":"i-douglas-ADM_foo_20161116211009","state":"BackedUp",'
    b'"intervalType":"MANUAL","volumeId":"c779ca42-6966-41af-a7dc-23db4e41d4ee","volume":"ROOT-35545",'
    b'"volumeType":"ROOT-35545"}'
)


def raw(sim: Simulator, method: str, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send a request whose target nobody tidies up."""
    connection = http.client.HTTPConnection(sim.host, sim.port, timeout=10)
    try:
        connection.request(method, target, headers={"MC-Api-Key": KEY, **headers})
        reply = connection.getresponse()
        return reply.status, dict(reply.headers), reply.read()
    finally:
        connection.close()


def test_list_has_the_documented_bytes() -> None:
    with Simulator(World(environments=[AREA], volumes=1, snapshots=1), keys={KEY: None}) as sim:
        status, _, body = raw(sim, "GET", f"/v1{LIST}")
    assert status == 200
    assert body == b'{"data":[' + EXAMPLE + b'],"metadata":{"recordCount":1}}'


def test_retrieve_has_the_documented_bytes(get: Get) -> None:
    assert get(f"{LIST}/{EXAMPLE_ID}").content == b'{"data":' + EXAMPLE + b"}"


def test_empty_list_keeps_its_envelope() -> None:
    with Simulator(World(environments=[AREA], volumes=0, snapshots=0), keys={KEY: None}) as sim:
        assert raw(sim, "GET", f"/v1{LIST}")[2] == b'{"data":[],"metadata":{"recordCount":0}}'


def test_every_row_can_be_retrieved_alone(get: Get) -> None:
    rows = get(LIST).json()["data"]
    assert len(rows) == 60
    assert [get(f"{LIST}/{row['id']}").json()["data"] for row in rows] == rows


def test_list_is_newest_first(get: Get) -> None:
    stamps = [row["name"][-14:] for row in get(LIST).json()["data"] if row["name"][-14:].isdigit()]
    assert len(stamps) > 50
    assert stamps == sorted(stamps, reverse=True)


def test_volume_id_leaves_that_volumes_snapshots(get: Get) -> None:
    everything = get(LIST).json()["data"]
    body = get(f"{LIST}?volume_id={EXAMPLE_VOLUME}").json()
    assert body["data"] == [row for row in everything if row.get("volumeId") == EXAMPLE_VOLUME]
    assert 0 < body["metadata"]["recordCount"] == len(body["data"]) < len(everything)


def test_unknown_volume_id_gives_an_empty_list(get: Get) -> None:
    reply = get(f"{LIST}?volume_id={UNKNOWN}")
    assert (reply.status_code, reply.json()) == (200, {"data": [], "metadata": {"recordCount": 0}})


def test_volume_id_that_is_no_uuid_is_refused(get: Get) -> None:
    reply = get(f"{LIST}?volume_id=ROOT-35545")
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["context"] == {"volume_id": "ROOT-35545"}


def test_destroyed_is_neither_listed_nor_found(sim: Simulator, get: Get) -> None:
    sim.world.set_state(AREA, EXAMPLE_ID, "Destroyed")
    assert EXAMPLE_ID not in get(LIST).text
    assert get(f"{LIST}/{EXAMPLE_ID}").status_code == 404


@pytest.mark.parametrize("state", ["Error", "Allocated", "Destroying", "Frozen"])
def test_every_other_state_is_listed(sim: Simulator, get: Get, state: str) -> None:
    sim.world.set_state(AREA, EXAMPLE_ID, state)
    assert state in [row["state"] for row in get(LIST).json()["data"] if row["id"] == EXAMPLE_ID]


@pytest.mark.parametrize("target", ["/v1/", "/api/v1", "/api/v2", "//v1//", "/v1"])
@pytest.mark.parametrize("ending", ["", "?", "/"])
def test_prefixes_slashes_and_question_marks(sim: Simulator, target: str, ending: str) -> None:
    status, _, body = raw(sim, "GET", f"{target}{LIST}{ending}", **{"Content-Type": "application/json"})
    assert (status, json.loads(body)["metadata"]) == (200, {"recordCount": 60})
    assert sim.requests[-1].target == f"{target}{LIST}{ending}"


def test_an_own_prefix() -> None:
    with Simulator(World(volumes=1, snapshots=1), keys={KEY: None}, prefix="/rest/cloud") as sim:
        assert sim.url.endswith("/rest/cloud")
        assert raw(sim, "GET", f"/rest/cloud{LIST}")[0] == 200


def test_volumes_and_one_of_them(get: Get) -> None:
    listed = get(f"/services/{AREA}/volumes").json()
    first = listed["data"][0]
    assert listed["metadata"] == {"recordCount": 12}
    assert list(first)[:4] == ["id", "name", "type", "creationDate"]
    assert get(f"/services/{AREA}/volumes/{first['id']}").json()["data"].items() > first.items()


def test_volumes_by_type_and_detached(get: Get) -> None:
    rows = get(f"/services/{AREA}/volumes").json()["data"]
    roots = get(f"/services/{AREA}/volumes?type=OS").json()["data"]
    assert roots == [row for row in rows if row["type"] == "os"] != []
    assert any("instanceId" not in row for row in rows)


def test_environments_have_no_metadata(get: Get) -> None:
    body = get("/environments").json()
    assert list(body) == ["data"]
    assert [row["name"] for row in body["data"]] == ["test_area", "prod"]
    assert list(body["data"][0]["serviceConnection"]) == ["id", "name", "serviceCode", "type"]
    assert get(f"/environments/{body['data'][1]['id']}").json() == {"data": body["data"][1]}


def test_connections_come_before_any_service_code(get: Get) -> None:
    body = get("/services/connections").json()
    assert list(body) == ["data"]
    assert [row["name"] for row in body["data"]] == ["Compute - Ontario", "Compute - Québec"]
    assert get(f"/services/connections/{body['data'][0]['id']}").json() == {"data": body["data"][0]}


def test_a_narrow_key_sees_its_environments_alone(get: Get) -> None:
    assert [row["name"] for row in get("/environments", key=NARROW_KEY).json()["data"]] == ["test_area"]
    assert get(LIST, key=NARROW_KEY).status_code == 200
    assert get("/services/compute-qc/prod/snapshots", key=NARROW_KEY).status_code == 403


@in_turn("status", [401, 403])
def test_missing_and_bad_keys(status: int) -> None:
    with Simulator(World(volumes=1, snapshots=1), keys={KEY: None}, bad_key_status=status) as sim:
        bare = requests.get(sim.url + LIST, timeout=10)
        assert bare.status_code == raw(sim, "GET", f"/v1{LIST}", **{"MC-Api-Key": "other"})[0] == status
    assert list(bare.json()) == ["errors"]


@pytest.mark.parametrize(
    "path",
    [
        "/services/compute-on/other/snapshots",
        "/services/compute-xx/test_area/snapshots",
        f"{LIST}/{UNKNOWN}",
        f"{LIST}/not-a-uuid",
        f"{LIST}/%2e%2e",
        f"{LIST}/{EXAMPLE_ID}/more",
        f"/services/{AREA}/volumes/{UNKNOWN}",
        f"/services/{AREA}/instances",
        f"/environments/{UNKNOWN}",
        f"/services/connections/{UNKNOWN}",
        "/nothing",
        "",
    ],
)
def test_unknown_things_are_404_in_the_documented_form(get: Get, path: str) -> None:
    reply = get(path)
    error = reply.json()["errors"][0]
    assert reply.status_code == 404
    assert isinstance(error["code"], int)
    assert list(error) == ["code", "message", "context", "errorCode"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_other_verbs_are_405_and_say_what_is_allowed(sim: Simulator, method: str) -> None:
    status, headers, body = raw(sim, method, f"/v1{LIST}")
    assert (status, headers["Allow"]) == (405, "GET")
    assert ("errors" in body.decode()) is (method != "HEAD")
    assert raw(sim, method, "/v1/nothing")[0] == 404


def test_connection_is_kept_after_a_body_that_nobody_wanted(sim: Simulator) -> None:
    connection = http.client.HTTPConnection(sim.host, sim.port, timeout=10)
    for _ in range(2):
        connection.request("POST", f"/v1{LIST}", body=b'{"x": 1}', headers={"MC-Api-Key": KEY})
        first = connection.getresponse()
        assert (first.status, first.read()[:9]) == (405, b'{"errors"')
        assert connection.sock is not None
    connection.close()


def test_a_body_beyond_the_limit_is_413(sim: Simulator) -> None:
    assert raw(sim, "POST", f"/v1{LIST}", **{"Content-Length": str(2**20 + 1)})[0] == 413


def test_what_was_received_is_kept(sim: Simulator, get: Get) -> None:
    get(f"{LIST}?volume_id={EXAMPLE_VOLUME}")
    get("/nothing")
    first, second = sim.requests
    assert (first.method, first.target) == ("GET", f"/v1{LIST}?volume_id={EXAMPLE_VOLUME}")
    assert (first.path, first.query) == (f"/v1{LIST}", {"volume_id": [EXAMPLE_VOLUME]})
    assert (first.headers["mc-api-key"], first.at, first.status) == (KEY, sim.world.clock(), 200)
    assert second.status == 404
    assert (sim.calls("/snapshots"), sim.calls()) == (1, 2)
    sim.clear()
    assert sim.calls() == 0


def test_stopped_and_started_again_on_its_port(sim: Simulator, get: Get) -> None:
    url = sim.url
    sim.stop()
    with pytest.raises(requests.ConnectionError):
        get(LIST)
    sim.start()
    assert (sim.url, get(LIST).status_code) == (url, 200)
