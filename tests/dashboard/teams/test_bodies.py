"""A request brings a short form and no file; anything else is refused before it is read or kept."""

import io
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

LOGIN, API = "/accounts/login/", "/api/v1/environments"
ADDRESSES = [LOGIN, "/accounts/password/reset/", "/t/acme/settings/people/", "/nothing/", "/s/abcdefghijkl.x", API]
FORM = "application/x-www-form-urlencoded"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)


class Endless(io.RawIOBase):
    """A body that nobody should read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("size", [0, 10, 200_000])
def test_a_form_with_a_file_is_refused(client: Client, size: int) -> None:
    given = {"login": "a@example.com", "password": "x", "more": SimpleUploadedFile("a.bin", b"x" * size)}
    assert client.post(LOGIN, given).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_long_body_is_refused_unread(client: Client, address: str, method: str) -> None:
    for kind in (FORM, "multipart/form-data; boundary=x", "application/json"):
        given: dict[str, Any] = {"wsgi.input": Endless(), "CONTENT_LENGTH": str(2**30), "CONTENT_TYPE": kind}
        assert client.generic(method, address, **given).status_code == 400


@pytest.mark.parametrize("length", ["-1", "x", "1_0", "²", "9" * 5000])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    given: dict[str, Any] = {"wsgi.input": Endless(), "CONTENT_LENGTH": length, "CONTENT_TYPE": FORM}
    assert client.generic("POST", LOGIN, **given).status_code == 400


def test_a_body_in_chunks_is_refused(client: Client) -> None:
    given: dict[str, Any] = {"wsgi.input": Endless(), "CONTENT_LENGTH": "", "CONTENT_TYPE": FORM}
    assert client.generic("POST", LOGIN, **given, HTTP_TRANSFER_ENCODING="chunked").status_code == 400


def test_too_many_fields_are_refused(client: Client) -> None:
    many = {f"field{number}": "x" for number in range(501)}
    assert client.post(LOGIN, many).status_code == 400
    assert client.get(LOGIN, many).status_code == 400
    assert client.post(LOGIN, "&".join(f"{name}=x" for name in many), content_type=FORM).status_code == 400
    assert client.get(API, many).status_code in (400, 401)
    assert client.get("/s/abcdefghijkl.x", many).status_code in (400, 404)


BROKEN: list[Callable[[], bytes]] = [
    lambda: b"",
    lambda: b"--x\r\n",
    lambda: b'--x\r\nContent-Disposition: form-data; name="a"; filename="',
    lambda: b"y" * 100_000,
    lambda: b'--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--x--',
]


@pytest.mark.parametrize("make", BROKEN)
def test_a_broken_form_is_no_error_of_ours(client: Client, make: Callable[[], bytes]) -> None:
    assert client.post(LOGIN, make(), content_type="multipart/form-data; boundary=x").status_code in (200, 400)


def test_a_refusal_carries_the_headers_of_every_answer(client: Client) -> None:
    answer = client.generic("POST", LOGIN, CONTENT_LENGTH=str(2**30), CONTENT_TYPE=FORM)
    assert {"X-Request-ID", "Content-Security-Policy", "X-Frame-Options"} <= set(answer.headers)
    assert client.generic("GET", API, CONTENT_LENGTH=str(2**30)).json()["errors"][0]["code"] == 400
