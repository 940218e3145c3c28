"""Asks a web process at intervals whether it still takes connections and answers, from another process.

Each has a socket of its own for that, which it inherits and listens on like the port: several web processes share the
port, and a crowd of clients there, or a limit, must not look like a process that is stuck. Never waits.
"""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

INTERVAL = 5.0  # seconds from one question to the next
DEADLINE = 5.0  # seconds for its answer
MISSES = 6  # questions in a row without one, after which it is deaf: within half a minute
BACKLOG = 16


class Watchdog:
    """Knows whether one process is deaf. It counts from its first answer: a process that starts is left alone."""

    def __init__(self, path: str, *, now: Callable[[], float] = time.monotonic) -> None:
        """`path`: what it asks for, such as "/healthz"."""
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        self._now = now
        self._folder = Path(tempfile.mkdtemp(prefix="headway-"))  # of nobody else: mode 0700
        self._address = str(self._folder / "watch")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self._address)
        self._listening.listen(BACKLOG)
        self._question: socket.socket | None = None
        self._asked_at = 0.0
        self.restart()

    def fileno(self) -> int:
        """The listening socket, for the process to inherit."""
        return self._listening.fileno()

    def restart(self) -> None:
        """The process starts anew."""
        self._forget()
        self.heard = False  # whether it has answered since its start
        self._misses = 0
        self._due = self._now()

    def is_deaf(self) -> bool:
        """Whether the process has been silent for too long. To be called several times a second."""
        now = self._now()
        if self._question is None:
            if now >= self._due:
                self._ask(now)
        elif self._is_answered():
            self._forget()
            self.heard, self._misses = True, 0
            self._due = self._asked_at + INTERVAL
        elif now - self._asked_at > DEADLINE:
            self._forget()
            self._misses += self.heard
            self._due = now
        return self._misses >= MISSES

    def close(self) -> None:
        self._forget()
        self._listening.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, now: float) -> None:
        self._asked_at = now
        self._due = now + INTERVAL  # where it can't even be asked
        with suppress(OSError):  # too many questions wait already, or too many files are open
            self._question = socket.socket(socket.AF_UNIX)
            self._question.setblocking(False)
            self._question.connect(self._address)
            self._question.sendall(self._request)

    def _is_answered(self) -> bool:
        assert self._question is not None
        try:
            return self._question.recv(16).startswith(b"HTTP/")
        except OSError:
            return False  # not yet, or never

    def _forget(self) -> None:
        if self._question is not None:
            self._question.close()
            self._question = None
