"""The key stays out of errors, reports and logs, and leaves only over TLS that can be trusted."""

import gc
import logging
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests.adapters
from django.test import RequestFactory, override_settings
from django.views.debug import ExceptionReporter

from snapshots.cloudca import errors
from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.errors import CloudError
from tests.cloudca.certificates import self_signed
from tests.cloudca.proxy import proxying
from tests.cloudca.support import ID, OTHER_ID, PLACE, ROW, Key, canary, client, envelope, fault_over
from tests.cloudca.wire import Script, answer, answer_and_close, answer_and_drip, answer_and_reset, http, serving

ECHO = f'{{"errors":[{{"code":"{canary()}","message":"the key {canary()} is bad"}}]}}'.encode()
ANSWERS: dict[str, Script] = {
    "refused": answer(http(ECHO, "403 Forbidden")),
    "not_found": answer(http(ECHO, "404 Not Found")),
    "rate_limited": answer(http(ECHO, "429 Often", "Retry-After: 5")),
    "unavailable": answer(http(ECHO, "500 Oops")),
    "rejected": answer(http(ECHO, "200 OK")),
    "redirect": answer(http(b"", "302 Found", "Location: https://evil.example/")),
    "unreadable": answer(http(b"<html>")),
    "too_large": answer(http(b" " * 3000)),
    "timeout": answer_and_drip(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "interrupted": answer_and_reset(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    "interrupted: closed": answer_and_close(b""),
    "interrupted: garbage": answer_and_close(b"garbage\r\n\r\n"),
    "interrupted: two lengths": answer_and_close(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
    ),
    "mismatched": answer(http(envelope({**ROW, "id": OTHER_ID}))),
}
UNSENT: dict[str, Callable[[], object]] = {
    "unreachable": lambda: client("http://127.0.0.1:1").list_environments(),
    "invalid_key": lambda: CloudClient("https://api.cloud.ca/v1", Key(canary() + "\n")).list_environments(),
    "invalid_input": lambda: client().list_volumes("..", "x"),
}
# A proxy is asked before anything is sent to the provider: `tests/cloudca/test_proxy.py` looks at what it may see.
PROXIED = {"proxy": http(ECHO, "502 Bad"), "proxy_refused": http(ECHO, "407 Who")}
KINDS = [*ANSWERS, *UNSENT, *PROXIED, "tls"]


def raised(call: Callable[[], object]) -> CloudError:
    with pytest.raises(CloudError) as caught:
        call()
    return caught.value


@pytest.fixture
def provoke(tmp_path: Path) -> Callable[[str], CloudError]:
    """Bring about the fault of a kind."""

    def provoked(kind: str) -> CloudError:
        if kind in UNSENT:
            return raised(UNSENT[kind])
        if kind in PROXIED:
            with proxying(1, PROXIED[kind]) as proxy, client(proxy=Key(proxy.url())) as cloud:
                return raised(lambda: cloud.get_snapshot(*PLACE, ID))
        context = self_signed(tmp_path)[0] if kind == "tls" else None
        seconds = 0.3 if kind == "timeout" else 5
        with (
            serving(ANSWERS.get(kind, answer(b"")), context) as wire,
            client(wire.url, seconds=seconds, body_cap=2000) as cloud,
        ):
            return raised(lambda: cloud.get_snapshot(*PLACE, ID))

    return provoked


def family(root: type[CloudError]) -> Iterator[type[CloudError]]:
    for child in root.__subclasses__():
        yield child
        yield from family(child)


def test_every_class_of_the_family_is_brought_about_here() -> None:
    assert {child.kind for child in family(CloudError)} == {kind.partition(":")[0] for kind in KINDS}
    assert all(child.__name__ in (errors.__doc__ or "") for child in family(CloudError))


@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_shows_the_key(kind: str, provoke: Callable[[str], CloudError]) -> None:
    fault = provoke(kind)
    assert fault.kind == kind.partition(":")[0]
    assert str(fault) == fault.sentence != ""
    shown = [str(fault), repr(fault), repr(fault.args), repr(vars(fault)), fault.detail, fault.code]
    assert canary() not in "\n".join(shown)


@pytest.mark.few(12)
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_no_report_of_a_fault_shows_the_key(kind: str, debug: bool, provoke: Callable[[str], CloudError]) -> None:
    fault = provoke(kind)
    reporter = ExceptionReporter(RequestFactory().get("/"), type(fault), fault, fault.__traceback__)
    with override_settings(DEBUG=debug):
        reports = [reporter.get_traceback_html(), reporter.get_traceback_text()]
    assert all(type(fault).__name__ in report for report in reports)
    assert not any(canary() in report for report in reports)


def reachable(fault: BaseException) -> Iterator[object]:
    """Everything that the fault, its context and the locals of its frames lead to."""
    seen: dict[int, object] = {}
    waiting: list[object] = [vars(fault), fault.args, fault.__cause__, fault.__context__]
    trace = fault.__traceback__
    while trace:
        waiting.append(dict(trace.tb_frame.f_locals))
        trace = trace.tb_next
    while waiting:
        found = waiting.pop()
        if id(found) not in seen and not isinstance(
            found, type | types.ModuleType | types.FunctionType | types.FrameType
        ):
            seen[id(found)] = found
            yield found
            waiting.extend(gc.get_referents(found))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_a_fault_leads_to_holds_the_key(kind: str, provoke: Callable[[str], CloudError]) -> None:
    fault = provoke(kind)
    assert fault.__cause__ is None
    assert fault.__context__ is None
    texts = [found for found in reachable(fault) if isinstance(found, str | bytes | bytearray)]
    own = (ECHO, *ANSWERS, *PROXIED.values())  # what the provider was told to say
    held = [
        text
        for text in texts
        if text not in own and canary() in (text if isinstance(text, str) else text.decode("latin-1"))
    ]
    assert len(texts) > 10
    assert held == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_log_shows_the_key(
    kind: str, provoke: Callable[[str], CloudError], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):
        provoke(kind)
    assert caplog.records or kind in ("invalid_key", "invalid_input")
    assert canary() not in caplog.text
    assert not any(canary() in repr(vars(record)) for record in caplog.records)


def test_the_client_does_not_show_the_key() -> None:
    with client() as cloud:
        assert canary() not in repr(cloud) + str(cloud) + repr(vars(cloud)) + repr(vars(cloud._transport)) + repr(
            vars(cloud._transport._key)
        )


def test_the_key_and_the_password_of_the_proxy_are_revealed_in_one_line_each() -> None:
    sources = [path.read_text() for path in Path("snapshots/cloudca").glob("*.py")]
    assert sum(source.count(".reveal()") for source in sources) == 2


def test_only_the_transport_imports_an_http_library() -> None:
    libraries = ("import requests", "from requests", "import urllib3", "from urllib3", "http.client", "urllib.request")
    users = [
        path.name
        for path in Path("snapshots/cloudca").glob("*.py")
        if any(word in path.read_text() for word in libraries)
    ]
    assert users == ["transport.py"]


def test_a_self_signed_certificate_is_refused_before_the_key_is_sent(tmp_path: Path) -> None:
    with serving(answer(http(envelope(ROW))), self_signed(tmp_path)[0]) as wire:
        fault = fault_over(wire.url, retries=2)
        assert (fault.kind, fault.retryable, wire.heads) == ("tls", False, [])


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = self_signed(tmp_path)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(trusted))
    with serving(answer(http(envelope(ROW))), context) as wire:
        assert fault_over(wire.url.replace("127.0.0.1", "localhost")).kind == "tls"
        with client(wire.url) as cloud:
            assert cloud.list_snapshots(*PLACE).complete
        assert len(wire.heads) == 1


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_cannot_widen_the_trust(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = self_signed(tmp_path)
    monkeypatch.setenv(name, str(trusted))
    with serving(answer(http(envelope(ROW))), context) as wire:
        assert fault_over(wire.url).kind == "tls"


def test_drip_over_tls_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = self_signed(tmp_path)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(trusted))
    with serving(answer_and_drip(b"HTTP/1.1 200 OK\r\nX: ", b"y"), context) as wire:
        assert fault_over(wire.url, seconds=0.5).kind == "timeout"
