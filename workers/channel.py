"""The channel that updates travel on: hearing it, noticing that it is lost, and a word to oneself on it."""

import functools
import logging
import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import hiredis
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError, ResponseError

from workers.database import channel_of
from workers.errors import WireError
from workers.wire import Message, decode_update, encode

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 2.0  # seconds within which the channel is tried again, the moment drawn at random
CHUNK = 256 * 1024  # bytes that are read at once
BORN = "headway:born"  # a mark that is gone with the data

# where the mark is there nothing is written, and yet the first SET is refused where nothing can be. A probe must get
# through all the same: it proves that the channel is held
PROBE = """
local made, born = redis.pcall('SET', KEYS[1], ARGV[3], 'NX'), redis.pcall('GET', KEYS[1])
local refused = type(made) == 'table' and made.err
if type(born) ~= 'string' or not string.match(born, '^%x+$') then
  born = refused and '' or ARGV[3]
  if born ~= '' then redis.call('SET', KEYS[1], born) end
end
redis.call('PUBLISH', ARGV[1], (string.gsub(ARGV[2], 'BORN', born)))
return refused or ''
"""

log = logging.getLogger("headway.channel")


@dataclass(frozen=True, slots=True)
class Gap:
    """The channel is lost, or held again: what was said in between is lost."""

    live: bool


class Channel:
    """One listener's hold on the channel.

    It reads by hiredis alone, from a connection that redis-py has made: redis-py's own pub/sub costs 13 to 23 µs a
    message, this 1 to 2.
    """

    def __init__(self, connection: Redis) -> None:
        self._pool = connection.connection_pool
        self._name = channel_of(connection)
        self._plain: socket.socket | None = None

    def listen(self) -> Iterator[list[Message] | Gap]:
        """Every message, for ever, as many at a time as have come.

        `Gap(False)` when the channel is lost, `Gap(True)` when it is held. The first thing is `Gap(True)`; each
        confirmation of a subscription is one: what was said before it is lost. Tries again with full jitter while
        Redis is away.
        """
        held = False
        pause = 0.0  # the longest until the next try, in seconds; 0: it is, or was, held
        while True:
            try:
                for messages in self._hold():
                    if messages is None:
                        held, pause = True, 0.0
                        yield Gap(True)
                    else:
                        yield messages
            # ValueError: Python's, of a TLS connection that `drop` shut down under a read
            except (RedisError, hiredis.HiredisError, OSError, ValueError) as error:
                if not pause:
                    log.info("the channel can't be held: %s", error)
                if held:
                    yield Gap(False)
                held = False
            pause = min(LONGEST_PAUSE, 2 * pause) or FIRST_PAUSE
            time.sleep(random.uniform(0, pause))

    def _hold(self) -> Iterator[list[Message] | None]:
        """What comes over one connection, until it ends: messages, and None for each confirmation."""
        connection = self._pool.get_connection()
        try:
            connection.send_command("SUBSCRIBE", self._name)
            plain = connection._get_socket()
            if plain is None:
                raise RedisConnectionError("it ended in this very moment")
            self._plain = plain
            plain.settimeout(None)  # whether it still says anything is for others to mind
            reader = hiredis.Reader()
            while data := plain.recv(CHUNK):
                reader.feed(data)
                taken: list[Message] = []
                while (message := reader.gets()) is not False:
                    if isinstance(message, hiredis.ReplyError):
                        raise message
                    if not isinstance(message, list):
                        raise RedisConnectionError(f"expected a message, got {message!r}")
                    if message[0] == b"subscribe":
                        if taken:
                            yield taken
                            taken = []
                        yield None
                    elif (said := _decoded(message[2])) is not None:
                        taken.append(said)
                if taken:
                    yield taken
            raise RedisConnectionError("the server has closed it")
        finally:
            self._plain = None
            connection.disconnect()
            self._pool.release(connection)

    def drop(self) -> None:
        """Have `listen` take a new connection: the one it has is open, and yet nothing of use comes through it.

        Called from another thread, so the connection is shut down, not closed: whoever reads from it is told.
        """
        if self._plain is not None:
            with suppress(OSError):  # it has ended by itself
                self._plain.shutdown(socket.SHUT_RDWR)


def _decoded(data: bytes) -> Message | None:
    try:
        return decode_update(data)
    except WireError:
        return None  # someone else's message on our channel: nothing a watcher could use


def probe(connection: Redis, process: str, number: int) -> None:
    """Publish a probe, with the mark of the data that Redis holds; the first to look sets the mark. One round trip.

    Raises RedisError, also where the probe was published and Redis refused to write.
    """
    message = encode({"probe": process, "n": number, "born": "BORN"})
    refused = _probe()([BORN], [channel_of(connection), message, uuid4().hex], client=connection)
    if refused:
        raise ResponseError(refused.decode(errors="replace"))


@functools.cache
def _probe() -> Script:
    # bytes, so that Script needs no client to compute the SHA of its text
    return Script(cast(Any, None), PROBE.encode())
