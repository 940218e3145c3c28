"""What one process asks of the kernel."""

import ctypes
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)


def die_with_parent(sent: signal.Signals) -> None:
    """Have the kernel send `sent` to this process when its parent ends (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(sent))


def how_it_ended(wait_status: Any) -> str:
    """What to say of a process that ended so: "was killed by SIGKILL (signal 9)". `wait_status` as os.wait4 has it."""
    if not isinstance(wait_status, int):
        return "went away"
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        return f"was killed by {signal.Signals(number).name} (signal {number})"
    return f"ended with exit code {os.waitstatus_to_exitcode(wait_status)} in the middle of it"
