"""A webhook's message: what it has, that its signature is right, and that no receiver holds anything up."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from dashboard.secrets import Secret, seal_key, seal_webhook_secret
from snapshots.alerts import webhook
from snapshots.alerts.deliver import deliver
from snapshots.alerts.messages import NotSent
from snapshots.alerts.outbox import queue_test
from snapshots.models import Channel, Delivery, Environment
from tests.alerts.conftest import SECRET, Records
from tests.alerts.receiver import HOST, Answer, Got, Receiver
from tests.alerts.steps import listed
from tests.faults.certificates import PAST, Authority
from tests.views.snapshots.conftest import Fill
from tests.views.volumes.home.steps import disk, volume_id

pytestmark = pytest.mark.django_db
BUDGET = 30.0


def is_genuine(headers: dict[str, str], body: bytes, secret: str, now: float) -> bool:
    """Written from `docs/alerts.md` alone."""
    stamp = headers["Snapshots-Timestamp"]
    key, signed = secret.encode("utf-8"), stamp.encode("ascii") + b"." + body
    wanted = "v1=" + hmac.new(key, signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, headers["Snapshots-Signature"]) and abs(now - int(stamp)) <= 300


def posted(receiver: Receiver, **headers: str) -> None:
    webhook.post(receiver.url, b"{}", headers)


def document(got: Got) -> dict[str, Any]:
    assert is_genuine(got.headers, got.body, SECRET, got.at)
    found: dict[str, Any] = json.loads(got.body)
    assert found["id"] == got.headers["Snapshots-Id"]
    return found


def test_a_beginning_and_its_end(
    begun: Environment,
    records: Records,
    fill: Fill,
    clock: time_machine.Traveller,
    hook: Channel,
    receiver: Receiver,
) -> None:
    listed(fill, records, clock)
    deliver(budget=BUDGET)
    listed(fill, [*records, *disk("none", 0)], clock)
    deliver(budget=BUDGET)
    documents = [document(got) for got in receiver.got]
    assert [(each["event"], each["status"], each["count"]) for each in documents] == [
        ("problems.began", "none", 1),
        ("problems.began", "late", 2),
        ("problems.began", "stuck", 1),
        ("problems.began", "failing", 1),
        ("problems.ended", "none", 1),
    ]
    first, last = documents[0], documents[-1]
    assert first["incident"] == last["incident"]
    assert (first["schema"], first["team"]) == (1, {"slug": "acme", "name": "Acme Platform"})
    assert first["environment"] == {"service_code": "compute-on", "name": "prod"}
    assert first["problems"][0]["volume"] == {"id": volume_id("none"), "name": "none", "instance": ""}
    assert last["problems"][0]["end"] == "recovered"
    assert volume_id("none") in str(first["url"])


def test_it_goes_to_the_path_with_the_name_of_the_host(hook: Channel, receiver: Receiver) -> None:
    queue_test(hook)
    assert deliver(budget=BUDGET) == 1
    (got,) = receiver.got
    assert (got.path, got.server_name) == ("/hook?team=1", HOST)
    assert got.headers["Host"] == f"{HOST}:{receiver.port}"
    assert document(got)["event"] == "test"


def test_the_example_of_the_page_agrees(hook: Channel, receiver: Receiver) -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "alerts.md").read_text()
    example: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], example)
    queue_test(hook)
    deliver(budget=BUDGET)
    (got,) = receiver.got
    assert example["is_genuine"](got.headers, got.body, SECRET)
    assert not example["is_genuine"](got.headers, got.body, SECRET + " ")


def test_another_secret_or_another_body_is_noticed(hook: Channel, receiver: Receiver) -> None:
    queue_test(hook)
    deliver(budget=BUDGET)
    (got,) = receiver.got
    assert not is_genuine(got.headers, got.body, "another", got.at)
    assert not is_genuine(got.headers, got.body + b" ", SECRET, got.at)
    assert not is_genuine({**got.headers, "Snapshots-Timestamp": "1"}, got.body, SECRET, 1)
    assert not is_genuine(got.headers, got.body, SECRET, got.at + 301)


@pytest.mark.parametrize("status", [199 + 1, 204, 299])
def test_a_success(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda handler: answered(handler, status)
    posted(receiver)


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda handler: answered(handler, status, location=receiver.url)
    with pytest.raises(NotSent, match=str(status)):
        posted(receiver)
    assert len(receiver.got) == 1  # no redirect is followed


def answered(handler: BaseHTTPRequestHandler, status: int, location: str = "") -> bool:
    handler.send_response(status)
    if location:
        handler.send_header("Location", location)
    handler.end_headers()
    return True


def drip(handler: BaseHTTPRequestHandler) -> bool:
    """A header byte by byte, each within any timeout of a single read."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(400):
        handler.wfile.write(b"a")
        Event().wait(0.05)
    return True


def silence(handler: BaseHTTPRequestHandler) -> bool:
    Event().wait(20)
    return True


@pytest.mark.parametrize("slow", [drip, silence])
def test_the_whole_answer_has_its_time(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, slow: Answer) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.8)
    receiver.answer = slow
    began = time.monotonic()
    with pytest.raises(NotSent, match="in time"):
        posted(receiver)
    assert time.monotonic() - began < 3


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    sent = list[int]()

    def endless(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"a" * 2**16)
            sent.append(2**16)

    receiver.answer = endless
    posted(receiver)
    assert sum(sent) < 2**24


def test_a_certificate_of_another_name_or_authority_or_time_is_refused(
    authority: Authority, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = Authority(tmp_path_factory.mktemp("foreign"))
    for wrong in (authority.certificate("other.example"), authority.certificate(HOST, until=PAST), foreign.own(HOST)):
        with Receiver(wrong) as other, pytest.raises(NotSent, match="certificate"):
            posted(other)
        assert other.got == []


def test_nothing_listens(receiver: Receiver) -> None:
    receiver.__exit__()
    with pytest.raises(NotSent):
        posted(receiver)


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_no_proxy_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    posted(receiver)


def test_the_secret_is_no_key_and_belongs_to_its_team(hook: Channel, receiver: Receiver) -> None:
    key = seal_key(Secret("CANARY-key"), team_pk=hook.team_id)
    for wrong in (key, seal_webhook_secret(Secret(SECRET), team_pk=hook.team_id + 1), "damaged"):
        Channel.objects.update(sealed=wrong)
        queue_test(hook)
        assert deliver(budget=BUDGET) == 0
    assert receiver.connections == 0
    assert "secret" in Channel.objects.get().failure


def test_the_secret_is_in_no_row_and_in_no_log(
    hook: Channel, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = lambda handler: answered(handler, 500)
    queue_test(hook)
    deliver(budget=BUDGET)
    rows = [list(Channel.objects.values_list()), list(Delivery.objects.values_list())]
    assert SECRET not in repr(rows) + caplog.text + repr(hook.secret())
    assert SECRET.encode() not in receiver.got[0].body


def test_its_time_is_that_of_the_try(hook: Channel, receiver: Receiver, clock: time_machine.Traveller) -> None:
    queue_test(hook)
    clock.shift(timedelta(hours=3))
    deliver(budget=BUDGET)
    assert int(receiver.got[0].headers["Snapshots-Timestamp"]) == int(timezone.now().timestamp())
