"""Whose turn it is: several processes run tests side by side, and a test may need the machine for itself meanwhile."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# any two files that all processes see: nothing is written, they are only locked
GATE, ROOM = Path(__file__), Path(__file__).with_name("conftest.py")


@contextmanager
def turn(alone: bool) -> Iterator[None]:
    """Wait until a test may run, and run it. While one waits to be alone, no other begins."""
    with GATE.open() as gate, ROOM.open() as room:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
        fcntl.flock(room, fcntl.LOCK_UN)  # said, since a process that the test has forked may hold the file open
