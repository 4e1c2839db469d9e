"""A provider that is some seconds away: `python -m bench.provider SOCKET SECONDS`, with a listening socket's number.

Every environment has the same volumes and snapshots, and every answer comes after these seconds. Requests wait side by
side, in one thread, so that the provider takes as little of the processor as it can.
"""

import asyncio
import socket
import sys
from email.utils import formatdate

from snapshots.simulator.wire import encode, list_body
from snapshots.simulator.world import World

PATH = "compute-on/prod"
SNAPSHOTS = 50
VOLUMES = 5


async def serve(listener: socket.socket, seconds: float) -> None:
    world = World(environments=[PATH], volumes=VOLUMES, snapshots=SNAPSHOTS)
    snapshots = list_body([encode(row) for row in world.snapshots(PATH)])
    volumes = list_body([encode(row) for row in world.volumes(PATH)])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(seconds)
                body = volumes if b"/volumes" in head.partition(b"\r\n")[0] else snapshots
                lines = ("HTTP/1.1 200 OK", f"Date: {formatdate(usegmt=True)}", f"Content-Length: {len(body)}")
                writer.write("\r\n".join((*lines, "Content-Type: application/json", "", "")).encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # the client has hung up

    async with await asyncio.start_server(answer, sock=listener):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])))
