"""The page's own modules under node, as tabs of one browser."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.view import View
from tests.frontend.node import find_node


class Pages:
    """`count` hubs with one claim, in a node process of their own."""

    def __init__(self, url: str, cookie: str, owner: str, count: int) -> None:
        self.owner = owner
        self._process = subprocess.Popen(
            [find_node(), str(Path(__file__).with_suffix(".mjs"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask(open={"url": url, "cookie": cookie, "count": count})

    def look(self) -> list[View]:
        return [
            View(tab["live"], tab["versions"], f"hub {number}") for number, tab in enumerate(self._ask()["tabs"], 1)
        ]

    def told(self) -> Counter[tuple[str, int]]:
        return ends_of(self._ask()["ends"])

    def lies(self) -> list[str]:
        return list(self._ask()["lies"])

    def close(self) -> None:
        self._ask(close=True)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def _ask(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def ends_of(counts: dict[str, int]) -> Counter[tuple[str, int]]:
    """{"<id> <attempt>": times} as a Counter of (id, attempt)."""
    return Counter({(key.split()[0], int(key.split()[1])): count for key, count in counts.items()})
