"""How workers wait for Redis: however long it is away, or takes no writes."""

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.retry import Retry

from workers import trouble

T = TypeVar("T")

PAUSE = 0.5  # seconds between two tries

log = logging.getLogger("headway.redis")


class Endurance(Retry):
    """Tries again until it succeeds. A server that takes no writes, for whatever reason, counts as one that is away."""

    def __init__(self) -> None:
        super().__init__(NoBackoff(), -1)

    def call_with_retry(self, do: Callable[[], T], fail: Callable[..., Any], *args: Any, **kwargs: Any) -> T:
        told = False

        def attempt() -> T:
            try:
                return do()
            except ResponseError as error:
                if trouble.is_passing(error):
                    raise RedisConnectionError(trouble.words_of(error)) from error
                raise

        def wait(error: Exception, *count: int) -> None:
            nonlocal told
            if not told:
                told = True
                log.warning("Redis: %s; waiting until it answers and takes writes", trouble.words_of(error))
            # before `fail`: of a transaction that watches a key that raises, and RQ tries again at once
            time.sleep(PAUSE)
            fail(error, *count)

        return super().call_with_retry(attempt, wait, *args, **kwargs)


def leave_old_connections(redis: Redis, pubsub: PubSub | None) -> None:
    """They may be half-open: one would cost 15 s to find out, and the thread that waits for `stop` never would."""
    redis.connection_pool.disconnect(inuse_connections=False)
    connection = pubsub.connection if pubsub is not None else None
    waiting: socket.socket | None = getattr(connection, "_sock", None)
    if waiting is not None:
        with suppress(OSError):  # it has been closed already
            waiting.shutdown(socket.SHUT_RDWR)  # and no more: the thread is reading
