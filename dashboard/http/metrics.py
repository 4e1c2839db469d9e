"""Metrics of the web processes: requests by view and status, memory and processor time.

Each process counts in its own file, in a folder that `gunicorn.conf.py` creates at each start; the process that answers
adds them up. Without such a folder there is one process, which counts in memory.
"""

import os
import platform
import time
from collections.abc import Callable
from math import inf
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
    """Describes a metric. `most`: its maximum number of series. A test compares it with `docs/metrics.md`.

    Only in English: names and meanings are read by machines, and by people among other metrics.
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
# A forked process begins its file with zeros, so take the maximum.
_started = Gauge(STARTED.name, STARTED.meaning, registry=_own, multiprocess_mode="max")
_started.set(time.time())
# How much of a process's processor time is counted, by process id: a fork starts at zero.
_counted: dict[int, float] = {}
_looked = {"memory": -inf}  # on the monotonic clock: the file costs more than all other numbers of a request
_lock = Lock()


def counting(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Count each answer, from a view or not."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        _requests.labels(view_of(request), str(response.status_code)).inc()
        _note_use()
        return response

    return middleware


def view_of(request: HttpRequest) -> str:
    """Return the view's name in the capability table, so that an invented URL creates no series."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    return name if name in capabilities() else NO_VIEW


def of_web() -> Collector:
    """Yield the metrics of all web processes."""
    if FOLDER not in os.environ:
        return _own
    return MultiProcessCollector(None)  # type: ignore[no-untyped-call]


def build() -> GaugeMetricFamily:
    found = GaugeMetricFamily(BUILD.name, BUILD.meaning, labels=BUILD.labels)
    found.add_metric([settings.RELEASE, platform.python_version(), django.get_version()], 1)
    return found


def _note_use() -> None:
    """Record what this process uses. `gunicorn.conf.py` removes the files of ended processes."""
    _processes.set(1)
    with _lock:
        used = time.process_time()
        _cpu.inc(max(0.0, used - _counted.get(os.getpid(), 0.0)))
        _counted[os.getpid()] = used
    if time.monotonic() - _looked["memory"] >= 1 and MEMORY.exists():  # only on Linux
        _looked["memory"] = time.monotonic()
        _resident.set(int(MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
