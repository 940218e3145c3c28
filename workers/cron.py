"""RQ's cron, ours: it outlives Redis, and stops when it is asked to, even while Redis is away."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq.cron import CronScheduler


class Cron(CronScheduler):
    """`connection` is one that endures."""

    def __init__(self, connection: Redis) -> None:
        super().__init__(connection)

    def register_death(self, *args: Any, **kwargs: Any) -> None:
        """RQ calls this at the end, for which nobody waits until Redis is back: what is said of us there runs out."""
        self.connection.set_retry(Retry(NoBackoff(), 0))
        try:
            super().register_death(*args, **kwargs)
        except RedisError as error:
            self.log.warning("cron could not sign off: %s", error)
