"""Requests as clients really make them, and as nobody should: each is answered in JSON, in the documented form."""

import json
from collections.abc import Callable
from itertools import product

import pytest
from django.db import OperationalError
from django.test import Client

from snapshots.api import views
from tests.api.conftest import JUDGED, LIST, PROBLEMS, ROOT, VOLUMES, Script
from tests.loops import in_turn
from tests.views.snapshots.conftest import VOLUME, snapshot_id

Tell = Callable[..., None]
GO = {"Content-Type": "application/json", "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"}
# URL = api URL + "/" + endpoint + "?" + query: with the client's own default the slash is doubled.
ENDPOINTS = [
    "environments?",
    "services/connections?",
    "services/compute-on/prod/snapshots?",
    f"services/compute-on/prod/snapshots?volume_id={VOLUME}",
    f"services/compute-on/prod/snapshots/{snapshot_id(1)}?",
    "services/compute-on/prod/volumes?",
    "services/compute-on/prod/volumes?type=OS",
]
HOSTILE = ["\x00", "'; --", "../..", "%0d%0aX-A: b", "‮", "\ud800", "{{7*7}}", "９", "x" * 10_000, "[]", "null"]
CLOSED_METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("base", [f"{ROOT}/", ROOT])
def test_the_go_clients_requests(script: Script, base: str, figures: Tell) -> None:
    for endpoint in ENDPOINTS:
        answer = script.get(f"{base}/{endpoint}", **GO)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json; charset=utf-8"), endpoint
        assert "Location" not in answer
    figures("Go client", request_shapes=len(ENDPOINTS))


def test_what_the_go_client_panics_at_is_not_sent(script: Script) -> None:
    """A null for data, metadata, taskId, taskStatus or errors makes it dereference nothing."""
    for endpoint in (*ENDPOINTS, "services/compute-on/nowhere/snapshots?", "nothing?"):
        read = json.loads(script.get(f"{ROOT}//{endpoint}", **GO | {"Accept-Encoding": ""}).content)
        assert None not in read.values()
        assert read.keys() <= {"data", "metadata", "errors"}
        assert all(isinstance(error["errorCode"], str) for error in read.get("errors", []))


def test_any_slash_may_be_doubled(script: Script) -> None:
    assert script.get(LIST.replace("/api", "//api")).status_code == 404
    assert script.get(ROOT + LIST.removeprefix(ROOT).replace("/", "///") + "/").status_code == 200


@in_turn(
    ("method", "url"),
    product(CLOSED_METHODS, [LIST, VOLUMES, JUDGED, f"{ROOT}/environments", f"{ROOT}/openapi.json"]),
)
def test_nothing_can_be_written(script: Script, method: str, url: str) -> None:
    answer = script.get(url, method)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    (error,) = json.loads(answer.content)["errors"]
    assert (error["code"], error["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_head_has_the_headers_of_get(script: Script) -> None:
    assert script.get(LIST, "HEAD")["ETag"] == script.get(LIST)["ETag"]


NAMES = ("volume_id", "cursor", "limit", "status", "q", "sort", "environment", "other")


@in_turn(("url", "name", "value"), list(product((LIST, JUDGED, PROBLEMS), NAMES, HOSTILE))[::2])
def test_hostile_values_are_refused_in_json(script: Script, url: str, name: str, value: str) -> None:
    answer = Client().get(url, {name: value.encode("utf-8", "replace").decode()}, headers=key(script))
    assert answer.status_code in (200, 400)
    assert answer["Content-Type"].startswith("application/json")
    assert "X-A" not in answer


def key(script: Script) -> dict[str, str]:
    return {"MC-Api-Key": script.token}


@in_turn("value", ["0", "-1", "1001", "1e3", "٣", "NaN", "9" * 5000, "", "1 ", "01"])
def test_a_limit_is_a_number_of_rows(script: Script, value: str) -> None:
    assert script.get(f"{JUDGED}?limit={value}").status_code == 400


def test_large_requests_are_refused_in_json(script: Script) -> None:
    many = "&".join(f"a{number}=1" for number in range(1000))
    for url in (f"{LIST}?{many}", f"{JUDGED}?q={'x' * 10**6}", f"{JUDGED}?{'&'.join(['status=late'] * 51)}"):
        answer = script.get(url)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert script.get(LIST, **{"If-None-Match": '"x", ' * 10_000}).status_code == 200
    assert script.get(f"{LIST}/{'x' * 60_000}").status_code == 404


def test_a_host_that_is_not_ours_is_refused_in_json(script: Script) -> None:
    answer = script.get(LIST, Host="evil.example")
    assert (answer.status_code, json.loads(answer.content)["errors"][0]["code"]) == (400, 400)


@pytest.mark.parametrize(("fault", "status"), [("database is locked", 503), ("no such table", 500)])
def test_our_own_faults_are_told_in_json(
    script: Script, fault: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise OperationalError(fault)

    monkeypatch.setattr(views, "_listed", broken)
    answer = script.get(LIST)
    (error,) = json.loads(answer.content)["errors"]
    assert (answer.status_code, error["code"]) == (status, status)
    assert ("Retry-After" in answer) == (status == 503)
    assert fault not in answer.content.decode()
    assert error["context"] == {"request": answer["X-Request-ID"]}
