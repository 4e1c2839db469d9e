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
"""Seconds in which a folder may exist and not be locked yet."""

bind = os.environ.get("BIND") or "127.0.0.1:8000"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = int(os.environ.get("WEB_THREADS") or 8)
preload_app = True  # wrong settings then end the server with a message; else workers would be restarted forever
timeout = 60
graceful_timeout = 30
keepalive = 5
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
control_socket_disable = True  # one file per home: a second dashboard would take it over

limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190

# Only TRUSTED_PROXIES in the settings decides which proxies are trusted.
forwarded_allow_ips = ""

logger_class = "dashboard.http.access_log.AccessLogger"
accesslog = "-"
# %(U)s is the path without the query, which may contain a search.
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
    """Create the folder in which each worker counts its requests, at each start; it is removed when the server ends.

    A reload reads this file again in the same process, and the counts stay.
    """
    mine = f"{FOLDERS}{os.getpid()}-"
    if Path(os.environ.get(COUNTS, "")).name.startswith(mine):
        return
    sweep_folders_of_counts()
    folder = os.environ[COUNTS] = tempfile.mkdtemp(prefix=mine, dir=worker_tmp_dir)
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)  # held, by the workers too, until the last of them ends
    atexit.register(remove_folder_of_counts, folder, os.getpid())


def sweep_folders_of_counts() -> None:
    """Remove the folders of killed servers: those that nobody locks, and that were not just created."""
    for folder in Path(worker_tmp_dir or tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        try:
            held = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - folder.stat().st_mtime > JUST_MADE:
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)
        except OSError:  # used by a running server, or another user's
            continue


def remove_folder_of_counts(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # workers are forks and end with the same duties
        shutil.rmtree(folder, ignore_errors=True)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Remove an ended worker from the metrics of running ones; its requests stay counted."""
    from prometheus_client.multiprocess import mark_process_dead  # not before the folder exists

    mark_process_dead(worker.pid)


# Before the program is loaded, which looks for it once.
make_folder_of_counts()
