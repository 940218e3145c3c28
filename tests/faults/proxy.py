"""A TCP proxy that does to connections what networks do: cut, pause, trickle, delay, forget."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

CHUNK = 64 * 1024  # bytes
LINGER = struct.pack("ii", 1, 0)  # close with a reset, as a peer that has lost its memory would


@dataclass(eq=False)
class _Link:
    """One connection through the proxy."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    forgotten: bool = False  # half-open: both sides believe in it, and nothing gets through any more
    pipes: list["asyncio.Task[None]"] = field(default_factory=list)

    def reset(self) -> None:
        _reset(self.near)
        _reset(self.far)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    writer.transport.abort()


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to `target`: a port, or the path of a Unix socket.

    It runs in a thread of its own; its methods are for other threads, and what they do has happened when they return.
    """

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self._links: set[_Link] = set()
        self._flowing = asyncio.Event()  # cleared: nothing gets through for now
        self._refusing = False
        self._delay = 0.0  # seconds that each chunk takes
        self._step = 0  # bytes a second; 0: as fast as it comes
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.mend()

    # -- faults, which last until `mend`

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        self._do(self._cut())

    def pause(self) -> None:
        """Let nothing through, in either direction; connections are taken, and nobody is told."""
        self._do(self._set(flowing=False))

    def trickle(self, step: int = 1) -> None:
        """Let `step` bytes a second through, in either direction of each connection."""
        self._do(self._set(step=step))

    def delay(self, seconds: float) -> None:
        """Hold each chunk back for `seconds`."""
        self._do(self._set(delay=seconds))

    def mend(self) -> None:
        """All is well again; connections that were left half-open are reset."""
        self._do(self._set())
        self._do(self._reset(forgotten=True))

    def forget(self) -> None:
        """Leave every connection half-open, as a firewall that has lost its table; new ones are fine."""
        self._do(self._forget())

    def reset(self) -> None:
        """Reset every connection; new ones are fine. Over at once."""
        self._do(self._reset())

    def retarget(self, target: int | Path) -> None:
        """Reset every connection; new ones go to `target`, as after a failover."""
        self._do(self._retarget(target))

    def close(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # -- in the loop

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _set(self, *, flowing: bool = True, step: int = 0, delay: float = 0.0) -> None:
        self._refusing, self._step, self._delay = False, step, delay
        self._flowing.set() if flowing else self._flowing.clear()

    async def _cut(self) -> None:
        self._refusing = True
        await self._reset()

    async def _retarget(self, target: int | Path) -> None:
        self._target = target
        await self._reset()

    async def _reset(self, *, forgotten: bool = False) -> None:
        for link in self._links:
            if link.forgotten or not forgotten:
                link.reset()

    async def _forget(self) -> None:
        for link in self._links:
            link.forgotten = True

    async def _close(self) -> None:
        self._server.close()
        await self._reset()
        pipes = [pipe for link in self._links for pipe in link.pipes]
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        await asyncio.sleep(0)  # for those who waited for them

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self._refusing:
            _reset(near)
            return
        try:
            if isinstance(self._target, int):
                answers, far = await asyncio.open_connection("127.0.0.1", self._target)
            else:
                answers, far = await asyncio.open_unix_connection(str(self._target))
        except OSError:
            _reset(near)  # as if the target had refused it itself
            return
        link = _Link(near, far)
        link.pipes = [
            asyncio.ensure_future(self._pipe(link, reader, far)),
            asyncio.ensure_future(self._pipe(link, answers, near)),
        ]
        self._links.add(link)
        await asyncio.wait(link.pipes, return_when=asyncio.FIRST_COMPLETED)
        link.reset()
        await asyncio.wait(link.pipes)
        self._links.discard(link)

    async def _pipe(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._pass(link, data, writer)
            await (asyncio.Event() if link.forgotten else self._flowing).wait()  # an end is news too
        except OSError:
            pass  # one side has gone: the other is told by `reset`

    async def _pass(self, link: _Link, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            await self._flowing.wait()
            if self._delay:
                await asyncio.sleep(self._delay)
            if link.forgotten:
                return
            step = self._step or len(data)
            writer.write(data[:step])
            await writer.drain()
            data = data[step:]
            if self._step:
                await asyncio.sleep(1)  # the fault itself
