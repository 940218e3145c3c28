"""What one process asks of the kernel."""

import ctypes
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)
ASKED_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def asked_to_end() -> list[signal.Signals]:
    """The signals that ask this process to end: not a SIGHUP that it was started to ignore, as nohup has it."""
    return [number for number in ASKED_TO_END if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


@functools.cache
def kernel() -> Any:
    """The C library. To be called once before a fork that wants it: loading it there could wait for another thread."""
    return ctypes.CDLL(None, use_errno=True)


def open_standard_streams() -> None:
    """Where standard input, output or error are closed, lead them nowhere: what is opened next would take their place,
    and a child would have it as its own stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one


def die_with_parent(sent: signal.Signals) -> None:
    """Have the kernel send `sent` to this process when its parent ends (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        kernel().prctl(PR_SET_PDEATHSIG, int(sent))


def outlast_the_group() -> None:
    """Have this process and what it becomes be sent SIGTERM in vain (Linux; elsewhere nothing happens).

    systemd's default sends it to all processes of a service at once, and a database that ends before its clients have
    written their last would cost them their jobs. Such a process ends upon SIGINT.
    """
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def outlast_requests_to_end() -> None:
    """Go on upon SIGTERM, SIGINT and SIGHUP: it is this process's parent that ends it, by SIGKILL.

    Handlers that do nothing, since what is ignored would stay so in programs that this process starts. Its forks end
    upon them, as `multiprocessing` expects.
    """
    for number in ASKED_TO_END:
        signal.signal(number, _go_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED_TO_END)
    os.register_at_fork(before=_hold, after_in_parent=_let_through, after_in_child=_end_as_usual)


@contextmanager
def unasked() -> Iterator[None]:
    """Requests to end wait meanwhile: a process that is forked here has the handlers of its parent at first."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_END)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def told_of_interrupts() -> Iterator[Callable[[], bool]]:
    """Says, within, whether this process has been sent SIGINT: anybody may raise KeyboardInterrupt."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False  # no signal raises anything here
        return
    sent = []

    def note(number: int, frame: Any) -> None:
        sent.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(sent)
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, before)


def _go_on(*_: Any) -> None:
    pass


def _hold() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_END)


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED_TO_END)


def _end_as_usual() -> None:
    for number in ASKED_TO_END:
        if signal.getsignal(number) is _go_on:
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    _let_through()


def how_it_ended(wait_status: Any) -> str:
    """What to say of a process that ended so: "was killed by SIGKILL (signal 9)". `wait_status` as os.wait4 has it."""
    if not isinstance(wait_status, int):
        return "went away"
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        try:
            return f"was killed by {signal.Signals(number).name} (signal {number})"
        except ValueError:  # one without a name, such as most for real time
            return f"was killed by signal {number}"
    return f"ended with exit code {os.waitstatus_to_exitcode(wait_status)} in the middle of it"
