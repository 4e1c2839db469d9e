"""Which port of this machine is free."""

import errno
import socket

TRIES = 50


def first_free(wanted: int) -> int:
    """Return the wanted port, else the next one that nobody on this machine listens on. Raises OSError if none is."""
    for port in range(wanted, min(wanted + TRIES, 65536)):
        if _is_free(socket.AF_INET, "127.0.0.1", port) and _is_free(socket.AF_INET6, "::1", port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port from {wanted} on")


def _is_free(family: socket.AddressFamily, host: str, port: int) -> bool:
    """Whether one could listen there. Without IPv6 nobody can be met by it, and the port counts as free."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as problem:
        return problem.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True
