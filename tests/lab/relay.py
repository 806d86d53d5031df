"""A TCP relay that is a long way: it delays what passes, and can cut, stall or refuse."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

# Between reading and writing, so that a full pipe slows the sender down as a full wire would.
PIECES_ON_THE_WAY = 256
PIECE = 65536
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
# With this, closing a socket sends a reset at once instead of what is still buffered.
RESET = struct.pack("ii", 1, 0)


class Relay:
    """Relays 127.0.0.1:port to another port of 127.0.0.1, each way `delay` seconds long.

    `inside` is a process on whose network the port is, instead of on this one, and `port` is one that is wanted.

    A connection is held for one round trip before the first byte passes, as a handshake on such a way would take.
    `rate`, where it is set, is how many bytes a second each way of a connection carries from now on.
    """

    def __init__(self, to: int, delay: float = 0.0, *, inside: int | None = None, port: int = 0) -> None:
        self.to = to
        self.delay = delay
        self.port = port
        self.rate: int | None = None
        # How many connections there have been, and bytes that have passed.
        self.connections = 0
        self.carried = 0
        self._inside = inside
        self._writers: set[asyncio.StreamWriter] = set()
        self._near: set[asyncio.StreamWriter] = set()
        self._forgotten: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()

    def __enter__(self) -> Relay:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Reset all connections, on both sides; new ones are accepted."""
        self._do(self._cut())

    def forget(self) -> None:
        """Reset all connections on the side that made them; the other side hears nothing of it, nor any more."""
        self._do(self._forget())

    def stall(self) -> None:
        """Let nothing pass any more, as when a cable is pulled; connections stay open."""
        self._do(self._flow(passing=False))

    def resume(self) -> None:
        """Let pass what was held back, and all that follows."""
        self._do(self._flow(passing=True))

    def refuse(self) -> None:
        """Refuse new connections; those that are open stay."""
        self._do(self._refuse())

    def accept(self) -> None:
        """Accept new connections again, on the same port."""
        self._do(self._listen())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _listen(self) -> None:
        if self._server is None:
            listener = _listen(self.port, self._inside)
            self.port = listener.getsockname()[1]
            self._server = await asyncio.start_server(self._accept, sock=listener)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _flow(self, *, passing: bool) -> None:
        if passing:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _cut(self) -> None:
        for writer in self._writers:
            _reset(writer)
        await self._cancel()

    async def _forget(self) -> None:
        # Whatever has no reference any more is closed.
        self._forgotten |= self._writers - self._near
        near = list(self._near)
        await self._cancel()
        for writer in near:
            _reset(writer)

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self) -> None:
        await self._refuse()
        await self._cut()
        for writer in self._forgotten:
            _reset(writer)
        # The transports close their sockets in the next round.
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        # Before its task has begun, which one that is cut at once never does.
        self._writers.add(writer)
        self._near.add(writer)
        task = self._loop.create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        try:
            await asyncio.sleep(2 * self.delay)
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
            ends.add(far_writer)
            self._writers |= ends
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(self._carry(reader, far_writer))
                both_ways.create_task(self._carry(far_reader, writer))
            for end in ends:
                end.close()
                await end.wait_closed()
        except* OSError:
            # One side has reset the connection, or nobody listens there: the other side is to see that too.
            for end in ends:
                _reset(end)
        finally:
            self._writers -= ends
            self._near.discard(writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one way; each piece arrives `delay` after it came in, however many are on the way."""
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_ON_THE_WAY)

        async def deliver() -> None:
            while True:
                due, piece = await on_the_way.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flowing.wait()
                if not piece:
                    with suppress(OSError):
                        writer.write_eof()
                    return
                writer.write(piece)
                await writer.drain()
                self.carried += len(piece)
                if self.rate:
                    await asyncio.sleep(len(piece) / self.rate)

        async with asyncio.TaskGroup() as way:
            way.create_task(deliver())
            piece = b"the first"
            while piece:
                piece = await reader.read(PIECE)
                await on_the_way.put((self._loop.time() + self.delay, piece))


def _listen(port: int, inside: int | None) -> socket.socket:
    """Listen on the network of another process, or on ours."""

    def listen() -> socket.socket:
        if inside is not None:
            with Path(f"/proc/{inside}/ns/net").open() as network:
                if LIBC.setns(network.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"no way to the network of process {inside}")
        return socket.create_server(("127.0.0.1", port), backlog=128)

    # A thread is on a network, and a socket stays on the one on which it was made.
    with ThreadPoolExecutor(1) as another:
        return another.submit(listen).result()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
