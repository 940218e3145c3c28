"""What one process asks of the kernel."""

import ctypes
import functools
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)


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


def how_it_ended(wait_status: Any) -> str:
    """What to say of a process that ended so: "was killed by SIGKILL (signal 9)". `wait_status` as os.wait4 has it."""
    if not isinstance(wait_status, int):
        return "went away"
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        return f"was killed by {signal.Signals(number).name} (signal {number})"
    return f"ended with exit code {os.waitstatus_to_exitcode(wait_status)} in the middle of it"
