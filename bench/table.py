"""The table: medians of what rounds have found, side by side, and how many times better Headway's are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.publisher import FLASK_SOCKETIO, HEADWAY, POLLING

KINDS = (HEADWAY, FLASK_SOCKETIO, POLLING)
TITLES = ("Headway", "Flask-SocketIO", "polling", "× Flask-SocketIO", "× polling")
NAMES, COLUMN = 55, 15  # characters

Found = Mapping[str, Mapping[str, Sequence[float]]]  # kind → figure → its value in each round


@dataclass(frozen=True)
class Row:
    figure: str
    label: str
    more_is_better: bool = False


ROWS = (
    Row("latency p50", "W1  publish → client, 50 clients, 100/s: p50, ms"),
    Row("latency p99", "W1  … p99, ms"),
    Row("latency p99 beside a bulk submit", "W1  … p99 while 10,000 jobs are submitted, ms"),
    Row("age p50", "W2  age of a view, 1,000 clients, 100/s: p50, ms"),
    Row("age p99", "W2  … p99, ms"),
    Row("fan-out CPU", "W2  … the server's core, %"),
    Row("dashboard p50", "W3  1,000 jobs, 2,000/s, 20 dashboards: p50, ms"),
    Row("dashboard p99", "W3  … p99, ms"),
    Row("dashboard CPU", "W3  … the server's core, %"),
    Row("idle KB", "W4  1,000 idle connections: KB of each"),
    Row("connects", "W4  … connects a second", True),
    Row("deliveries", "every update sent, 200 clients, ≤ 250 ms: deliveries/s", True),
)


def lines(found: Found) -> list[str]:
    header = f"{'':{NAMES}}" + "".join(f"{title:>{len(title) + 2 if '×' in title else COLUMN}}" for title in TITLES)
    return [header, *(_line(row, found) for row in ROWS)]


def _line(row: Row, found: Found) -> str:
    values = [median(rounds) if (rounds := found[kind].get(row.figure)) else None for kind in KINDS]
    ours, *theirs = values
    cells = "".join(f"{number(value):>{COLUMN}}" for value in values)
    for title, value in zip(TITLES[3:], theirs, strict=True):
        ratio = None if not ours or not value else ours / value if row.more_is_better else value / ours
        cells += f"{number(ratio):>{len(title) + 2}}"
    return f"{row.label:{NAMES}}{cells}"


def number(value: float | None) -> str:
    """With as many digits as are worth reading."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
