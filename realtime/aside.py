"""Reads large bodies in a process of its own: JSON's parser lets no other thread run, and the hub has viewers to serve.

`python -m realtime.aside` is that process. It takes one body at a time from the socket that is its standard input, and
ends with it. It knows no secret of ours and no Redis, and its memory is limited.
"""

import gc
import json
import logging
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from realtime.access import Refusal
from realtime.errors import Refused
from realtime.intake import HUB_LIMIT, Intake, Notify, Order, read
from workers import jobs
from workers.arguments import Arguments
from workers.errors import BadArguments, HeadwayError, WireError
from workers.process import die_with_parent
from workers.tasks import Tasks
from workers.wire import encode

WAITING_LIMIT = 64  # bodies that wait for their turn
IDLE = 600.0  # seconds without a body after which it ends
PATIENCE = 30.0  # seconds for one body; the largest one takes one or two of an idle core
MEMORY = 1024 * 1024 * 1024  # bytes
NICE = 2  # behind the web process, should both have one core
TURN = 500  # jobs unpacked in one turn
SIZE = struct.Struct(">I")
HEAD = struct.Struct(">II")  # of an order and a body
SIZES = struct.Struct(">IIII")  # of a job's data as it is kept, words and text; and of its data unpacked
SECRET = ("HEADWAY_", "SECRET_KEY", "REDIS_URL")  # how variables begin that it does not need
ROOT = Path(__file__).parent.parent

log = logging.getLogger("headway.aside")

Read = Callable[[Order, bytes], Intake]


class Aside:
    """The process, as the web process sees it. One that ends, or takes too long, is followed by another."""

    def __init__(self, tasks: Tasks, *, patience: float = PATIENCE) -> None:
        self._tasks = tasks
        self._patience = patience
        self._turn = threading.Lock()
        self._waiting = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._wire: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def _start(self) -> socket.socket:
        """The way to the process, which is there from the first large body until there has been none for long."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._wire is None:
            self._wire, other = socket.socketpair()
            self._wire.settimeout(self._patience)
            environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
            with other:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "realtime.aside"], stdin=other.fileno(), cwd=ROOT, env=environment
                )
        return self._wire

    def stop(self) -> None:
        if self._process is not None and self._wire is not None:
            self._wire.close()
            self._process.kill()
            self._process.wait()
        self._process = self._wire = None

    def read(self, order: Order, body: bytes) -> Intake:
        """As `intake.read`. Raises what it raises, and `Refused` where the process can't."""
        if len(body) <= HUB_LIMIT:
            return read(order, body, self._tasks)
        if self._waiting >= WAITING_LIMIT:
            raise _busy("Too many large bodies are being read; try again in a moment")
        self._waiting += 1
        try:
            with self._turn:
                return self._ask(order, body)
        finally:
            self._waiting -= 1

    def _ask(self, order: Order, body: bytes, *, once_more: bool = True) -> Intake:
        head = encode(asdict(order)).encode()
        try:
            wire = self._start()
            wire.sendall(HEAD.pack(len(head), len(body)) + head)
            wire.sendall(body)
            with wire.makefile("rb") as stream:
                return unpack(stream)
        except (OSError, EOFError) as error:
            self.stop()
            if once_more and not isinstance(error, TimeoutError):
                return self._ask(order, body, once_more=False)  # it may have ended while it had nothing to do
            log.error("a body of %d bytes could not be read aside: %s", len(body), str(error) or "the process ended")
            raise _busy("This body could not be read; try again with a smaller one") from error
        except BaseException as error:
            if not isinstance(error, HeadwayError):
                self.stop()  # it may be in the midst of an answer
            raise


def _busy(message: str) -> Refused:
    return Refused(Refusal("unavailable", message), retry_after=2)


def pack(intake: Intake) -> bytes:
    """An intake as bytes that need not be parsed. What only a single submit needs is left out of many."""
    many = len(intake.arguments) > 1
    notify = intake.notify and intake.notify.model_dump()
    head = {"task": intake.task, "queue": intake.queue, "notify": notify, "count": len(intake.arguments)}
    parts = [_sized(encode(head).encode())]
    for one in intake.arguments:
        words, text = one.words.encode(errors="surrogatepass"), b"" if many else one.text.encode()
        parts += [SIZES.pack(len(one.data), len(words), len(text), one.length), one.data, words, text]
    return b"".join(parts)


def unpack(stream: BinaryIO) -> Intake:
    """What `pack`, or an error, has made of it. Raises that error, and EOFError."""
    head = json.loads(_take(stream, SIZE.unpack(_take(stream, SIZE.size))[0]))
    if "code" in head:
        raise BadArguments(head["message"], head["fields"], head["code"])
    if "message" in head:
        raise WireError(head["message"])
    arguments = []
    for number in range(head["count"]):
        *sizes, length = SIZES.unpack(_take(stream, SIZES.size))
        data, words, text = (_take(stream, size) for size in sizes)
        arguments.append(Arguments(data, length, words.decode(errors="surrogatepass"), text.decode()))
        if number % TURN == 0:
            time.sleep(0)
    notify = Notify(**head["notify"]) if head["notify"] else None
    return Intake(head["task"], arguments, head["queue"], notify)


def _take(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _sized(data: bytes) -> bytes:
    return SIZE.pack(len(data)) + data


def answer(order: Order, body: bytes, tasks: Tasks) -> bytes:
    """The reply: an intake, or what is wrong with the body."""
    wrong: dict[str, Any]
    try:
        return pack(read(order, body, tasks))
    except BadArguments as error:
        wrong = {"message": str(error), "fields": error.fields, "code": error.code}
    except HeadwayError as error:
        wrong = {"message": str(error)}
    return _sized(encode(wrong).encode())


def serve(wire: socket.socket, tasks: Tasks) -> None:
    """Answer one body after the other, until there is nobody to answer."""
    wire.settimeout(IDLE)
    with wire.makefile("rb") as stream:
        while len(sizes := stream.read(HEAD.size)) == HEAD.size:
            head, body = HEAD.unpack(sizes)
            order = Order(**json.loads(_take(stream, head)))
            wire.sendall(answer(order, _take(stream, body), tasks))
            gc.collect()


def main() -> None:
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the web process, and this one ends with it
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    tasks = Tasks.collect(jobs)
    gc.disable()  # millions of values that are made and dropped together: looking for cycles took half of the time
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as wire, suppress(OSError, EOFError):  # nobody asks any more
        serve(wire, tasks)


if __name__ == "__main__":
    main()
