"""A ceiling on the memory that one job may take: its process gets no more, and the job fails with a sentence.

What counts is address space (RLIMIT_AS). Only Linux says how much there is by now (proc(5)); elsewhere there is no
ceiling.
"""

import ctypes
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.errors import TooMuchMemory

MIB = 1024 * 1024  # bytes
# libxml2 drops what it gets no memory for and says nothing: half a page would pass for a whole one. So a job that came
# closer than this to its ceiling has met it; for a page of 20 MiB the parsers ask for no more than this at a time
MARGIN = 128 * MIB
M_ARENA_MAX = -8  # mallopt(3)
STATUS = Path("/proc/self/status")


def under(limit: int, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What `function` returns, with at most `limit` bytes more than this process has now; 0 is no limit.

    For a process that was forked for this: what it had before counts too. Raises `TooMuchMemory` where the limit was
    met, or may have been.
    """
    if not limit or sys.platform != "linux":
        return function(*args, **kwargs)
    before = resource.getrlimit(resource.RLIMIT_AS)
    _share_one_arena()
    ceiling = min([_address_space("VmSize") + limit, *(given for given in before if given != resource.RLIM_INFINITY)])
    # made now: later there may be no memory for it
    too_much = TooMuchMemory(f"This job needed more memory than HEADWAY_JOB_MEMORY allows ({limit // MIB} MiB)")
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, before[1]))
    try:
        result = function(*args, **kwargs)
    except MemoryError:
        raise too_much from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    if _address_space("VmPeak") > ceiling - MARGIN:
        raise too_much
    return result


def _share_one_arena() -> None:
    """Have glibc's threads share one heap: each would set 64 MiB of addresses aside for its own."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def _address_space(line: str) -> int:
    """Bytes: `VmSize`, what this process has now, or `VmPeak`, the most that it has had."""
    lines = dict(one.split(":", 1) for one in STATUS.read_text().splitlines())
    return int(lines[line].split()[0]) * 1024
