"""What only a few known places of the code do: open and show a key, catch every exception."""

import ast
from pathlib import Path

from django.conf import settings

from tests.loops import in_turn

ROOT = Path(settings.BASE_DIR)


def files(place: str) -> list[Path]:
    path = ROOT / place
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


# A stored key is decrypted for the sync and for the trials of the settings, and used in one place, the header. A team
# file's key is read before it is stored.
SECRET_CALLS = {
    ".open()": {
        "dashboard/teams/models/keys.py",
        "snapshots/setup/pending_keys.py",
        "snapshots/sync/refresh.py",
        "snapshots/setup/key_trial.py",
    },
    "open_webhook_secret(": {"dashboard/secrets.py", "snapshots/models/channel.py"},
    "channel.secret()": {"snapshots/alerts/webhook.py", "snapshots/alerts/services.py"},
    "open_key(": {"dashboard/secrets.py", "dashboard/teams/models/keys.py"},
    ".reveal()": {
        "snapshots/cloudca/transport.py",
        "dashboard/teams/oidc/id_token.py",
        "dashboard/secrets.py",
        "snapshots/alerts/webhook.py",
        "snapshots/alerts/services.py",
        "snapshots/setup/provision.py",
        "snapshots/setup/team_file.py",
    },
}


# Where a request says which page comes next: `tests/dashboard/teams/test_next.py` knows every view that reads it.
READS_NEXT = {
    'POST.get("next"': {"dashboard/teams/oidc/views.py", "snapshots/views/common/refreshing.py"},
    'GET.get("next"': {"dashboard/teams/oidc/views.py"},
}


@in_turn("call", SECRET_CALLS | READS_NEXT)
def test_a_call_is_in_known_places(call: str) -> None:
    calling = {
        str(path.relative_to(ROOT))
        for place in ("dashboard", "snapshots")
        for path in files(place)
        if call in path.read_text()
    }
    assert calling == (SECRET_CALLS | READS_NEXT)[call]


def test_every_exception_is_caught_in_one_place() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for place in ("snapshots", "dashboard")
        for path in files(place)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and getattr(node.type, "id", "") in ("", "Exception", "BaseException")
        if node.type is None or isinstance(node.type, ast.Name)
    ]
    assert found == ["snapshots/containment.py"]
