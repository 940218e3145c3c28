"""The times in a transition. Clocks of machines differ, so a transition that RQ writes now gets Redis's time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from redis import Redis

from workers import store
from workers.store import NOW

JUST: Final = timedelta(seconds=5)
APART: Final = timedelta(seconds=2)  # between two clocks, from which on they are not the same

Told = Callable[[datetime | None], Any]


def at(is_late: bool) -> Told:
    """How to give a time that RQ has noted: `NOW`; RQ's own in ms where the transition is long over."""
    return ms if is_late else lambda _: NOW


def made(moment: datetime | None, is_late: bool) -> Any:
    """As `at`, for the time when a job was made: its first transition may come long after."""
    just_now = moment is not None and abs(datetime.now(UTC) - moment) < JUST
    return at(is_late or not just_now)(moment)


def by_redis(moment: datetime, connection: Redis) -> datetime:
    """`moment` of our clock as that of Redis has it. Raises RedisError."""
    ahead = datetime.now(UTC) - datetime.fromtimestamp(store.now(connection) / 1_000_000, UTC)
    return moment if abs(ahead) < APART else moment - ahead


def ms(moment: datetime | None) -> int | None:
    """Unix time."""
    return None if moment is None else round(moment.timestamp() * 1000)
