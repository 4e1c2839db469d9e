"""The way to the simulator without sockets: the client's own door, answered at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from unittest.mock import patch

from requests.structures import CaseInsensitiveDict

from snapshots.cloudca.replies import Reply
from snapshots.cloudca.transport import KEY_HEADER, Transport
from snapshots.simulator.api import Request
from snapshots.simulator.server import Simulator


@contextmanager
def without_sockets(sim: Simulator) -> Iterator[None]:
    """Let every request of the client be answered by this simulator, which need not be started."""

    def get(transport: Transport, url: str) -> Reply:
        headers = Message()
        headers[KEY_HEADER] = transport._key.plain()
        reply = sim.reply_to(Request("GET", url.removeprefix(sim.origin), headers), sim.host)
        transport.calls += 1
        transport.last_date = sim.world.clock().replace(microsecond=0)
        return Reply(reply.status, CaseInsensitiveDict(reply.headers), reply.body)

    with patch.object(Transport, "get", get):
        yield
