"""The simulator as an HTTP server: real sockets, HTTP/1.1 with keep-alive, a thread for each connection."""

import ssl
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from snapshots.simulator.api import PREFIXES, Keys, Request, answer
from snapshots.simulator.control import PREFIX as CONTROL
from snapshots.simulator.control import ReceivedRequest, RequestLog, control
from snapshots.simulator.faults import Fault, FaultBook, spoil
from snapshots.simulator.listener import Listener
from snapshots.simulator.wire import Reply, error
from snapshots.simulator.world import World

POLL: Final = 0.01


class Simulator:
    """Serves a world; use it as a context manager, or call start() and stop(), also repeatedly on its port.

    `keys` maps each accepted key to the environments that it sees, None for all. `bad_key_status` is 403, the one
    status that the provider documents for it, or 401. Port 0 takes any free one; start() raises OSError if the port
    is taken. With `certificate`, a PEM file of a private key and its certificates, it speaks HTTPS; raises OSError if
    the file cannot be read or used.
    """

    def __init__(
        self,
        world: World,
        *,
        keys: Keys,
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: str = PREFIXES[0],
        bad_key_status: int = 403,
        certificate: Path | None = None,
    ) -> None:
        self.world, self.host, self.port, self.prefix = world, host, port, prefix
        self.keys = dict(keys)
        self.bad_key_status = bad_key_status
        self._tls = _server_context(certificate) if certificate else None
        self.faults = FaultBook()
        self.stopping = Event()
        self._log = RequestLog()
        self._listener: Listener | None = None
        self._thread: Thread | None = None

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the API's base URL; start() has set the port."""
        return self.origin + self.prefix

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Return a copy of the received requests, oldest first."""
        return self._log.listed()

    def calls(self, path_suffix: str = "") -> int:
        """Count the requests whose path ends like this."""
        return sum(each.path.endswith(path_suffix) for each in self.requests)

    def clear(self) -> None:
        """Clear the received requests."""
        self._log.clear()

    def add_fault(self, fault: Fault) -> None:
        self.faults.add(fault)

    def fault(self, **effects: object) -> Fault:
        """Add a fault from its fields, and return it; raises FaultError with a sentence."""
        fault = Fault.from_json(effects)
        self.add_fault(fault)
        return fault

    def clear_faults(self) -> None:
        self.faults.clear()

    def start(self) -> None:
        self.stopping.clear()
        self._listener = Listener((self.host, self.port), self.reply_to, self.world.clock, self.stopping, self._tls)
        self.port = self._listener.server_address[1]
        self._thread = Thread(target=self._listener.serve_forever, args=(POLL,), name="simulator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for the threads."""
        if self._listener is None or self._thread is None:
            return
        self.stopping.set()
        self._listener.shutdown()
        self._listener.hang_up()
        self._listener.server_close()
        self._thread.join()
        self._listener = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reply_to(self, request: Request, caller: str) -> Reply:
        """Return the reply to a request from an address, and remember the request if it was for the API."""
        if request.path.startswith(CONTROL):
            if not ip_address(caller).is_loopback:
                return error(403, "The control endpoint answers on loopback only.")
            return control(request, world=self.world, faults=self.faults, log=self._log)
        reply = self._api_reply(request)
        received = ReceivedRequest(
            request.method,
            request.target,
            request.path,
            request.query,
            request.headers,
            self.world.clock(),
            reply.status,
        )
        self._log.add(received)
        return reply

    def _api_reply(self, request: Request) -> Reply:
        prefixes = tuple(dict.fromkeys((self.prefix, *PREFIXES)))
        reply = answer(self.world, self.keys, request, prefixes=prefixes, bad_key=self.bad_key_status)
        fault = self.faults.strike(request.path, request.key)
        return spoil(fault, reply) if fault else reply


def _server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
