"""News of ends in words: what a push says. Pure."""

import math
from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from workers.wire import ENDED, JobState, Status, encode

PAYLOAD_LIMIT = 3000  # bytes; a push service takes 4,096 of them encrypted
TITLE_LIMIT = 100  # characters
BODY_LIMIT = 200  # characters
LISTED = 50  # ends that a summary names
HOUR = 3600  # seconds
DAY = 24 * HOUR
ORDER = (Status.FINISHED, Status.FAILED, Status.STOPPED, Status.CANCELED)


def run_time(state: JobState) -> float:
    """Seconds; 0 for a job that never began."""
    if state.started_at is None or state.ended_at is None:
        return 0.0
    return max(0, state.ended_at - state.started_at) / 1000


def duration(seconds: float) -> str:
    """5 ms, 0.4 s, 12 s, 3 min, 2 h 5 min, 3 d 4 h: as `duration` of frontend/js/format.js, held to it by a test."""
    if seconds < 0.1:
        return f"{math.floor(seconds * 1000 + 0.5)} ms"
    if seconds < 10:
        rounded = Decimal(repr(seconds)).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{rounded:f}".removesuffix(".0") + " s"
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < HOUR:
        return _parts(whole // 60, "min", whole % 60, "s")
    if whole < 2 * DAY:
        return _parts(whole // HOUR, "h", whole % HOUR // 60, "min")
    return _parts(whole // DAY, "d", whole % DAY // HOUR, "h")


def _parts(large: int, unit: str, small: int, rest: str) -> str:
    return f"{large} {unit} {small} {rest}" if small else f"{large} {unit}"


def title(state: JobState) -> str:
    """count_words finished"""
    return cut(f"{state.task or 'a job'} {state.status}", TITLE_LIMIT)


def body(state: JobState) -> str:
    """in 12 s; ValueError: …; after 3 s; '' of what never began."""
    if state.status == Status.FAILED:
        return cut(error_line(state), BODY_LIMIT)
    if state.started_at is None:
        return ""
    return f"{'in' if state.status == Status.FINISHED else 'after'} {duration(run_time(state))}"


def error_line(state: JobState) -> str:
    """The error's type and the last line of what it says; '' where there is none."""
    if state.error is None:
        return ""
    lines = state.error["message"].strip().splitlines() or [""]
    return f"{state.error['type']}: {lines[-1]}".removesuffix(": ")


def payload(states: Sequence[JobState]) -> bytes:
    """What a browser is pushed, as JSON: {title, body, id, ended: [[id, attempt]], status}.

    `id` and `status` are of one end; of several they are null. `ended` is cut to 50, and to what has room.
    """
    ended = [[state.id, state.attempt] for state in states[:LISTED]]
    said: dict[str, object]
    if len(states) == 1:
        [state] = states
        said = {"title": title(state), "body": body(state), "id": state.id, "ended": ended, "status": state.status}
    else:
        counts = Counter(state.status for state in states if state.status in ENDED)
        words = ", ".join(f"{counts[status]} {status}" for status in ORDER if counts[status])
        said = {"title": f"{len(states)} jobs ended", "body": words, "id": None, "ended": ended, "status": None}
    while len(text := encode(said).encode()) > PAYLOAD_LIMIT and ended:
        ended.pop()
    return text


def cut(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
