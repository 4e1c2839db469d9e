"""CLOUDCA_PROXY and CLOUDCA_CA_BUNDLE: judged at the start, masked, and given to every client."""

from pathlib import Path

from django.conf import settings
from django.views.debug import SafeExceptionReporterFilter
from pytest_django import Settings

from dashboard.run import check_settings
from dashboard.secrets import Secret
from snapshots.cloudca.addresses import is_proxy
from tests.cloudca.test_proxy import NO_ADDRESSES, PASSWORD, USER
from tests.dashboard.teams.test_startup import LOOPBACK, run
from tests.faults.certificates import Authority
from tests.loops import in_turn

ADDRESSES = [
    "http://proxy:3128",
    "https://proxy",
    "http://[::1]:3128/",
    f"http://{USER}10.0.0.1:1",
    "http://a%40b:%3A@h",
]


@in_turn("address", [*NO_ADDRESSES, "http://h\n", "http://ü", "http://u:ü@h", "http://u:p@w@h"])
def test_the_start_and_the_client_refuse_the_same_addresses(address: str) -> None:
    (sentence,) = check_settings.proxy(address)
    assert sentence.startswith("CLOUDCA_PROXY must be an address such as")
    assert not is_proxy(address)


@in_turn("address", ADDRESSES)
def test_and_take_the_same(address: str) -> None:
    assert check_settings.proxy(address) == []
    assert is_proxy(address)


def test_a_bundle_is_a_file_with_a_certificate(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    assert check_settings.ca_bundle(str(ours.path)) == check_settings.ca_bundle("") == []
    key = ours.certificate().read_text().partition("-----BEGIN CERTIFICATE")[0]
    for name, content in {"empty": "", "words": "no certificate", "key": key}.items():
        (tmp_path / name).write_text(content)
        assert ["none that can be read" in told for told in check_settings.ca_bundle(str(tmp_path / name))] == [True]
    for path in (tmp_path, tmp_path / "none", "x\0y", "x" * 5000):
        assert ["no such file" in told for told in check_settings.ca_bundle(str(path))] == [True]


def test_a_wrong_one_refuses_the_start_without_repeating_it() -> None:
    wrong = {"CLOUDCA_PROXY": f"socks5://{USER}proxy:1", "CLOUDCA_CA_BUNDLE": "README.md"}
    done = run("manage.py", "check", **LOOPBACK | wrong)
    assert done.returncode == 1
    assert [line.split()[5] for line in done.stderr.splitlines()] == ["CLOUDCA_PROXY", "CLOUDCA_CA_BUNDLE"]
    assert PASSWORD not in done.stderr


def test_a_right_one_is_masked() -> None:
    code = "from dashboard import settings as s; print(s.CLOUDCA_PROXY, [s.CLOUDCA_PROXY], s.CLOUDCA_CA_BUNDLE)"
    done = run("-c", code, **LOOPBACK | {"CLOUDCA_PROXY": f"http://{USER}proxy:3128"})
    assert (done.returncode, done.stdout) == (0, "•••• [Secret(••••)] \n")
    done = run("manage.py", "diffsettings", **LOOPBACK | {"CLOUDCA_PROXY": f"http://{USER}proxy:3128"})
    assert "CLOUDCA_PROXY" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_a_page_of_an_error_does_not_show_it(settings: Settings) -> None:
    settings.CLOUDCA_PROXY = Secret(f"http://{USER}proxy:3128")
    shown = SafeExceptionReporterFilter().get_safe_settings()
    assert "CLOUDCA_PROXY" in shown
    assert PASSWORD not in repr(shown)


def test_every_client_of_the_product_is_made_in_one_place() -> None:
    places = [path for folder in ("dashboard", "snapshots") for path in (settings.BASE_DIR / folder).rglob("*.py")]
    making = [path.name for path in places if "CloudClient(" in path.read_text()]
    assert sorted(making) == ["client.py", "provider.py"]
