"""How gunicorn serves the dashboard: `python -m dashboard.run.web`. Variables: BIND, WEB_CONCURRENCY, WEB_THREADS."""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the workers' heartbeat alone; on a disk it can stall them

COUNTS = "PROMETHEUS_MULTIPROC_DIR"
FOLDERS = "snapshots-metrics-"
JUST_MADE = 60
"""Seconds in which a folder may be there and not be held yet."""

bind = os.environ.get("BIND") or "127.0.0.1:8000"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = int(os.environ.get("WEB_THREADS") or 8)
preload_app = True  # a refused start ends the whole server with its sentence, where workers would be started for ever
timeout = 60
graceful_timeout = 30
keepalive = 5
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
control_socket_disable = True  # one file per home: a second dashboard would take it over

limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190

# Who may speak for another address is decided by TRUSTED_PROXIES in the settings, and nowhere else.
forwarded_allow_ips = ""

logger_class = "dashboard.http.access_log.AccessLogger"
accesslog = "-"
# %(U)s is the path without the query, in which a person's search stands.
access_log_format = '%(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s bytes %(M)s ms'
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "dashboard.http.request_log.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def make_folder_of_counts() -> None:
    """Make the folder in which each worker counts its requests, anew at each start; it goes when the server ends.

    A reload reads this file again in the same process: what was counted stays.
    """
    mine = f"{FOLDERS}{os.getpid()}-"
    if Path(os.environ.get(COUNTS, "")).name.startswith(mine):
        return
    sweep_folders_of_counts()
    folder = os.environ[COUNTS] = tempfile.mkdtemp(prefix=mine, dir=worker_tmp_dir)
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)  # held, by the workers too, until the last of them ends
    atexit.register(remove_folder_of_counts, folder, os.getpid())


def sweep_folders_of_counts() -> None:
    """Remove what servers left behind that were killed: folders that nobody holds, and not just made."""
    for folder in Path(worker_tmp_dir or tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        try:
            held = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - folder.stat().st_mtime > JUST_MADE:
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)
        except OSError:  # somebody's who lives, or another user's
            continue


def remove_folder_of_counts(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # workers are forks and end with the same duties
        shutil.rmtree(folder, ignore_errors=True)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Take a worker that ended out of what counts the living; its requests stay counted."""
    from prometheus_client.multiprocess import mark_process_dead  # not before the folder is there

    mark_process_dead(worker.pid)


# Before the program is loaded, which looks for it once.
make_folder_of_counts()
