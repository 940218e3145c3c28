"""What a client shows at one moment, and how it must not move."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class View:
    live: bool  # whether it says that what it shows is true
    versions: dict[str, int]  # of each job's state
    name: str


class Browser(Protocol):
    """Tabs that share one owner's cookie, and one record of which ends were told."""

    owner: str

    def look(self) -> Sequence[View]:
        """What each of its tabs shows."""

    def told(self) -> Counter[tuple[str, int]]:
        """How often each end, an (id, attempt), was told."""

    def lies(self) -> Sequence[str]:
        """What moved as nothing true can."""

    def close(self) -> None: ...


def lie(held: dict[str, Any] | None, state: dict[str, Any]) -> str | None:
    """Why `state` can't follow `held`: an attempt that went back, or a bar."""
    if held is None:
        return None
    if state["attempt"] < held["attempt"]:
        return f"{state['id']}: attempt {state['attempt']} after {held['attempt']}"
    same = (held["attempt"], held["unit"]) == (state["attempt"], state["unit"])
    if same and (held["completed"] or 0) > (state["completed"] or 0):
        return f"{state['id']}: {state['completed']} after {held['completed']}"
    return None
