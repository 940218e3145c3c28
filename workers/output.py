"""Writes lines for a reader that may be slow, hung or gone: the one that has something to say never waits."""

import os
import select
import threading
from collections import deque
from contextlib import suppress
from typing import Final, TextIO

BUFFER: Final = 1024 * 1024  # bytes that wait for the reader
AT_ONCE: Final = 64 * 1024  # bytes of one write
LAST_WORDS: Final = 1.0  # seconds that the reader has for what is left at the end


class Output:
    """A thread writes what was said. Where its reader lags by more than BUFFER, lines are left out and counted."""

    def __init__(self, file: int, encoding: str = "utf-8") -> None:
        """`file`: a descriptor, which stays open. What `encoding` lacks is written as \\u and four digits."""
        self._file = file
        self._encoding = encoding
        self.is_terminal = os.isatty(file)
        self._lines: deque[bytes] = deque()
        self._size = 0  # bytes of them
        self._left_out = 0  # lines
        self._changed = threading.Condition()
        self._closing = False
        # a daemon: one that hangs in a write keeps no process from its end
        self._writer = threading.Thread(target=self._write, name="output", daemon=True)
        self._writer.start()

    @classmethod
    def of(cls, stream: TextIO | None) -> "Output":
        """What writes where `stream` does; None, as Python has it where standard output is closed: nowhere."""
        if stream is None:
            return cls(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC))
        stream.flush()
        return cls(stream.fileno(), stream.encoding)

    def say(self, line: str) -> None:
        """Have `line` written, soon; it has no line feed."""
        text = f"{line}\n".encode(self._encoding, errors="backslashreplace")
        with self._changed:
            # once lines are left out, there is a gap: not one line in two
            most = BUFFER // 2 if self._left_out else BUFFER
            if self._closing or self._size + len(text) > most:
                self._left_out += 1
                return
            self._count_left_out()
            self._lines.append(text)
            self._size += len(text)
            self._changed.notify_all()

    def close(self) -> None:
        """Write what is left, for LAST_WORDS seconds at the most."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(LAST_WORDS)

    def _count_left_out(self) -> None:
        if self._left_out:
            were = "line was" if self._left_out == 1 else "lines were"
            note = f"headway | … {self._left_out} {were} left out here: nobody read the output\n"
            self._lines.append(note.encode(self._encoding, errors="backslashreplace"))
            self._size += len(self._lines[-1])
            self._left_out = 0

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._closing)
                if not self._lines:
                    return
                batch = self._batch()
            _write_all(self._file, batch)
            with self._changed:
                self._size -= len(batch)
                if not self._lines:
                    self._count_left_out()

    def _batch(self) -> bytes:
        batch = [self._lines.popleft()]
        size = len(batch[0])
        while self._lines and size + len(self._lines[0]) <= AT_ONCE:
            batch.append(self._lines.popleft())
            size += len(batch[-1])
        return b"".join(batch)


def _write_all(file: int, text: bytes) -> None:
    """What can't be written, since the reader has gone or the disk is full, is lost: that ends nothing else."""
    rest = memoryview(text)
    with suppress(OSError):
        while rest:
            try:
                rest = rest[os.write(file, rest) :]
            except BlockingIOError:  # another program has made it so
                select.select([], [file], [])
