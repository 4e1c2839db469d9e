"""Who may import whom: the house has few doors, and this is where they are counted."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
NETWORK = {"requests", "urllib3", "httpx", "http.client", "urllib.request"}
# Package or module: what it must not import. A package stands for all that is in it.
FORBIDDEN = {
    "snapshots/cloudca": {"django", "dashboard", "snapshots.simulator", "snapshots.models", "snapshots.sync.refresh"},
    "snapshots/simulator": {"django", "dashboard", "snapshots.cloudca", "snapshots.models", "requests"},
    "dashboard/teams": {"snapshots"},
    "snapshots/models": {"snapshots.sync.refresh", "snapshots.sync.leases", "snapshots.views", "snapshots.cloudca"},
    "snapshots/rules/taken_time.py": {"django", "snapshots"},
    "snapshots/sync/diff.py": {"django", "snapshots"},
    "snapshots/lists/snapshot_filters.py": {"snapshots.sync.refresh", "snapshots.views", "snapshots.cloudca"},
    "snapshots/lists/snapshot_list.py": {"snapshots.sync.refresh", "snapshots.views", "snapshots.cloudca"},
    "snapshots/sync/refresh.py": {"snapshots.views", "snapshots.lists.snapshot_filters"},
    "snapshots/views": {"snapshots.cloudca", "snapshots.simulator"},
    # Of the client only the kinds of its faults.
    "snapshots/api/metrics.py": {
        *("snapshots.sync.refresh", "snapshots.setup.provider", "snapshots.simulator"),
        *("snapshots.cloudca.client", "snapshots.cloudca.transport"),
    },
    # Scripts never make the provider be asked.
    "snapshots/api": {"snapshots.sync.refresh", "snapshots.cloudca", "snapshots.simulator", "snapshots.setup.provider"},
}


def files(place: str) -> list[Path]:
    path = ROOT / place
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("place", FORBIDDEN)
def test_no_layer_reaches_over_another(place: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files(place)
        for name in imports(path)
        if within(name, FORBIDDEN[place])
    ]
    assert found == []
    assert files(place)


def test_one_module_for_each_provider_speaks_http() -> None:
    speaking = {
        str(path.relative_to(ROOT))
        for place in ("dashboard", "snapshots")
        for path in files(place)
        if any(within(name, NETWORK) for name in imports(path))
    }
    # The provider of sign-ins is another party than that of snapshots, and the teams know nothing of snapshots.
    assert speaking == {"snapshots/cloudca/transport.py", "dashboard/teams/oidc/http.py"}


# A stored key is decrypted for the sync and for the trials of the settings, and used in one place, the header. A team
# file's key is read before it is stored.
SECRET_CALLS = {
    ".open()": {
        "dashboard/teams/models/keys.py",
        "snapshots/setup/pending_keys.py",
        "snapshots/sync/refresh.py",
        "snapshots/setup/key_trial.py",
    },
    "open_key(": {"dashboard/secrets.py", "dashboard/teams/models/keys.py"},
    ".reveal()": {
        "snapshots/cloudca/transport.py",
        "dashboard/teams/oidc/id_token.py",
        "dashboard/secrets.py",
        "snapshots/setup/provision.py",
        "snapshots/setup/team_file.py",
    },
}


@pytest.mark.parametrize("call", SECRET_CALLS)
def test_the_key_is_opened_and_shown_in_known_places(call: str) -> None:
    calling = {
        str(path.relative_to(ROOT))
        for place in ("dashboard", "snapshots")
        for path in files(place)
        if call in path.read_text()
    }
    assert calling == SECRET_CALLS[call]


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
