"""Answers: the provider's envelope, how old the data is, and whether the asker has it already."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from itertools import islice
from math import ceil
from tempfile import SpooledTemporaryFile

import msgspec
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from dashboard.teams.access.tokens import TokenRequest, refusal
from snapshots.api import params
from snapshots.api.operations import Operation
from snapshots.models import Environment
from snapshots.models.environment import LEAST_CURRENT, ttl

JSON = "application/json; charset=utf-8"
BATCH = 1000
# Longer answers go through a file, so that memory stays flat and nothing is sent before all is read: a list is never
# cut short by a fault, and no slow reader holds the database's old pages.
IN_MEMORY_BYTES = 1 << 20
PIECE_BYTES = 1 << 16
LEAST_WAIT_SECONDS = 5
MOST_WAIT_SECONDS = 3600

Asked = dict[str, list[str]]
View = Callable[..., HttpResponseBase]
"""Takes the request, what was asked, and the parts of the address by their names."""


class Refusal(Exception):
    """What a view cannot answer, with the answer to give."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


def answering(operation: Operation, view: View) -> Callable[..., HttpResponseBase]:
    """Wrap a view: its parameters are read as declared, what it refuses is answered. No cookie proves anything here."""

    @csrf_exempt
    @wraps(view)
    def answer(request: TokenRequest, **place: str) -> HttpResponseBase:
        try:
            asked = params.read(request.GET, operation.query, only=operation.is_strict)
            return view(request, asked, **place)
        except params.NotValid as problem:
            return refusal(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", str(problem))
        except Refusal as refused:
            return refused.response

    return answer


def not_listed(next_try_at: datetime | None, now: datetime) -> Refusal:
    """The environment has no list yet: an empty one would look true."""
    wait = ceil((next_try_at - now).total_seconds()) if next_try_at else int(ttl().total_seconds())
    response = refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "NOT_LISTED_YET",
        _("The provider has not given a complete list of this environment yet. Try again later."),
    )
    response.headers["Retry-After"] = str(min(max(wait, LEAST_WAIT_SECONDS), MOST_WAIT_SECONDS))
    return Refusal(response)


def closed() -> Refusal:
    """The provider does not show the team's key this list, and never did."""
    sentence = _("The provider does not show this list to the team’s key.")
    return Refusal(refusal(HTTPStatus.FORBIDDEN, "FORBIDDEN", sentence))


def one(row: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode({"data": row}), content_type=JSON)


def plain_list(rows: list[object]) -> HttpResponse:
    """A list without metadata, as documented for environments and connections."""
    return one(rows)


def counted_list(rows: Iterable[object]) -> HttpResponseBase:
    """A list of any length with its count, in flat memory."""
    spool = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  # the answer closes it
    spool.write(b'{"data":[')
    count = 0
    for batch in _batches(iter(rows)):
        spool.write((b"," if count else b"") + b",".join(map(msgspec.json.encode, batch)))
        count += len(batch)
    spool.write(b'],"metadata":{"recordCount":%d}}' % count)
    size = spool.tell()
    spool.seek(0)
    if size <= IN_MEMORY_BYTES:
        with spool:
            return HttpResponse(spool.read(), content_type=JSON)
    response = FileResponse(spool, content_type=JSON)
    response.block_size = PIECE_BYTES
    return response


def tag_of(*parts: object) -> str:
    """A weak tag of what an answer is made of; the team and the token's reach are always among it."""
    return f'W/"{sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]}"'


def has_already(request: TokenRequest, tag: str) -> bool:
    """Whether the asker's copy is the present one (RFC 9110, 13.1.2; tags compare weakly)."""
    tags = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in tags or tag.removeprefix("W/") in {each.removeprefix("W/") for each in tags}


def not_modified() -> HttpResponse:
    response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    del response.headers["Content-Type"]
    return response


def say_age_of_all(response: HttpResponse, environments: Iterable[Environment], now: datetime) -> None:
    """Say of an answer from several environments how old the oldest of their lists is, and every doubt."""
    listed = [environment for environment in environments if environment.listed_at]
    doubts = {doubt for environment in listed for doubt in doubts_of_snapshots(environment, now)}
    oldest = min((environment.listed_at for environment in listed if environment.listed_at), default=None)
    if oldest is not None:
        say_age(response, oldest, sorted(doubts), now)


def say_age(response: HttpResponseBase, as_of: datetime, doubts: Iterable[str], now: datetime) -> None:
    """Say how old the data is, and what is wrong with it."""
    response.headers["X-Data-As-Of"] = as_of.isoformat(timespec="seconds").replace("+00:00", "Z")
    response.headers["Age"] = str(max(0, int((now - as_of).total_seconds())))
    words = ", ".join(doubts)
    if words:
        response.headers["X-Data-Warning"] = words


def doubts_of_snapshots(environment: Environment, now: datetime) -> Iterator[str]:
    """Why the snapshots' newest list may not be the present state."""
    if environment.is_refused:
        yield "refused"
    elif environment.fault_kind:
        yield "fault"
    if environment.is_partial:
        yield "incomplete"
    if environment.suspect_since:
        yield "suspect"
    age = environment.data_age(now)
    if age is not None and age > max(2 * ttl(), LEAST_CURRENT):
        yield "old"


def _batches(rows: Iterator[object]) -> Iterator[list[object]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
