"""Keeps processes running: starts them, says who speaks, starts again what ends, ends all of them."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from workers.errors import AWAY, WRONG
from workers.lines import Lines
from workers.output import Output
from workers.process import die_with_parent, kernel, outlast_the_group
from workers.terminal import visible
from workers.watchdog import Watchdog

GRACE = 10.0  # seconds for the parts to end by themselves; a second Ctrl-C cuts it short
AGAIN = 2.5  # seconds between two requests to end; a worker takes what comes within 2 s for the same one
HURRY = 2.0  # seconds for a part to end after the second request: a worker puts its job back
KILL_AFTER = 5.0  # seconds for a deaf part to end by itself
EARLY = 3.0  # seconds; what fails sooner after its first start will not mend by being started again
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a part that ended is started again
COLOURS = (36, 33, 32, 35, 34, 31)


@dataclass
class Part:
    """One process, and what it takes to start it again."""

    name: str
    command: Sequence[str]
    keep: Sequence[int]
    environment: Mapping[str, str]
    watchdog: Watchdog | None = None
    outlasts: bool = False  # whether it ends upon SIGINT and not SIGTERM, which all processes of a service may be sent
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    starts: int = 0
    pause: float = FIRST_PAUSE
    due: float = 0.0  # when it may be started again
    kill_at: float = 0.0  # when it is killed, having been asked to end for it is deaf; 0: it is not
    lines: Lines = field(default_factory=Lines)  # of its log

    def is_beyond_help(self, code: int, lived: float) -> bool:
        """Whether starting it again would not mend what ended it at its first start. `lived`: seconds."""
        if code <= 0 or code == AWAY:
            return False
        never_answered = self.watchdog is not None and not self.watchdog.heard
        return code == WRONG or lived < EARLY or never_answered


class Supervisor:
    """Starts parts, prefixes their log lines with their names, starts again what ends, ends all of them."""

    def __init__(self, folder: Path, environment: Mapping[str, str], out: Output, *, grace: float = GRACE) -> None:
        self._folder = folder
        self._grace = grace  # seconds
        self._environment = dict(environment)
        self._out = out
        self._parts: list[Part] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = 0.0  # when it was asked to stop
        self._impatient = False
        self._exit_code = 0
        kernel()  # for `die_with_parent` below

    def add(
        self,
        name: str,
        command: Sequence[str],
        keep: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        watchdog: Watchdog | None = None,
        outlasts: bool = False,
    ) -> None:
        """Start a part. `keep`: file descriptors that it inherits; `environment`: in place of the common one. One that
        its watchdog finds deaf starts again. One that `outlasts` the others ends last, and upon SIGINT alone."""
        given = self._environment if environment is None else environment
        part = Part(name, command, keep, given, watchdog, outlasts)
        self._parts.append(part)
        self._start(part)

    def stop(self, *_: int | FrameType | None) -> None:
        """End all parts; asked a second time, without the grace."""
        self._impatient = bool(self._stopping)
        self._stopping = self._stopping or time.monotonic()

    def run(self) -> int:
        """Until asked to stop, or until a part can't be started. Returns the exit code."""
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._stopping = self._stopping or time.monotonic()
            # the database last: the others still have something to write
            self._end([part for part in self._parts if not part.outlasts])
            self._end([part for part in self._parts if part.outlasts])
            self._drain()
            for part in self._parts:
                if part.watchdog is not None:
                    part.watchdog.close()
        return self._exit_code

    @property
    def is_stopping(self) -> bool:
        return bool(self._stopping)

    def wait_until(self, ready: Any, within: float) -> bool:
        """Whether `ready()` came true in time, and before the end was asked for. Parts are minded meanwhile."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and not self._stopping:
            if ready():
                return True
            self._turn(0.05)
        return False

    def say(self, text: str) -> None:
        self._print("headway", text)

    def give_up(self, why: str, code: int = 1) -> None:
        """End all parts, and then with `code`; nothing where a person has asked for the end already."""
        if not self._stopping:
            self.say(why)
            self._exit_code = code
            self.stop()

    @property
    def has_failed(self) -> bool:
        """Whether all parts end because one could not go on."""
        return bool(self._exit_code)

    def _start(self, part: Part) -> None:
        part.starts += 1
        part.kill_at = 0.0
        if part.watchdog is not None:
            part.watchdog.restart()
        part.started_at = time.monotonic()
        try:
            part.process = subprocess.Popen(
                part.command,
                cwd=self._folder,
                env=part.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the supervisor, which then ends them in order
                preexec_fn=lambda: _begin(part),
                pass_fds=part.keep,
            )
        except OSError as error:
            if part.starts == 1:
                self.give_up(f"{part.name} can't be started: {error}", 127)
            else:
                part.due = time.monotonic() + LONGEST_PAUSE  # it could be once: the machine lacks memory, or files
                self._print(part.name, f"can't be started: {error}; the next try is in {LONGEST_PAUSE:g} s")
            return
        assert part.process.stdout is not None
        os.set_blocking(part.process.stdout.fileno(), False)
        self._selector.register(part.process.stdout, selectors.EVENT_READ, part)

    def _turn(self, wait: float = 0.2) -> None:
        for key, _ in self._selector.select(wait):
            self._read(key.data, key.fileobj)
        for part in self._parts:
            if part.process is None:
                if not self._stopping and time.monotonic() >= part.due:
                    self._start(part)
            elif part.process.poll() is not None:
                self._bury(part)
            elif part.watchdog is not None and not self._stopping:
                self._mind(part, part.watchdog)

    def _mind(self, part: Part, watchdog: Watchdog) -> None:
        """End a part that takes no connections or does not answer; then it is started again like any that ended."""
        assert part.process is not None
        if part.kill_at:
            if time.monotonic() >= part.kill_at:
                part.process.kill()
        elif watchdog.is_deaf():
            self._print(part.name, "does not answer any more; restarting it")
            part.process.terminate()
            part.kill_at = time.monotonic() + KILL_AFTER

    def _bury(self, part: Part) -> None:
        assert part.process is not None
        code = part.process.returncode
        lived = time.monotonic() - part.started_at
        part.process = None
        if self._stopping:
            return
        if part.starts == 1 and part.is_beyond_help(code, lived):
            self.give_up(f"{part.name} ended with exit code {code} at its start", code)
            return
        part.pause = FIRST_PAUSE if lived > LONGEST_PAUSE else min(part.pause * 2, LONGEST_PAUSE)
        part.due = time.monotonic() + part.pause
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self._print(part.name, f"{how}; it is started again in {part.pause:g} s")

    def _end(self, parts: Sequence[Part]) -> None:
        asked = time.monotonic()
        over, is_last = asked + self._grace, False
        _ask(parts)
        while any(part.process is not None for part in parts):
            now = time.monotonic()
            if self._impatient and not is_last and now >= asked + AGAIN:
                over, is_last = min(over, now + HURRY), True
                _ask(parts)
            if now > over:
                for part in parts:
                    if part.process is not None:
                        # its horses ask the kernel to go with it
                        part.process.kill()
            self._turn(0.05)

    def _read(self, part: Part, stream: Any) -> None:
        try:
            chunk = os.read(stream.fileno(), 65536)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(stream)
            stream.close()
        for line in part.lines.feed(chunk, time.monotonic()) if chunk else part.lines.end():
            self._print(part.name, line)

    def _drain(self) -> None:
        """Print what the parts said last, and close what they said it through."""
        while ready := self._selector.select(0.2) if self._selector.get_map() else []:
            for key, _ in ready:
                self._read(key.data, key.fileobj)
        # a child of theirs may hold a pipe open for as long as it likes
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _print(self, name: str, text: str) -> None:
        width = max(len(part.name) for part in self._parts) if self._parts else len(name)
        label = f"{visible(name):<{max(width, 7)}} |"
        if self._out.is_terminal:
            names = [part.name for part in self._parts]
            colour = COLOURS[names.index(name) % len(COLOURS)] if name in names else 1
            label = f"\x1b[{colour}m{label}\x1b[0m"
        self._out.say(f"{label} {visible(text)}")


def _ends_upon(part: Part) -> signal.Signals:
    return signal.SIGINT if part.outlasts else signal.SIGTERM


def _ask(parts: Sequence[Part]) -> None:
    for part in parts:
        if part.process is not None:
            part.process.send_signal(_ends_upon(part))


def _begin(part: Part) -> None:
    """Called in the process of the part before its program."""
    die_with_parent(_ends_upon(part))  # should the supervisor be killed, its parts end too
    if part.outlasts:
        outlast_the_group()
