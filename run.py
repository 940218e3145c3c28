#!/usr/bin/env python3
"""The one command: starts all of Headway, or one part of it, and ends it cleanly.

    python run.py                 everything
    python run.py web             the web server
    python run.py worker          the workers of every queue; with --queue NAME [--name NAME] one worker
    python run.py scheduler       what queues retries and scheduled jobs when their time has come
    python run.py redis           the embedded server

The only place that starts processes. It imports neither eventlet nor redis.
"""

import argparse
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from workers import embedded
from workers.errors import HeadwayError, SettingsError
from workers.settings import Secrets, Settings

ROOT = Path(__file__).resolve().parent
READY_WITHIN = 10.0  # seconds for the embedded server to answer
GRACE = 10.0  # seconds for the parts to end by themselves; a second Ctrl-C cuts it short
EARLY = 3.0  # seconds; what fails sooner after its first start will not mend by being started again
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a part that ended is started again
COLOURS = (36, 33, 32, 35, 34, 31)


@dataclass
class Part:
    """One process, and what it takes to start it again."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    starts: int = 0
    pause: float = FIRST_PAUSE
    due: float = 0.0  # when it may be started again
    unfinished: bytes = b""  # of its log: a line without its end


class Supervisor:
    """Starts parts, prefixes their log lines with their names, starts again what ends, ends all of them."""

    def __init__(self, environment: Mapping[str, str], out: IO[str]) -> None:
        self._environment = dict(environment)
        self._out = out
        self._parts: list[Part] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = 0.0  # when it was asked to stop
        self._impatient = False
        self._exit_code = 0

    def add(self, name: str, command: Sequence[str]) -> None:
        part = Part(name, command)
        self._parts.append(part)
        self._start(part)

    def stop(self, *_: int | FrameType | None) -> None:
        """End all parts; asked a second time, at once."""
        self._impatient = bool(self._stopping)
        self._stopping = self._stopping or time.monotonic()

    def run(self) -> int:
        """Until asked to stop, or until a part can't be started. Returns the exit code."""
        while not self._stopping:
            self._turn()
        # the database last: the others still have something to write
        databases = [part for part in self._parts if part.name == "redis"]
        self._end([part for part in self._parts if part not in databases])
        self._end(databases)
        self._drain()
        return self._exit_code

    def wait_until(self, ready: Any, within: float) -> bool:
        """Whether `ready()` came true in time, with all parts up."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and not self._stopping:
            if ready():
                return True
            self._turn(0.05)
        return False

    def say(self, text: str) -> None:
        self._print("headway", text)

    def give_up(self, why: str, code: int = 1) -> None:
        """End all parts, and then with `code`."""
        self.say(why)
        self._exit_code = code
        self.stop()

    def _start(self, part: Part) -> None:
        part.starts += 1
        part.started_at = time.monotonic()
        try:
            part.process = subprocess.Popen(
                part.command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the supervisor, which then ends them in order
            )
        except OSError as error:
            self.give_up(f"{part.name} can't be started: {error}", 127)
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

    def _bury(self, part: Part) -> None:
        assert part.process is not None
        code = part.process.returncode
        lived = time.monotonic() - part.started_at
        part.process = None
        if self._stopping:
            return
        if part.starts == 1 and lived < EARLY and code > 0:
            self.give_up(f"{part.name} ended with exit code {code} at its start", code)
            return
        part.pause = FIRST_PAUSE if lived > LONGEST_PAUSE else min(part.pause * 2, LONGEST_PAUSE)
        part.due = time.monotonic() + part.pause
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self._print(part.name, f"{how}; it is started again in {part.pause:g} s")

    def _end(self, parts: Sequence[Part]) -> None:
        asked = time.monotonic()
        for part in parts:
            if part.process is not None:
                part.process.terminate()
        while any(part.process is not None for part in parts):
            if self._impatient or time.monotonic() - asked > GRACE:
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
        *lines, part.unfinished = (part.unfinished + chunk).split(b"\n")
        if not chunk and part.unfinished:
            lines, part.unfinished = [*lines, part.unfinished], b""
        for line in lines:
            self._print(part.name, line.decode(errors="replace"))

    def _drain(self) -> None:
        """Print what the parts said last."""
        while self._selector.get_map():
            ready = self._selector.select(0.2)
            if not ready:
                return  # a child of theirs holds the pipe open
            for key, _ in ready:
                self._read(key.data, key.fileobj)

    def _print(self, name: str, text: str) -> None:
        width = max(len(part.name) for part in self._parts) if self._parts else len(name)
        label = f"{name:<{max(width, 7)}} |"
        if self._out.isatty():
            names = [part.name for part in self._parts]
            colour = COLOURS[names.index(name) % len(COLOURS)] if name in names else 1
            label = f"\x1b[{colour}m{label}\x1b[0m"
        print(label, text, file=self._out, flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", default="all", choices=["all", "web", "worker", "scheduler", "redis"])
    parser.add_argument("--queue", help="with worker: one worker for this queue instead of all")
    parser.add_argument("--name", help="with worker --queue: the worker's name")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ, ROOT)
        return start(options, settings)
    except (HeadwayError, OSError) as error:
        print(f"headway: {error}", file=sys.stderr)
        return 1


def start(options: argparse.Namespace, settings: Settings) -> int:
    secrets = Secrets.from_environment(os.environ, settings.home)
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "HEADWAY_HOME": str(settings.home),
        "REDIS_URL": settings.redis_url,
    }
    supervisor = Supervisor(environment, sys.stdout)
    for caught in (signal.SIGINT, signal.SIGTERM):
        signal.signal(caught, supervisor.stop)
    if options.part in ("all", "web"):
        check_port(settings)
    lock = None  # held while the embedded server runs
    if options.part == "redis" or (options.part == "all" and settings.embedded):
        lock = embedded.claim(settings.home)
        supervisor.add("redis", embedded.command(settings))
        if not supervisor.wait_until(lambda: embedded.answers(settings), READY_WITHIN):
            supervisor.give_up("the embedded server does not answer")
            return supervisor.run()
    elif subprocess.call(python("workers.main", "ping"), cwd=ROOT, env=environment) != 0:
        return 1  # the child has said what is wrong
    if options.part in ("all", "web"):
        for number in range(settings.processes):
            supervisor.add("web" if settings.processes == 1 else f"web.{number + 1}", python("realtime.server"))
    if options.part in ("all", "scheduler"):
        supervisor.add("scheduler", python("workers.main", "scheduler"))
    if options.part in ("all", "worker"):
        add_workers(supervisor, options, settings)
    if options.part in ("all", "web"):
        announce(supervisor, settings, secrets)
    try:
        return supervisor.run()
    finally:
        if lock is not None:
            lock.close()


def add_workers(supervisor: Supervisor, options: argparse.Namespace, settings: Settings) -> None:
    if options.queue:
        named = ["--name", options.name] if options.name else []
        supervisor.add(
            options.name or options.queue, python("workers.main", "worker", "--queue", options.queue, *named)
        )
        return
    for queue in settings.queues:
        for number in range(queue.workers):
            supervisor.add(f"{queue.name}.{number + 1}", python("workers.main", "worker", "--queue", queue.name))


def announce(supervisor: Supervisor, settings: Settings, secrets: Secrets) -> None:
    """Print the address once the web server answers; and, to a terminal only, the operator's link."""
    address = (settings.host, settings.port)
    if not supervisor.wait_until(lambda: connects(address), READY_WITHIN):
        return
    url = f"http://{settings.host}:{settings.port}/"
    supervisor.say(f"open {url}")
    if secrets.made_up:
        supervisor.say(f"operators log in at {url}login#token={secrets.operator_token}")


def python(*module: str) -> list[str]:
    return [sys.executable, "-m", *module]


def check_port(settings: Settings) -> None:
    """Raises `SettingsError` where the port can't be had."""
    family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise SettingsError(
                f"{where} can't be had ({error.strerror}); set PORT to a free one, as in PORT=5001"
            ) from error


def connects(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
