"""For how long ended jobs are kept: one figure for an installation, in Redis, since all its processes must agree.

RQ's result_ttl and failure_ttl are the same where web processes submit.
"""

import re
from typing import Final

KEY: Final = "headway:retention"  # seconds; web processes write it when they start
DEFAULT: Final = 7 * 24 * 3600  # seconds
LEAST, MOST = 3600, 90 * 24 * 3600  # seconds
UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 24 * 3600}  # seconds
EXPECTED: Final = "a time from 1h to 90d, such as 7d, 36h or 5400 (seconds)"

# in a Lua script: seconds; the call's second value would be taken for the base of the number
LUA: Final = f"(tonumber((redis.pcall('GET', '{KEY}'))) or {DEFAULT})"


def parse(text: str) -> int | None:
    """Seconds; None where `text` is no time that is allowed."""
    match = re.fullmatch(r"([0-9]{1,8})\s*([smhd]?)", text.strip().lower())
    seconds = int(match[1]) * UNITS[match[2]] if match else 0
    return seconds if LEAST <= seconds <= MOST else None
