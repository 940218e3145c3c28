"""Clients that mean harm, in a process of their own: what each does again and again."""

import asyncio
import json
import os
import resource
from collections import Counter
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe

NICE = 10  # who watches has the core first: else its own delays would be measured
DRIP = 1.0  # seconds between two bytes
CONNECT_WITHIN, HELD = 10.0, 20.0  # seconds
PAUSE = 0.05  # seconds before one that was cut off comes back
HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
POST = b"POST /api/jobs HTTP/1.1\r\n" + HOST
BULK = b"POST /api/jobs/bulk HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
FIELDS = json.dumps({"task": "x", **dict.fromkeys(map(str, range(80_000)), 0)}).encode()

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def drips(head: bytes, byte: bytes = b"x") -> Attack:
    async def attack(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not reader.at_eof():
            await writer.drain()
            await asyncio.sleep(DRIP)
            writer.write(byte)

    return attack


def pours(head: bytes, more: bytes) -> Attack:
    async def attack(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not reader.at_eof():
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(0)  # a drain that need not wait lets nobody else run

    return attack


def says(data: bytes, held: float = 0.0) -> Attack:
    async def attack(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        async with asyncio.timeout(held or CONNECT_WITHIN):
            await reader.read()

    return attack


EDGE: dict[str, Attack] = {
    "dripping heads": drips(GET + b"X: "),
    "dripping bodies": drips(BULK + b"Content-Length: 900000\r\n\r\n" + b"x" * 850_000),
    "dripping chunks": drips(POST + CHUNKED, b"1\r\nx\r\n"),
    "endless chunk lines": pours(POST + CHUNKED + b"5;", b"x" * 65536),
    "endless trailers": pours(POST + CHUNKED + b"0\r\n", b"x: y\r\n" * 5000),
    "small chunks": pours(POST + CHUNKED, b"1\r\nx\r\n" * 5000),
    "endless heads": pours(GET, b"X: y\r\n" * 5000),
    "half heads": says(GET, HELD),
    "silence": says(b"", HELD),
    "idle connections": says(GET + b"\r\n", HELD),
    "connects": says(GET[:1]),
    "garbage": says(POST + b"Transfer-Encoding: xchunked\r\n\r\n"),
    "smuggling": says(POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "early ends": says(POST + b"Content-Length: 9\r\nConnection: close\r\n\r\n" + b"x" * 9),
}
FIELD = {"unknown fields": says(POST + b"Content-Length: %d\r\n\r\n" % len(FIELDS) + FIELDS)}


class Attackers:
    """Half of them have the address of those who watch, as behind one router; each of the others has its own."""

    def __init__(self) -> None:
        os.nice(NICE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self._done: Counter[str] = Counter()

    def wait(self, orders: Pipe) -> None:
        """There is nothing to be done meanwhile."""

    def attack(self, port: int, count: int, seconds: float, with_fields: bool) -> dict[str, int]:
        """How often each attack was begun."""
        self._done.clear()
        asyncio.run(self._attack(port, count, seconds, {**EDGE, **FIELD} if with_fields else EDGE))
        return dict(self._done)

    async def _attack(self, port: int, count: int, seconds: float, attacks: dict[str, Attack]) -> None:
        names = list(attacks)
        tasks = [
            asyncio.create_task(self._one(port, number, names[number % len(names)], attacks)) for number in range(count)
        ]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, port: int, number: int, name: str, attacks: dict[str, Attack]) -> None:
        source = "127.0.0.1" if number % 2 else f"127.1.{number // 250}.{number % 250 + 1}"
        while True:
            self._done[name] += 1
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            except (OSError, TimeoutError):
                await asyncio.sleep(PAUSE)
                continue
            try:
                await attacks[name](reader, writer)
            except (OSError, TimeoutError):
                await asyncio.sleep(PAUSE)  # it was cut off, as it should
            finally:
                writer.transport.abort()
