"""How gunicorn serves the dashboard: `python -m dashboard.web`. Variables: BIND, WEB_CONCURRENCY, WEB_THREADS."""

import os
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the workers' heartbeat alone; on a disk it can stall them

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

accesslog = "-"
# %(U)s is the path without the query, in which a person's search stands.
access_log_format = '%(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s bytes %(M)s ms'
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "dashboard.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}
