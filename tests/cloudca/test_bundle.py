"""A private authority: trusted when it is named, and for the right name alone."""

import ssl
from pathlib import Path

import pytest

from tests.cloudca.support import LIST, PLACE, client, fault_over
from tests.cloudca.wire import answer, serving
from tests.faults.certificates import PAST, Authority


def served(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_it_is_refused_without_the_bundle_and_taken_with_it(ours: Authority) -> None:
    with serving(answer(LIST), served(ours.certificate())) as wire:
        fault = fault_over(wire.url, retries=2)
        assert (fault.kind, wire.heads) == ("tls", [])
        with client(wire.url, ca_bundle=str(ours.path)) as cloud:
            assert cloud.list_snapshots(*PLACE).complete


def test_names_dates_and_other_authorities_are_checked_all_the_same(ours: Authority, tmp_path: Path) -> None:
    bad = [ours.certificate("127.0.0.2"), ours.certificate("localhost"), ours.certificate(until=PAST)]
    for certificate in [*bad, Authority(tmp_path, "Strangers").certificate()]:
        with serving(answer(LIST), served(certificate)) as wire:
            assert fault_over(wire.url, ca_bundle=str(ours.path)).kind == "tls"
            assert wire.heads == []


def test_the_public_authorities_are_not_trusted_beside_it(
    ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = Authority(tmp_path, "Public")
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(public.path))
    with serving(answer(LIST), served(public.certificate())) as wire:
        with client(wire.url) as cloud:
            assert cloud.list_snapshots(*PLACE).complete
        assert fault_over(wire.url, ca_bundle=str(ours.path)).kind == "tls"


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"\0\xff"])
def test_a_bundle_that_is_gone_or_broken_is_told(ours: Authority, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_bytes(content)
    with serving(answer(LIST), served(ours.certificate())) as wire:
        fault = fault_over(wire.url, ca_bundle=str(path))
    assert (fault.kind, fault.retryable) == ("tls", False)
    assert content is not None or str(fault) == "The file of trusted certificates cannot be read."
