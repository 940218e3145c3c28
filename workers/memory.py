"""How much memory the embedded server may take: a share of what there is, since it forgets nothing to make room."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SHARE: Final = 1 / 4
LEAST: Final = 64 * 1024 * 1024  # bytes
UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
# what a container may take: of cgroup v2, and of v1
LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def share(limits: Sequence[Path] = LIMITS) -> int:
    """A quarter of this machine's memory, or of what this container may take of it; 64 MB at the least. In bytes."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in limits:
        try:
            there = min(there, int(path.read_text()))
        except (OSError, ValueError):
            continue  # there is no such limit, or it says "max"
    return max(LEAST, int(there * SHARE))


def parse(text: str) -> int | None:
    """Bytes of a size such as "512mb", "2gb" or "1073741824"; None where it is none, or under 64 MB."""
    match = re.fullmatch(r"([0-9]{1,15})(?:([kmg])b?)?", text.strip().lower())
    if not match:
        return None
    size = int(match[1]) * UNITS[match[2] or ""]
    return size if size >= LEAST else None
