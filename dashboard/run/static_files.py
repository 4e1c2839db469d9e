"""Collecting the static files, but only when one of them has changed."""

import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect() -> bool:
    """Make STATIC_ROOT what the sources are; return whether there was anything to do."""
    root = Path(settings.STATIC_ROOT)
    stamp, mark = root.with_suffix(".stamp"), _mark()
    with root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two who start at once would take files away from under each other
        if stamp.is_file() and stamp.read_text() == mark and (root / "staticfiles.json").is_file():
            return False
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(mark)
    return True


def _mark() -> str:
    """Name the present state of all sources: their paths, sizes and times."""
    lines = [settings.STORAGES["staticfiles"]["BACKEND"], *sorted(_sources())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _sources() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            yield f"{path} {found.st_size} {found.st_mtime_ns}"
