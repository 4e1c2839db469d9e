"""Adding second factors and signing in with them, as the tests of several pages do."""

import json
import re
from typing import Any

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client
from django.utils import timezone

from dashboard.teams.models import AuditEvent, User
from tests.conftest import PASSWORD, Answer
from tests.dashboard.teams.passkey import Passkey
from tests.views.snapshots.reading import Response, tree

LOGIN, FACTOR = "/accounts/login/", "/accounts/second-factor/"
APP, CODES, ASK, ADD = f"{FACTOR}app/", f"{FACTOR}codes/", f"{FACTOR}ask/", f"{FACTOR}passkeys/add/"
PASSKEY = "/accounts/passkey/"
JSON = {"Accept": "application/json"}


def code(secret: str, steps: int = 0) -> str:
    now = int(timezone.now().timestamp()) // 30
    return str(format_hotp_value(hotp_value(secret, now + steps)))


def add_app(client: Client) -> str:
    """Add an app by hand; gives its secret."""
    secret = tree(client.get(APP)).one("code", id="secret").text.replace(" ", "")
    assert client.post(APP, {"code": code(secret)})["Location"] == CODES
    return secret


def add_passkey(client: Client, passkey: Passkey, **fields: str) -> Answer:
    credential = passkey.create(options_of(client.get(ADD)))
    given = {"name": "Laptop", "passwordless": "True", "credential": credential} | fields
    return client.post(ADD, given)


def options_of(page: Response) -> dict[str, dict[str, Any]]:
    script = re.search(rb'<script id="passkey-options"[^>]*>(.*?)</script>', page.content)
    assert script
    found: dict[str, dict[str, Any]] = json.loads(script[1])
    return found


def shown_codes(client: Client) -> list[str]:
    return [item.text for item in tree(client.get(CODES)).one("ol").all("li")]


def by_password(user: User) -> Client:
    client = Client()
    assert client.post(LOGIN, {"login": user.email, "password": PASSWORD}).status_code == 302
    return client


def by_passkey(passkey: Passkey) -> tuple[Client, Answer]:
    client = Client()
    asked = client.post(PASSKEY, headers=JSON).json()["request_options"]
    return client, client.post(PASSKEY, {"credential": passkey.get(asked)})


def is_in(client: Client) -> bool:
    return client.get("/accounts/").status_code == 200


def kinds() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", "detail"))
