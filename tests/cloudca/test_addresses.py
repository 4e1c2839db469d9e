"""What is refused before a byte is sent."""

from functools import partial

import pytest
import responses

from snapshots.cloudca.client import CloudClient
from snapshots.cloudca.errors import InvalidInput, InvalidKey
from tests.cloudca.support import BASE, ID, LIST_URL, PLACE, ROW, Key, client, envelope
from tests.loops import in_turn

BAD_SEGMENTS = [
    "..", ".", "%2e%2e", "a/../../x", "x?y=1", "x#f", "..;", "\\", "%2f", "a\0b", "a∕b", " ", "a b", "x" * 10_240,
    "x" * 65, "", "a\n", "é", "-a", "_a", "a;b", "a:b", "//", "/etc", "a%00",
]  # fmt: skip
BAD_IDS = [
    "", "no", "..", f"../{ID}", f"{ID}/", f"{ID}\n", f" {ID}", f"{ID}?x=1", f"['{ID}']", f"{ID},{ID}", f"{{{ID}",
    ID[:-1], f"{ID}&volume_id={ID}", ID.replace("-", ""), "x" * 10_240, "g" + ID[1:], "３" + ID[1:],
]  # fmt: skip
SPELLINGS = [ID, ID.upper(), f"{{{ID}}}", f"urn:uuid:{ID}"]
BAD_KEYS = [
    "",
    " ",
    " key",
    "key ",
    "a b",
    "key\n",
    "key\r\nX: y",
    "clé",
    "key\0",
    "x" * 257,
    "x" * 10_000,
    "\x7f",
    "東京",
]
BAD_BASES = [
    "", "api.cloud.ca", "http://api.cloud.ca/v1", "ftp://api.cloud.ca", "file:///etc/passwd", "gopher://x", "https://",
    "https://api.cloud.ca@evil.example/v1", "https://u:p@h/", "https://h/v1?x=1", "https://h/v1#f", "https://h/../v1",
    "https://h/v1/%2e%2e", "https://h:0/", "https://h:99999/", "https://h:x/", "https://h\n/", " https://h",
    "https://h /", "https://h\\@evil", "http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://10.0.0.1/",
    "http://169.254.169.254/", "http://localhost.evil.example/", "http://[::2]/", "https://[::1", "https://é.example/", "https://h//v1",
]  # fmt: skip


@pytest.fixture(autouse=True)
def silent() -> object:
    """Fail on any request: nothing is registered."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock
        assert len(mock.calls) == 0


@in_turn("bad", BAD_SEGMENTS)
def test_a_segment_that_is_not_plain_is_never_sent(bad: str) -> None:
    with client() as cloud:
        for place in ((bad, "test_area"), ("compute-on", bad)):
            one = (partial(cloud.get_snapshot, id=ID), partial(cloud.get_volume, id=ID))
            for call in (cloud.list_snapshots, cloud.list_volumes, *one):
                with pytest.raises(InvalidInput):
                    call(*place)
        assert cloud.calls == 0


@in_turn("bad", BAD_IDS)
def test_an_id_that_is_no_uuid_is_never_sent(bad: str) -> None:
    with client() as cloud:
        with pytest.raises(InvalidInput):
            cloud.get_snapshot(*PLACE, bad)
        with pytest.raises(InvalidInput):
            cloud.get_volume(*PLACE, bad)
        with pytest.raises(InvalidInput):
            cloud.list_snapshots(*PLACE, volume_id=bad)
        assert cloud.calls == 0


@in_turn("bad", BAD_KEYS)
def test_a_key_that_no_header_may_carry_is_never_sent(bad: str) -> None:
    with CloudClient(BASE, Key(bad)) as cloud, pytest.raises(InvalidKey) as caught:
        cloud.list_environments()
    assert cloud.calls == 0
    assert caught.value.kind == "invalid_key"
    assert "q9" not in str(caught.value)


@in_turn("bad", BAD_BASES)
def test_a_base_address_that_is_not_plain_https_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput):
        CloudClient(bad, Key())


@in_turn("good", ["https://api.cloud.ca/v1", "https://hypertec.cloud:8443/api/v2", "https://[2001:db8::1]/",
                                  "http://localhost:8700/v1", "http://127.0.0.1", "http://[::1]:80/v1"])  # fmt: skip
def test_a_base_address_that_is_https_or_loopback_is_taken(good: str) -> None:
    CloudClient(good, Key()).close()


def urls_asked(base: str, volume_id: str | None = None) -> list[str | None]:
    with responses.RequestsMock() as mock, client(base) as cloud:
        mock.get(LIST_URL, body=envelope(ROW))
        cloud.list_snapshots(*PLACE, volume_id=volume_id)
        return [call.request.url for call in mock.calls]


@in_turn("base", [BASE, f"{BASE}/", f"{BASE}///", "HTTPS://API.Cloud.CA/v1".replace("HTTPS", "https")])
def test_slashes_and_case_of_the_base_address_do_not_matter(base: str) -> None:
    assert urls_asked(base) == [LIST_URL]


@in_turn("spelling", SPELLINGS)
def test_a_volume_id_is_sent_once_in_its_canonical_form(spelling: str) -> None:
    assert urls_asked(BASE, spelling) == [f"{LIST_URL}?volume_id={ID}"]
