"""Each fault as a plain HTTP client sees it."""

import json
import time
from threading import Event, Thread

import pytest
import requests

from snapshots.simulator.checks import FaultError
from snapshots.simulator.faults import Fault
from snapshots.simulator.hostile import HOSTILE_NAMES
from snapshots.simulator.server import Simulator
from tests.simulator.conftest import AREA, EXAMPLE_ID, KEY, LIST, NARROW_KEY, Get
from tests.waiting import SECONDS, until

PROD = "/services/compute-qc/prod/snapshots"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 520, 600])
def test_any_status_with_headers(sim: Simulator, get: Get, status: int) -> None:
    sim.fault(status=status, headers={"Retry-After": "120", "Date": "Mon, 23 Nov 2026 09:00:00 GMT"})
    reply = get(LIST)
    assert (reply.status_code, reply.headers["Retry-After"]) == (status, "120")
    assert reply.headers["Date"] == "Mon, 23 Nov 2026 09:00:00 GMT"
    assert reply.json()["errors"][0]["code"] == 2000 + status


def test_no_content(sim: Simulator, get: Get) -> None:
    sim.fault(status=204)
    assert (get(LIST).status_code, get(LIST).content) == (204, b"")


def test_own_body_and_type(sim: Simulator, get: Get) -> None:
    sim.fault(body='{"data": null}', headers={"content-type": "text/odd"})
    reply = get(LIST)
    assert (reply.status_code, reply.text, reply.headers["Content-Type"]) == (200, '{"data": null}', "text/odd")


@pytest.mark.parametrize(("effects", "status"), [({}, 200), ({"status": 502}, 502)])
def test_html_for_json(sim: Simulator, get: Get, effects: dict[str, object], status: int) -> None:
    sim.fault(html=True, **effects)
    reply = get(LIST)
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert reply.text.startswith("<!DOCTYPE html>")


def test_errors_with_200(sim: Simulator, get: Get) -> None:
    sim.fault(errors_with_200=True)
    assert (get(LIST).status_code, list(get(LIST).json())) == (200, ["errors"])


def test_slow(sim: Simulator, get: Get) -> None:
    sim.fault(slow=0.2)
    start = time.monotonic()
    assert len(get(LIST).json()["data"]) == 60
    assert time.monotonic() - start >= 0.2


def test_a_slow_reply_does_not_hold_up_the_end(sim: Simulator) -> None:
    sim.fault(slow=3600.0)
    ended = Event()
    caller = Thread(target=_ask_until_hung_up, args=(sim.url + LIST, ended), daemon=True)
    caller.start()
    until(lambda: bool(sim.calls()), what="the call")
    sim.stop()
    assert ended.wait(SECONDS)
    caller.join(SECONDS)


def _ask_until_hung_up(url: str, ended: Event) -> None:
    try:
        requests.get(url, headers={"MC-Api-Key": KEY}, timeout=60)
    except requests.ConnectionError:
        ended.set()


def test_truncated(sim: Simulator, get: Get) -> None:
    sim.fault(truncated=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="more expected"):
        get(LIST)


def test_reset(sim: Simulator, get: Get) -> None:
    sim.fault(reset=True)
    with pytest.raises(requests.ConnectionError):
        get(LIST)


@pytest.mark.parametrize("status", [302, 301, 307, 308])
def test_redirect(sim: Simulator, get: Get, status: int) -> None:
    sim.fault(redirect="http://127.0.0.1:9/elsewhere", status=status)
    reply = get(LIST)
    assert (reply.status_code, reply.headers["Location"]) == (status, "http://127.0.0.1:9/elsewhere")


@pytest.mark.parametrize(("off", "count"), [(5, 65), (-1, 59), ("text", "many"), ("negative", -1)])
def test_record_count_off(sim: Simulator, get: Get, off: int | str, count: object) -> None:
    sim.fault(record_count=off)
    body = get(LIST).json()
    assert (len(body["data"]), body["metadata"]["recordCount"]) == (60, count)


def test_record_count_absent(sim: Simulator, get: Get) -> None:
    sim.fault(record_count="absent")
    assert list(get(LIST).json()) == ["data"]


def test_empty_list_after_a_full_one(sim: Simulator, get: Get) -> None:
    full = get(LIST).content
    sim.fault(empty_list=True, times=1)
    assert get(LIST).json() == {"data": [], "metadata": {"recordCount": 0}}
    assert get(LIST).content == full


def test_shrink_leaves_the_newest(sim: Simulator, get: Get) -> None:
    full = get(LIST).json()["data"]
    sim.fault(shrink=0.75)
    assert get(LIST).json() == {"data": full[:15], "metadata": {"recordCount": 15}}


def test_duplicate_ids(sim: Simulator, get: Get) -> None:
    sim.fault(duplicate_ids=True)
    rows = get(LIST).json()["data"]
    assert (len(rows), rows[0]["id"]) == (61, rows[-1]["id"])
    assert rows[0]["name"] != rows[-1]["name"]


def test_wrong_id_on_retrieve(sim: Simulator, get: Get) -> None:
    sim.fault(path="/snapshots/.+", wrong_id=True)
    row = get(f"{LIST}/{EXAMPLE_ID}").json()["data"]
    assert row["id"] != EXAMPLE_ID
    assert row["name"] == "i-douglas-ADM_foo_20161116211009"
    assert EXAMPLE_ID in get(LIST).text


def test_wrong_typed_fields(sim: Simulator, get: Get) -> None:
    sim.fault(wrong_typed=True)
    values = [row[name] for row in get(LIST).json()["data"] for name in ("name", "state", "volume")]
    assert {type(value) for value in values} == {type(None), int, bool, list, dict, float}


def test_one_wrong_typed_field(sim: Simulator, get: Get) -> None:
    sim.fault(wrong_typed=["id"])
    rows = get(LIST).json()["data"]
    assert not any(isinstance(row["id"], str) for row in rows)
    assert all(isinstance(row["name"], str) for row in rows)


def test_missing_fields(sim: Simulator, get: Get) -> None:
    sim.fault(missing_fields=["volume", "volumeId", "volumeType"])
    assert {tuple(row) for row in get(LIST).json()["data"]} == {("id", "name", "state", "intervalType")}


def test_all_fields_missing_but_the_id(sim: Simulator, get: Get) -> None:
    sim.fault(missing_fields=True)
    assert list(get(f"{LIST}/{EXAMPLE_ID}").json()["data"]) == ["id"]


def test_hostile_names(sim: Simulator, get: Get) -> None:
    sim.fault(hostile_names=True)
    body = get(LIST)
    names = [row["name"] for row in body.json()["data"]]
    assert names[: len(HOSTILE_NAMES)] == list(HOSTILE_NAMES)
    assert b"\\ud800" in body.content
    assert b"\\u0000" in body.content
    assert max(map(len, names)) > 10_000


def test_dangling_volume(sim: Simulator, get: Get) -> None:
    sim.fault(path="/snapshots", dangling_volume=True)
    id = get(LIST).json()["data"][0]["volumeId"]
    assert get(f"/services/{AREA}/volumes/{id}").status_code == 404


def test_set_fields(sim: Simulator, get: Get) -> None:
    sim.fault(set_fields={"state": "Frozen", "intervalType": "HOURLY,DAILY", "rapid": {"deep": [1]}})
    row = get(f"{LIST}/{EXAMPLE_ID}").json()["data"]
    assert (row["state"], row["intervalType"], row["rapid"]) == ("Frozen", "HOURLY,DAILY", {"deep": [1]})


@pytest.mark.parametrize("status", [401, 403])
def test_one_key_refused(sim: Simulator, get: Get, status: int) -> None:
    sim.fault(refuse=status, key=NARROW_KEY)
    assert get(LIST, key=NARROW_KEY).status_code == status
    assert get(LIST).status_code == 200


def test_one_environment_refused(sim: Simulator, get: Get) -> None:
    sim.fault(refuse=403, environment="compute-qc/prod")
    assert [get(path).status_code for path in (PROD, LIST, "/environments")] == [403, 200, 200]


def test_a_path_matches_up_to_the_end(sim: Simulator, get: Get) -> None:
    sim.fault(path="/snapshots", status=500)
    assert [get(path).status_code for path in (LIST, f"{LIST}/{EXAMPLE_ID}")] == [500, 200]


def test_first_match_wins_and_times_run_out(sim: Simulator, get: Get) -> None:
    sim.fault(status=500, times=2)
    sim.fault(status=503, times=1)
    assert [get(LIST).status_code for _ in range(4)] == [500, 500, 503, 200]


def test_two_effects_of_one_fault(sim: Simulator, get: Get) -> None:
    sim.fault(shrink=0.5, record_count=30)
    body = get(LIST).json()
    assert (len(body["data"]), body["metadata"]["recordCount"]) == (30, 60)


def test_cleared(sim: Simulator, get: Get) -> None:
    sim.add_fault(Fault(status=500))
    assert get(LIST).status_code == 500
    sim.clear_faults()
    assert get(LIST).status_code == 200


def test_errors_stay_errors_under_a_fault_of_rows(sim: Simulator, get: Get) -> None:
    sim.fault(empty_list=True)
    assert get("/nothing").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 99},
        {"status": True},
        {"status": "500"},
        {"times": 0},
        {"slow": -1},
        {"slow": True},
        {"shrink": 1.1},
        {"path": "("},
        {"path": 1},
        {"html": 1},
        {"refuse": 500},
        {"record_count": "some"},
        {"record_count": True},
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X Y": "a"}},
        {"headers": []},
        {"redirect": "http://x\n"},
        {"missing_fields": "name"},
        {"wrong_typed": [1]},
        {"set_fields": []},
        {"colour": "red"},
    ],
)
def test_a_wrong_fault_is_refused_with_a_sentence(sim: Simulator, wrong: dict[str, object]) -> None:
    with pytest.raises(FaultError) as refused:
        sim.fault(**wrong)
    assert repr(next(iter(wrong))) in str(refused.value)
    assert str(refused.value).endswith(".")
    assert sim.faults.listed() == []


def test_a_fault_is_told_as_json() -> None:
    fault = Fault(path="/snapshots", status=503, headers={"Retry-After": "5"}, times=2)
    assert Fault.from_json(json.loads(json.dumps(fault.as_json()))) == fault
