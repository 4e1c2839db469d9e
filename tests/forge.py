"""A program that has loaded the libraries once, and forks a process for each order: a start costs a third of a new one.

Nothing of the product, and nothing that reads settings, is loaded before the fork: what is forked runs a program from
its first line, with the variables, streams and folder of its order. `tests/started.py` gives the orders.

An order is one packet on the socket whose number is the argument: JSON, with the descriptors for standard input, output
and error, and one on which a process between the two says the id of the new process and then how it ended.
"""

import gc
import importlib
import json
import os
import runpy
import socket
import sys
from contextlib import suppress
from typing import Any

from django.conf import settings

LIBRARIES = (
    "cryptography.fernet",
    "django.contrib.auth.hashers",
    "django.contrib.auth.password_validation",
    "django.contrib.auth.tokens",
    "django.contrib.messages.storage.fallback",
    "django.contrib.sessions.backends.cached_db",
    "django.contrib.staticfiles.finders",
    "django.core.cache.backends.db",
    "django.core.handlers.wsgi",
    "django.core.management.commands.check",
    "django.core.management.commands.migrate",
    "django.db.backends.sqlite3.base",
    "django.forms.models",
    "django.template.loader_tags",
    "django.templatetags.i18n",
    "django.views.debug",
    "django_htmx.middleware",
    "environ",
    "fido2.webauthn",
    "gunicorn.app.wsgiapp",
    "jwt",
    "qrcode",
    "redis",
    "requests",
    "time_machine",
    "whitenoise.middleware",
)
LONGEST = 1 << 20


def main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    assert not settings.configured, "a library has read settings: those of the order must be the first"
    gc.freeze()  # so that no process looks through, and thereby copies, what it has in common with this one
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        command = _forked(orders)
    if command:
        _run(command)


def _forked(orders: socket.socket) -> list[str]:
    """Return in each forked process, with its command; in the program itself at the end of all orders, with none."""
    while True:
        packet, descriptors, _, _ = socket.recv_fds(orders, LONGEST, 4)
        if not packet:
            _collect()
            return []
        if os.fork() == 0:
            orders.close()
            return _between(json.loads(packet), *descriptors)
        for each in descriptors:
            os.close(each)
        _collect()


def _collect() -> None:
    """Take leave of the processes between that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _between(order: dict[str, Any], stdin: int, stdout: int, stderr: int, told: int) -> list[str]:
    """Fork the ordered process, and report its id and its exit status, which only a parent gets."""
    pid = os.fork()
    if pid == 0:
        os.close(told)
        for number, stream in enumerate((stdin, stdout, stderr)):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(order["variables"])
        return list(order["command"])
    for each in (stdin, stdout, stderr, 0, 1, 2):
        os.close(each)
    os.write(told, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _run(command: list[str]) -> None:
    """Do as the interpreter does with these arguments: `-m MODULE`, `-c CODE` or a file."""
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    elif command[0] == "-c":
        sys.argv = ["-c", *command[2:]]
        exec(command[1], {"__name__": "__main__"})
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
