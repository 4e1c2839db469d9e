"""One gunicorn with the product's own configuration, and one signed-in browser's connection to it."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.cookies import SimpleCookie
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlencode

from bench.people import EMAIL, PASSWORD

ROOT = Path(__file__).resolve().parent.parent
SITE_SECONDS = 60
STOP_SECONDS = 10
LOG_SIGNS = 2_000
LOGIN_URL = "/accounts/login/"
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')
# One process, so that all requests share its cache.
PROCESSES = {"WEB_CONCURRENCY": "1"}


class BenchError(Exception):
    """Something that the benchmark needs is missing or wrong; the text is a sentence."""


class Answer(NamedTuple):
    body: bytes
    milliseconds: float


@contextmanager
def serve(
    environment: dict[str, str],
    log: Path,
    python: Path | str = sys.executable,
    options: Sequence[str] = ("dashboard.wsgi",),
) -> Iterator[int]:
    """Run a server on a free port and yield the port. It may still be starting: connections wait for it.

    `options`: gunicorn's own; they end with the application's name.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, log.open("wb") as output:
        # As gunicorn does with its own sockets: headers and body are two packets, and the second must not wait.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port: int = listener.getsockname()[1]
        process = subprocess.Popen(
            [python, "-m", "gunicorn", f"--bind=fd://{listener.fileno()}", *options],
            cwd=ROOT,
            env={**os.environ, **environment, **PROCESSES},
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    # Our own end is closed now: should the server not start, a connection is refused at once.
    try:
        yield port
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


class Browser:
    """A keep-alive connection with cookies."""

    def __init__(self, port: int, log: Path) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=SITE_SECONDS)
        self._cookies: dict[str, str] = {}
        self._log = log

    def close(self) -> None:
        self._connection.close()

    @property
    def cookie(self) -> str:
        """The header of the signed-in person, for other programs."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def sign_in(self) -> None:
        """Fill in the real form. Raises BenchError."""
        token = TOKEN.search(self.get(LOGIN_URL).body)
        if token is None:
            raise BenchError(f"The page {LOGIN_URL} holds no sign-in form.")
        form = {"csrfmiddlewaretoken": token[1].decode(), "login": EMAIL, "password": PASSWORD}
        response, _ = self._ask("POST", LOGIN_URL, urlencode(form))
        if response.status != 302 or "sessionid" not in self._cookies:
            raise BenchError(f"The sign-in at {LOGIN_URL} failed with {response.status}.\n{self._end_of_log()}")

    def get(self, url: str) -> Answer:
        """Request a page, and again if the idle connection was closed. Raises BenchError."""
        try:
            answer = self._timed(url)
        except (BrokenPipeError, ConnectionResetError, HTTPException):
            self._connection.close()
            answer = self._timed_anew(url)
        except OSError:
            raise self._down() from None
        return answer

    def _timed_anew(self, url: str) -> Answer:
        try:
            return self._timed(url)
        except (OSError, HTTPException):
            raise self._down() from None

    def _down(self) -> BenchError:
        return BenchError(f"The server does not answer.\n{self._end_of_log()}")

    def _end_of_log(self) -> str:
        return self._log.read_text(errors="replace")[-LOG_SIGNS:]

    def _timed(self, url: str) -> Answer:
        began = perf_counter()
        response, body = self._ask("GET", url)
        milliseconds = (perf_counter() - began) * 1000
        if response.status != 200:
            raise BenchError(f"{url} answered {response.status}.\n{self._end_of_log()}")
        return Answer(body, milliseconds)

    def _ask(self, method: str, url: str, form: str | None = None) -> tuple[HTTPResponse, bytes]:
        headers = {"Cookie": self.cookie}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, url, form, headers)
        response = self._connection.getresponse()
        body = response.read()
        self._keep_cookies(response)
        return response, body

    def _keep_cookies(self, response: HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie", []):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
