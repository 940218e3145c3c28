"""What job code holds: `progress()` and `track()`; and `log()` and `LogHandler`, which stand in `workers/logbook.py`.

A call keeps the newest value in the process; a thread sends it, at most 20 times a second, lines 10 times. Reporting
never fails, blocks or slows a job: Redis may be gone, the value may be nonsense, the job goes on.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import length_hint
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from workers import context, log_lines, store
from workers.errors import WireError
from workers.log_lines import Line
from workers.logbook import Logbook
from workers.logbook import LogHandler as LogHandler
from workers.logbook import log as log
from workers.shape import as_number, is_number
from workers.wire import DESCRIPTION_LIMIT, META_LIMIT, encode

T = TypeVar("T")

INTERVAL = 0.05  # seconds between two sends: 20 a second
LOG_INTERVAL = 0.1  # seconds between two sends of lines
FLOOD_INTERVAL = 0.25  # the same where a job logs more than is kept: nobody reads that, and a job is not to be slowed
RETRY_INTERVAL = 0.5  # seconds between two tries while Redis is away

logger = logging.getLogger("headway.progress")


def progress(
    completed: float,
    total: float | None = None,
    description: str | None = None,
    *,
    unit: str = "",
    meta: dict[str, Any] | None = None,
) -> None:
    """Tell how far the running job is.

    `total` None: the length is unknown. `description` (≤ 200 characters) and `meta` (an object of ≤ 1 KiB of
    JSON) stay as they were where they are None. Another `unit` starts a new phase from 0; within one unit the
    bar never falls. Outside of a job it does nothing. Never raises: what can't be shown is cut, or dropped with
    one log line.
    """
    job = context.running
    if job is None:
        return
    reporter = job.reporter
    if description is not None:
        reporter.description = description
    if meta is not None:
        reporter.meta = meta
    reporter.newest = (completed, total, unit)
    if not reporter.awake:
        reporter.wake()


def track(
    sequence: Iterable[T], description: str | None = None, *, total: float | None = None, unit: str = ""
) -> Iterator[T]:
    """Yield the items of `sequence` and report each one done. `total` defaults to the length, where there is one."""
    if total is None:
        total = length_hint(sequence) or None
    progress(0, total, description, unit=unit)
    for completed, item in enumerate(sequence, 1):
        yield item
        progress(completed, total, unit=unit)


class Sender:
    """Sends what one attempt of a job tells, over a connection of its own that gives up after a second."""

    def __init__(self, url: str, id: str) -> None:
        self.attempt: int | None = None
        self._url = url
        self._id = id
        self._connection: Redis | None = None

    def __call__(self, fields: dict[str, Any]) -> bool:
        """False where the reports are not wanted any more. Raises `RedisError` while Redis is away."""
        connection = self._connected()
        return self.attempt is not None and store.report(connection, self._id, self.attempt, fields)

    def log(self, lines: Sequence[Line]) -> bool:
        """The same, of lines."""
        connection = self._connected()
        return self.attempt is not None and log_lines.write(connection, self._id, self.attempt, lines)

    def _connected(self) -> Redis:
        if self._connection is None:
            self._connection = store.connect(self._url, socket_timeout=1.0, socket_connect_timeout=1.0)
        if self.attempt is None:
            self.attempt = store.attempt_of(self._connection, self._id)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Reporter:
    """Keeps the newest progress of one job and sends it, and its log, from a thread of its own.

    `send` takes the fields of the state that changed, `send_lines` lines; they return False when there is nobody to
    report to any more (the attempt has ended). The thread starts with the first report, so after the fork.
    """

    def __init__(self, send: Callable[[dict[str, Any]], bool], send_lines: Callable[[Sequence[Line]], bool]) -> None:
        self.logbook = Logbook()
        self.newest: tuple[Any, Any, Any] | None = None
        self.description: Any = None
        self.meta: Any = None
        self.awake = False  # something waits to be sent, and the thread knows
        self._send = send
        self._sent: dict[str, Any] = {}
        self._send_lines = send_lines
        self._lines_due = 0.0  # by the monotonic clock
        self._next_line = 1
        self._thread: threading.Thread | None = None
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._complained = False

    def wake(self) -> None:
        self.awake = True
        self._due.set()
        with self._starting:
            if self._thread is not None or self._stopped.is_set():
                return
            self._thread = threading.Thread(target=self._run, name="headway-progress", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # no thread to be had: the job's end still carries its newest progress
                logger.warning("progress is not sent: %s", error)

    @property
    def is_sending(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Send nothing more. The newest values stay readable: the job's end carries them."""
        self._stopped.set()
        self._due.set()

    def fields(self) -> dict[str, Any]:
        """The newest progress as fields of the state; empty where nothing (valid) was reported."""
        if self.newest is None:
            return {}
        completed, total, unit = self.newest
        fields: dict[str, Any] = {}
        done, of = as_number(completed), as_number(total)
        if is_number(done) and (total is None or is_number(of)) and isinstance(unit, str):
            fields = {"completed": done, "total": of, "unit": unit[:DESCRIPTION_LIMIT]}
        else:
            got = f"progress({_shown(completed)}, {_shown(total)}, unit={_shown(unit)})"
            self._complain(got, "finite numbers and a text")
        if isinstance(self.description, str):
            fields["description"] = self.description[:DESCRIPTION_LIMIT]
        elif self.description is not None:
            self._complain(f"description={_shown(self.description)}", "a text")
        if self.meta is not None and (meta := self._fitting(self.meta)) is not None:
            fields["meta"] = meta
        return fields

    def _fitting(self, meta: Any) -> Any:
        """A copy of `meta`, which the job may go on to change; None where it does not fit."""
        try:
            text = encode(meta)
        except (WireError, RuntimeError):  # RuntimeError: the job changes the dict while it is read
            text = ""
        if isinstance(meta, dict) and text and len(text.encode()) <= META_LIMIT:
            return json.loads(text)
        self._complain("meta", f"an object of at most {META_LIMIT} bytes of JSON")
        return None

    def _complain(self, got: str, expected: str) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("progress dropped: expected %s, got %s (told once a job)", expected, got)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._due.wait()
            self._due.clear()
            # cleared before the values are read: a report from now on asks for another round
            self.awake = False
            if self._stopped.is_set():
                return
            pause = INTERVAL
            try:
                if not (self._send_progress() and self._send_log()):
                    return
            except (RedisError, OSError):
                # the newest value is kept and tried again
                pause = RETRY_INTERVAL
                self._due.set()
            except Exception:  # whatever the job handed over: the next report may be a better one
                logger.exception("a report could not be sent")
            self._stopped.wait(pause)

    def _send_progress(self) -> bool:
        fields = self.fields()
        if fields != self._sent:  # else it was for a line that we were woken
            if not self._send(fields):
                return False
            self._sent = fields
        return True

    def _send_log(self) -> bool:
        if not self.logbook:
            return True
        if time.monotonic() < self._lines_due:
            self._due.set()
            return True
        lines = self.logbook.unsent()
        (first, _), (last, _) = lines[0], lines[-1]
        floods, self._next_line = first > self._next_line, last + 1
        self._lines_due = time.monotonic() + (FLOOD_INTERVAL if floods else LOG_INTERVAL)
        if not self._send_lines(lines):
            return False
        self.logbook.forget(last)
        return True


def _shown(value: object) -> str:
    try:
        return f"{value!r:.40}"
    except Exception:  # whatever a value's own repr may raise: a report never fails
        return type(value).__name__
