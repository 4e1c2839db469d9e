"""Find free ports of this machine."""

import errno
import socket

TRIES = 50


def first_free(wanted: int) -> int:
    """Return the wanted port, else the next free one. Raises OSError if there is none."""
    for port in range(wanted, min(wanted + TRIES, 65536)):
        if _is_free(socket.AF_INET, "127.0.0.1", port) and _is_free(socket.AF_INET6, "::1", port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port from {wanted} on")


def _is_free(family: socket.AddressFamily, host: str, port: int) -> bool:
    """Return whether the port is free. Without IPv6 it counts as free there."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as problem:
        return problem.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True
