"""The channel that updates travel on: hearing it, noticing that it is lost, and a word to oneself on it."""

import functools
import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis import TimeoutError as RedisTimeoutError
from redis.client import PubSub
from redis.commands.core import Script

from workers.errors import WireError
from workers.wire import CHANNEL, Probe, Update, decode_update, encode

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 2.0  # seconds within which the channel is tried again, the moment drawn at random
IDLE = 1.0  # seconds of waiting for a message, after which we wait anew
BORN = "headway:born"  # a mark that is gone with the data

# nothing is written where the mark is there: a probe must get through to a server that is full, or read-only
PROBE = """
local born = redis.call('GET', KEYS[1])
if not born then
  born = ARGV[3]
  redis.call('SET', KEYS[1], born)
end
redis.call('PUBLISH', ARGV[1], (string.gsub(ARGV[2], 'BORN', born)))
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """The channel is lost, or held again: what was said in between is lost."""

    live: bool


class Channel:
    """One listener's hold on the channel."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        self._pubsub: PubSub | None = None

    def listen(self) -> Iterator[Update | Probe | Gap]:
        """Every message, for ever. `Gap(False)` when the channel is lost, `Gap(True)` when it is held.

        The first thing is `Gap(True)`. Each confirmation of a subscription is one: what was said before it is lost.
        Tries again with full jitter while Redis is away.
        """
        held = False
        tries = 0
        while True:
            self._pubsub = self._connection.pubsub(ignore_subscribe_messages=False)
            try:
                self._pubsub.subscribe(CHANNEL)
                while True:
                    message = self._pubsub.get_message(timeout=IDLE)
                    if message is None:
                        continue
                    if message["type"] == "subscribe":
                        held, tries = True, 0
                        yield Gap(True)
                    elif message["type"] == "message" and (said := _decoded(message)) is not None:
                        yield said
            except (RedisConnectionError, RedisTimeoutError, OSError):
                if held:
                    yield Gap(False)
                held = False
            finally:
                self._pubsub.close()
            tries += 1
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))))

    def drop(self) -> None:
        """Have `listen` take a new connection: the one it has is open, and yet nothing of use comes through it.

        It can't notice by itself: half a message, or a byte a second, keeps it waiting for the rest. Called from
        another thread, so the connection is shut down, not closed: whoever reads from it is told.
        """
        connection = self._pubsub.connection if self._pubsub is not None else None
        plain = connection._get_socket() if connection is not None else None
        if plain is not None:
            with suppress(OSError):  # it has ended by itself
                plain.shutdown(socket.SHUT_RDWR)


def _decoded(message: dict[str, Any]) -> Update | Probe | None:
    try:
        return decode_update(message["data"])
    except WireError:
        return None  # someone else's message on our channel: nothing a watcher could use


def probe(connection: Redis, process: str, number: int) -> None:
    """Publish a probe, with the mark of the data that Redis holds; the first to look sets the mark. One round trip."""
    message = encode({"probe": process, "n": number, "born": "BORN"})
    _probe()([BORN], [CHANNEL, message, uuid4().hex], client=connection)


@functools.cache
def _probe() -> Script:
    # bytes, so that Script needs no client to compute the SHA of its text
    return Script(cast(Any, None), PROBE.encode())
