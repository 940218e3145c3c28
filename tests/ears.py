"""Who listens to Redis for ever, in a thread of a test: until that test is over."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis import Redis

from workers import store


class Over(Exception):
    """The test is: nobody listens any more."""


class Ears:
    """Connections to listen on, and the threads that do. Left alone, each would hear all that later tests say."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connections: list[Redis] = []

    def connect(self, url: str = "") -> Redis:
        self._connections.append(store.connect(url or self._url))
        return self._connections[-1]

    def start(self, listen: Callable[..., None], *args: Any) -> None:
        def run() -> None:
            with suppress(Over):
                listen(*args)

        threading.Thread(target=run, daemon=True).start()

    def close(self) -> None:
        for connection in self._connections:
            connection.connection_pool.get_connection = _refuse  # type: ignore[method-assign]
            connection.connection_pool.disconnect()


def _refuse(*_: Any, **__: Any) -> Any:
    raise Over
