"""How workers wait for Redis: however long it is away, or takes no writes."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.retry import Retry

T = TypeVar("T")

PAUSE = 0.5  # seconds between two tries

log = logging.getLogger("headway.redis")


class Endurance(Retry):
    """Tries again until it succeeds. A server that takes no writes, read-only or full, counts as one that is away."""

    def __init__(self) -> None:
        super().__init__(NoBackoff(), -1)
        self.update_supported_errors([ReadOnlyError, OutOfMemoryError])

    def call_with_retry(self, do: Callable[[], T], fail: Callable[..., Any], *args: Any, **kwargs: Any) -> T:
        told = False

        def wait(error: Exception, *count: int) -> None:
            nonlocal told
            if not told:
                told = True
                log.warning("Redis: %s; waiting until it answers and takes writes", error)
            # before `fail`: of a transaction that watches a key that raises, and RQ tries again at once
            time.sleep(PAUSE)
            fail(error, *count)

        return super().call_with_retry(do, wait, *args, **kwargs)
