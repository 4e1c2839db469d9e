"""What the web processes count of themselves: requests by view and answer, and what they use.

Each process counts in a file of its own, in the folder that `gunicorn.conf.py` makes anew at each start; whichever is
asked adds all of them up. Where there is no such folder there is one process, which counts in its memory.
"""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from dashboard.teams.access.capabilities import capabilities

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
NO_VIEW = "none"
MEMORY = Path("/proc/self/statm")


class About(NamedTuple):
    """What a metric is. `most`: how many series of it there can be. `docs/metrics.md` holds the same, and a test both.

    English alone: names and meanings are read by machines, and by people beside their other metrics.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    most: str


BUILD = About(
    "snapshots_build_info", "gauge", ("version", "python", "django"), "Always 1; the labels say what runs.", "1"
)
REQUESTS = About(
    "snapshots_requests_total",
    "counter",
    ("view", "status"),
    f"Requests answered since the start of the web server, by the view's name ({NO_VIEW}: of no view, such as static "
    "files and unknown addresses) and the status.",
    "one for each view and status that it answered with; the views are those of the table of who may do what",
)
PROCESSES = About("snapshots_web_processes", "gauge", (), "Web processes that run and have answered a request.", "1")
RESIDENT = About(
    "snapshots_web_resident_memory_bytes",
    "gauge",
    (),
    "Memory of these together, each as after its last request; what they share counts in each.",
    "1",
)
CPU = About("snapshots_web_cpu_seconds_total", "counter", (), "Processor time of the web processes, also ended.", "1")
STARTED = About("snapshots_web_start_time_seconds", "gauge", (), "When the web server started, in Unix time.", "1")
OF_WEB = (REQUESTS, PROCESSES, RESIDENT, CPU, STARTED)

disable_created_metrics()  # type: ignore[no-untyped-call]
_own = CollectorRegistry()
_requests = Counter(REQUESTS.name, REQUESTS.meaning, REQUESTS.labels, registry=_own)
_processes = Gauge(PROCESSES.name, PROCESSES.meaning, registry=_own, multiprocess_mode="livesum")
_resident = Gauge(RESIDENT.name, RESIDENT.meaning, registry=_own, multiprocess_mode="livesum")
_cpu = Counter(CPU.name, CPU.meaning, registry=_own)
# A process that was forked begins its file with zeros: the greatest is the one that was set.
_started = Gauge(STARTED.name, STARTED.meaning, registry=_own, multiprocess_mode="max")
_started.set(time.time())
# Of the processor time of a process, by its id, how much is counted: a fork begins at nothing.
_counted: dict[int, float] = {}
_lock = Lock()


def counting(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Count each answer, whatever gave it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        _requests.labels(view_of(request), str(response.status_code)).inc()
        _note_use()
        return response

    return middleware


def view_of(request: HttpRequest) -> str:
    """Name the view by the table alone, so that no address that somebody thinks of makes a series."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    return name if name in capabilities() else NO_VIEW


def of_web() -> Collector:
    """Give what all web processes counted."""
    if FOLDER not in os.environ:
        return _own
    return MultiProcessCollector(None)  # type: ignore[no-untyped-call]


def build() -> GaugeMetricFamily:
    found = GaugeMetricFamily(BUILD.name, BUILD.meaning, labels=BUILD.labels)
    found.add_metric([settings.RELEASE, platform.python_version(), django.get_version()], 1)
    return found


def _note_use() -> None:
    """Note what this process uses. The files of one that has ended are taken out by `gunicorn.conf.py`."""
    _processes.set(1)
    with _lock:
        used = time.process_time()
        _cpu.inc(max(0.0, used - _counted.get(os.getpid(), 0.0)))
        _counted[os.getpid()] = used
    if MEMORY.exists():  # Linux alone tells it so
        _resident.set(int(MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
