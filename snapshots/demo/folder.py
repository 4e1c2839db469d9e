"""The demo's folder for its files, used by one demo at a time."""

import base64
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

SECRET_BYTES = 50
RING_KEY_BYTES = 32


class FolderInUse(Exception):
    """Another demo uses this folder."""


@contextmanager
def own(folder: Path) -> Iterator[None]:
    """Create the folder, only for this user, and lock it. Raises `FolderInUse`, or OSError if it cannot be created."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse from None
        yield


def secret_key(folder: Path) -> str:
    return _kept(folder / "secret_key", lambda: secrets.token_urlsafe(SECRET_BYTES))


def encryption_key(folder: Path) -> str:
    return _kept(
        folder / "encryption_key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(RING_KEY_BYTES)).decode()
    )


def database_url(folder: Path) -> str:
    """Return the database's URL, with all special characters of its path quoted."""
    return f"sqlite:///{quote(str(folder.resolve() / 'db.sqlite3'))}"


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read a secret, or create it: in a file that only this user can read, written atomically."""
    if not path.is_file():
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        fresh.replace(path)
    return path.read_text()
