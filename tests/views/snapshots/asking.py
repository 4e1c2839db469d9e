"""Asking for a refresh as a page does: by its button, or by itself."""

from django.test import Client

from tests.views.snapshots.conftest import HTMX, LIST
from tests.views.snapshots.reading import Response, tree

REFRESH = f"{LIST}refresh/"
AUTO = {"auto": "1"}
HERE = "http://testserver"


def press(client: Client, query: str = "", *, seen: str = LIST, **fields: str) -> Response:
    """Press the button on a page, by htmx."""
    return client.post(REFRESH + query, fields, headers=HTMX | {"HX-Current-URL": HERE + seen})


def auto(client: Client, query: str = "", *, seen: str = LIST, **fields: str) -> Response:
    return press(client, query, seen=seen, **AUTO, **fields)


def news(answer: Response) -> str:
    """The message; "" if the line is unchanged."""
    return "".join(each.text for each in tree(answer).all(id="news"))


def has_table(answer: Response) -> bool:
    return bool(tree(answer).all(id="results"))
