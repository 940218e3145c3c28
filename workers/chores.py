"""What is done for all of an installation beside serving it: the sweeper with its chores, and tidying up."""

import logging
import time
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from workers import audit, batches, jobs, store
from workers.leftovers import Leftovers
from workers.notices import Notices
from workers.settings import Settings
from workers.sweeper import Sweeper
from workers.tasks import Tasks

TIDY_INTERVAL = 30  # seconds

log = logging.getLogger("headway.chores")


def sweeper(settings: Settings, redis: Redis, on_lost: Callable[[], None]) -> Sweeper:
    """`on_lost` is called for each worker that falls silent."""
    return Sweeper(
        redis,
        settings.queue_names,
        naming=settings.naming,
        tasks=Tasks.collect(jobs),
        verdict=settings.verdict,
        on_lost=on_lost,
        chores=[Notices(redis).look, Leftovers(redis).look],
    )


def tidy(redis: Redis) -> None:
    """Say that memory is short, take back what dead processes left half done, tell what strangers were refused; for
    ever."""
    was_short = False
    while True:
        try:
            is_short = store.is_nearly_full(redis)
            if is_short and not was_short:
                log.warning(
                    "Redis has less than a tenth of its memory left, so new jobs are refused."
                    " Raise HEADWAY_MAXMEMORY, or maxmemory where the server is your own"
                )
            was_short = is_short
            batches.take_back_abandoned(redis)
            audit.tell_refusals(redis)
        except RedisError as error:
            log.warning("abandoned submits and refusals were not looked for: %s", error)
        time.sleep(TIDY_INTERVAL)
