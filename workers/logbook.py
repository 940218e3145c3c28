"""What job code logs: `log()`, `LogHandler`, and the lines that are not yet in Redis. The reporter's thread sends them.

A call keeps a line in the process. As with progress nothing here fails, blocks or slows a job; of a flood the newest
lines are kept, and the others counted.
"""

import logging
import threading
from collections import deque
from time import time
from typing import Any, Final

from rq.timeouts import BaseTimeoutException

from workers import context
from workers.log_lines import BYTES_LIMIT, LEVELS, LINES_LIMIT, Line
from workers.wire import encode

TEXT_LIMIT: Final = 2000  # characters
HEAD: Final = 600  # characters of a traceback that is cut in its midst: its end says what happened
NOT_THE_JOBS: Final = ("headway", "rq")  # loggers whose records say nothing of a job: those who run it, and send this


def log(text: str, level: str = "info") -> None:
    """Add a line to the log of the running job.

    `text` of more than 2,000 characters is cut; other than a text is shown as `str()` makes it. Levels are debug, info,
    warning, error and critical; any other is info. Outside of a job it does nothing. Never raises.
    """
    job = context.running
    if job is None:
        return
    if type(text) is not str or len(text) > TEXT_LIMIT:
        text = _fitting(text)
    reporter = job.reporter
    waiting = reporter.logbook.waiting
    line = (time(), level, text)
    if len(waiting) == LINES_LIMIT:
        reporter.logbook.dropped += 1
    waiting.append(line)
    if not reporter.awake:
        reporter.wake()


class LogHandler(logging.Handler):
    """Makes lines of a running job's log out of what it logs by Python's `logging`, tracebacks included.

    Not of what Headway and RQ themselves log while they run it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if context.running is None or record.name.partition(".")[0] in NOT_THE_JOBS:
            return
        level = "info"
        try:
            level = LEVELS[min(max(record.levelno // 10, 1), 5) - 1]
            text = self.format(record)
        except BaseTimeoutException:
            raise  # RQ ends the job by it, and says it once
        except Exception:  # whatever a record's arguments may raise
            self.handleError(record)
            text = _fitting(record.msg)
        if record.exc_info and len(text) > TEXT_LIMIT:
            text = f"{text[:HEAD]}…{text[HEAD + 1 - TEXT_LIMIT :]}"
        log(text, level)


class Logbook:
    """The lines of one attempt that are not known to be in Redis: the newest 1,000 of at most 256 KB.

    Job code appends to `waiting`, from any thread and without a lock: that is one step. The oldest make room, and are
    counted: where several threads flood at once that count is about right.
    """

    def __init__(self) -> None:
        self.waiting: deque[tuple[float, Any, str]] = deque(maxlen=LINES_LIMIT)  # Unix time, level, text
        self.dropped = 0
        self._passed = 0  # lines that were taken from there
        self._number = 0  # of the last of them
        self._taken: deque[Line] = deque()
        self._bytes = 0
        self._taking = threading.Lock()

    def __bool__(self) -> bool:
        """Whether there is a line to be sent."""
        return bool(self.waiting or self._taken)

    def unsent(self) -> list[Line]:
        """The lines that are to be sent, oldest first; the same ones again until `forget`."""
        with self._taking:
            fresh: list[Line] = []
            room = BYTES_LIMIT
            for number, entry in reversed(self._drained()):
                line = _encoded(*entry)
                room -= len(line)
                if room < 0:
                    break
                fresh.append((number, line))
            for number, line in reversed(fresh):
                self._taken.append((number, line))
                self._bytes += len(line)
            while len(self._taken) > LINES_LIMIT or self._bytes > BYTES_LIMIT:
                self._drop()
            return list(self._taken)

    def _drained(self) -> list[tuple[int, tuple[float, Any, str]]]:
        """What waits, numbered."""
        drained = []
        take = self.waiting.popleft
        for _ in range(len(self.waiting)):
            # one right after the other: no other thread gets its turn in between
            dropped, entry = self.dropped, take()
            self._passed += 1
            self._number = max(self._number + 1, self._passed + dropped)
            drained.append((self._number, entry))
        return drained

    def forget(self, number: int) -> None:
        """The lines up to `number` are in Redis."""
        with self._taking:
            while self._taken and self._taken[0][0] <= number:
                self._drop()

    def _drop(self) -> None:
        self._bytes -= len(self._taken.popleft()[1])


def _fitting(value: Any) -> str:
    """`value` as a text that is no longer than a line may be."""
    try:
        text = str.__str__(str(value))  # and none of a class of its own
    except BaseTimeoutException:
        raise
    except Exception:  # whatever a value's own str may raise
        text = type(value).__name__
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _encoded(at: float, level: Any, text: str) -> bytes:
    try:
        known = LEVELS[LEVELS.index(level)]
    except Exception:  # it is none, or whatever a value's own == may raise
        known = "info"
    return f'"at":{round(at * 1000)},"level":"{known}","text":{encode(text)}}}'.encode()
