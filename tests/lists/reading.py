"""An exported file as a program reads it."""

import csv
import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client

from tests.conftest import Answer
from tests.lists.workbook import sheets
from tests.views.snapshots.reading import Response, tree

LIST, VOLUMES, CHANGES = "/t/acme/snapshots/", "/t/acme/volumes/", "/t/acme/changes/"
PAGES = (LIST, VOLUMES, CHANGES)
KINDS = ("xlsx", "csv", "json")


def body(answer: Answer) -> bytes:
    """The whole file, after which it is closed."""
    assert answer.status_code == 200, answer.status_code
    return b"".join(parts_of(answer))


def parts_of(answer: Answer) -> Iterator[bytes]:
    """The parts of a file, each made when it is taken."""
    assert answer.streaming
    return iter(answer)


def drop(answer: Answer) -> None:
    """Close it before its end, as a server does whose reader has gone; the test goes on with its database."""
    # The test client's own wrapper goes first: closed by `answer.close()`, it would connect the signal again.
    answer._iterator.close()  # type: ignore[attr-defined]
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)


def export(client: Client, page: str, kind: str, query: str = "") -> bytes:
    return body(client.get(f"{page}export.{kind}{query}"))


def as_csv(client: Client, page: str, query: str = "") -> list[dict[str, str]]:
    """Its records, notes on what is empty included."""
    return list(csv.DictReader(StringIO(export(client, page, "csv", query).decode("utf-8-sig"), newline="")))


def as_json(client: Client, page: str, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(export(client, page, "json", query))
    return found


def as_excel(client: Client, page: str, query: str = "") -> list[dict[str, str]]:
    """Its records."""
    columns, *rows = sheets(export(client, page, "xlsx", query))[0]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def pages_of(client: Client, url: str) -> Iterator[Response]:
    """Every page of an address, from its first on by the links that lead to the next."""
    while url:
        page = client.get(url)
        yield page
        links = [link for link in tree(page).all("a", rel="next") if "href" in link.attributes]
        url = links[0].attributes["href"] if links else ""


def all_rows(client: Client, url: str, read: Callable[[Response], list[str]]) -> list[str]:
    return [row for page in pages_of(client, url) for row in read(page)]
