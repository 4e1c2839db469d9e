"""What the tests of the settings do again and again: enter a key, save it, look at what is stored."""

import re

from django.test import Client

from dashboard.secrets import Secret
from dashboard.teams.models import ApiKey, PendingKey, Team
from tests.conftest import Answer
from tests.views.snapshots.reading import tree

PATHS = ["compute-on/dev", "compute-on/prod", "compute-qc/prod"]
UNUSED_PATH = "compute-qc/test"
OLD_KEY = "CANARY-old-key-of-the-team-0001"
WORKING_KEY = "CANARY-new-key-of-the-team-wxyz"
PARTLY_KEY = "CANARY-key-that-sees-two-of-three"
STRANGE_KEY = "CANARY-key-that-nobody-knows"
KEY_PAGE = "/t/acme/settings/key/"
PLACES = "/t/acme/settings/environments/"


def enter(client: Client, key: str, **values: str) -> Answer:
    """Enter a key and land on the page that says how its trial went."""
    return client.post(KEY_PAGE, {"key": key, **values}, follow=True)


def save(client: Client, page: Answer) -> Answer:
    """Press the button under a trial's answers."""
    pending = re.search(rb'name="pending" value="([0-9]+)"', page.content)
    assert pending
    return client.post(f"{KEY_PAGE}save/", {"pending": pending[1].decode()}, follow=True)


def results(page: Answer) -> list[str]:
    return [line.text for shown in tree(page).all("ul", css="results") for line in shown.all("li")]


def buttons(page: Answer) -> list[str]:
    return [button.text for button in tree(page).one("main").all("button")]


def headings(page: Answer) -> list[str]:
    return [heading.text for heading in tree(page).one("main").all("h2")]


def verdict(page: Answer) -> str:
    """What the page says of a key's trial; empty if it shows none."""
    return next((panel.attributes.get("data-verdict", "") for panel in tree(page).all("section")), "")


def known(client: Client) -> dict[str, str]:
    """What the page shows about the key in use."""
    facts = tree(client.get(KEY_PAGE)).one("dl", css="known")
    words = [[each.text for each in facts.all(tag)] for tag in ("dt", "dd")]
    return dict(zip(*words, strict=True))


def said(page: Answer) -> list[str]:
    return [line.text for shown in tree(page).all("ul", css="messages") for line in shown.all("li")]


def form_errors(page: Answer) -> list[str]:
    return [error.text for error in tree(page).all(css="form-error")]


def is_used(team: Team, key: str) -> bool:
    return ApiKey.objects.get(team=team).holds(Secret(key))


def stored(team: Team) -> list[PendingKey]:
    return list(PendingKey.objects.filter(team=team))
