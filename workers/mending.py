"""Mends what our states and RQ's records disagree on, once the same has been seen twice: once may be under way."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from redis import Redis

from workers import comparison, records, store
from workers.lifecycle import fetch_job

AGAIN: Final = 1.0  # seconds after which what differs is looked at again
TURN: Final = 0.2  # seconds of mending, after which others have their turn
PART: Final = 50  # jobs looked at again in one go

log = logging.getLogger("headway.sweeper")


class Mender:
    def __init__(self, redis: Redis, *, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._clock = clock
        self._suspects: list[tuple[str, str]] = []  # (job, how it differs from RQ), to be looked at again
        self._since = 0.0
        self._told: dict[str, str] = {}  # job → how it differed when it was mended, for as long as that has not helped

    def suspect(self, different: Mapping[str, str]) -> None:
        """Take note of all jobs that differ now."""
        self._told = {id: difference for id, difference in self._told.items() if different.get(id) == difference}
        self._suspects, self._since = list(different.items()), self._clock()

    @property
    def has_suspects(self) -> bool:
        return bool(self._suspects)

    def look_again(self) -> None:
        """Mend those that differ as they did `AGAIN` seconds ago; as many as there is time for. Raises RedisError."""
        began = self._clock()
        if began - self._since < AGAIN:
            return
        while self._suspects and self._clock() - began < TURN:
            part = dict(self._suspects[:PART])
            del self._suspects[:PART]
            for id, ours, rqs in comparison.differences_of(self._redis, list(part)):
                if part[id] == f"{ours} {rqs}":
                    self._mend(id, ours, rqs)

    def _mend(self, id: str, ours: str, rqs: str) -> None:
        difference = f"{ours} {rqs}"
        is_news, self._told[id] = self._told.get(id) != difference, difference
        job = fetch_job(id, self._redis)
        if is_news:
            found = f"is {rqs} in RQ" if job else "RQ has no such job or can't read it"
            log.warning("%s: mended, it was %s here and %s", id, ours or "unknown", found)
        try:
            if job is None:
                store.bury(self._redis, id)
            else:
                job.publish_again()
        except Exception as error:  # whatever stands in one job: the others are mended
            if records.is_away(error):
                raise
            if is_news:
                log.exception("%s: not mended", id)
