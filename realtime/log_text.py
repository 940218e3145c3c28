"""A job's log as a file of text."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from workers.wire import JobState

NOT_SHOWN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")  # what might move a terminal's cursor

LATEST = 253402300799  # the last second of the year 9999


def render(lines: Sequence[bytes]) -> str:
    """One entry each: 2026-11-21T10:31:02.123Z info  text.

    What follows the first line of a text is indented: nothing that was logged can look like an entry of its own.
    """
    return "".join(_entry(json.loads(line)) for line in lines)


def _entry(line: dict[str, Any]) -> str:
    at = (
        datetime.fromtimestamp(min(max(line["at"] / 1000, 0), LATEST), UTC)
        .isoformat(timespec="milliseconds")
        .removesuffix("+00:00")
    )
    parts = [NOT_SHOWN.sub("\ufffd", part) for part in line["text"].splitlines()] or [""]
    return f"{at}Z {line['level']:<5} " + "\n    ".join(parts) + "\n"


def filename(state: JobState) -> str:
    """<task>-<the first eight characters of the id>.log"""
    return f"{re.sub('[^A-Za-z0-9_.-]', '_', state.task) or 'job'}-{state.id[:8]}.log"
