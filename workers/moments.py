"""The times that a transition tells. Clocks of machines differ, so they are Redis's where it is told as it happens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workers.store import NOW

JUST: Final = timedelta(seconds=5)

Told = Callable[[datetime | None], Any]


def at(is_late: bool) -> Told:
    """What to tell of a time that RQ has noted: `NOW`; in ms as RQ has it where the transition is told late."""
    return ms if is_late else lambda _: NOW


def made(moment: datetime | None, is_late: bool) -> Any:
    """As `at`, of when a job was made: it may be told of for the first time long after."""
    just_now = moment is not None and abs(datetime.now(UTC) - moment) < JUST
    return at(is_late or not just_now)(moment)


def ms(moment: datetime | None) -> int | None:
    """Unix time."""
    return None if moment is None else round(moment.timestamp() * 1000)
