"""What is done for all of an installation beside serving it: the sweeper with its chores, and tidying up."""

import logging
import time
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from workers import audit, batches, durability, installation, jobs, parts, store
from workers.leftovers import Leftovers
from workers.notices import Notices
from workers.settings import Settings
from workers.sweeper import Sweeper
from workers.tasks import Tasks

TIDY_INTERVAL = 30  # seconds
RETRY = 1.0  # seconds

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


def arrive(redis: Redis, settings: Settings, secret_key: str, *, new_key: bool = False) -> bool:
    """Join the installation. False where Redis is away: to be tried again.

    Raises `SettingsError` where it is another installation's, or a newer release has been here.
    """
    try:
        installation.join(redis, secret_key, new_key=new_key)
        installation.keep_for(redis, settings.retention)
        return True
    except RedisError as error:
        log.warning("it is not known yet whose data this Redis has: %s", error)
        return False


def tidy(redis: Redis, join: Callable[[], bool]) -> None:
    """Say that we are here and that memory is short, take back what dead processes left half done, tell what strangers
    were refused; for ever. First of all `join()`, until it is True, and say what the server's own settings may cost."""
    was_short = was_warned = False
    while not join():
        time.sleep(RETRY)
    while True:
        try:
            parts.say(redis)
            for warning in () if was_warned else durability.warnings(redis):
                log.warning(warning)
            was_warned = True
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
