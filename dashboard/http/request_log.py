"""One log line per event on stderr, with its request id, without forged lines or secrets in paths."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponseBase

NO_REQUEST = "-"
ID_BYTES = 6
MAX_MESSAGE = 2_000
MAX_TRACEBACK = 8_000

# C0 and C1 controls, the line breaks that some viewers use, and characters that change the reading direction.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# The rest of these paths is a secret.
ONE_TIME = ("/accounts/password/reset/key/", "/accounts/email/", "/invitation/", "/setup/")
# Cut everything up to the end of the request line: a link may arrive with an extra blank or slash.
# Keep the file names of tracebacks, wherever the program is installed.
ONE_TIME_KEY = re.compile(
    rf"({'|'.join(ONE_TIME)})(?![^\s\"]*\.py\")(?:(?! HTTP/\d)[^\"?])+?(?=/?(?: HTTP/\d|[\"?]|$))", re.IGNORECASE
)
# Keep the public part of a shared link; remove quotes too.
SHARED_LINK = re.compile(r"(/s/(?![^\s\"]*\.py\")(?:[\w-]{1,16}\.)?)(?:(?! HTTP/\d).)+", re.ASCII | re.IGNORECASE)

request_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)


def with_request_id(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give each request an id, for its log lines, its answer, and its error page."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        fresh = secrets.token_hex(ID_BYTES)
        request_id.set(fresh)  # stays until the thread's next request: the access log line comes last
        response = get_response(request)
        response.headers["X-Request-ID"] = fresh
        return response

    return middleware


def one_line(text: str) -> str:
    """Escape control characters, and cut one-time keys and the secrets of shared links out of paths."""
    return SHARED_LINK.sub(r"\1***", ONE_TIME_KEY.sub(r"\1***", UNSAFE.sub(_escape, text)))


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


class LineFormatter(logging.Formatter):
    """`time level logger [request id] message | traceback`, in UTC. Tracebacks contain lines of code, never values."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        message = one_line(record.getMessage())[:MAX_MESSAGE]
        line = f"{moment}.{int(record.msecs):03d}Z {record.levelname} {record.name} [{request_id.get()}] {message}"
        if not record.exc_info:
            return line
        return f"{line} | {one_line(self.formatException(record.exc_info))[-MAX_TRACEBACK:]}"
