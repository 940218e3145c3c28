"""What is done for all of an installation beside serving it: the sweeper with its chores, and tidying up."""

import logging
import time
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from workers import audit, batches, durability, installation, jobs, parts, store
from workers.errors import SettingsError
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


class Membership:
    """That of a web process in the installation whose data a Redis holds."""

    def __init__(self, redis: Redis, settings: Settings, secret_key: str, *, new_key: bool = False) -> None:
        self._redis = redis
        self._settings = settings
        self._secret_key = secret_key
        self._new_key = new_key
        self._has_joined = False
        self._refusal = ""  # what was said last of it

    def renew(self) -> None:
        """Join, and from then on write again what Redis has lost; to be tried again where Redis is away.

        Raises `SettingsError` where it is another installation's, or a newer release has been here. Once joined, a
        process goes on for all that, and says so once.
        """
        try:
            installation.join(self._redis, self._secret_key, new_key=self._new_key and not self._has_joined)
            installation.keep_for(self._redis, self._settings.retention, if_unsaid=self._has_joined)
            self._has_joined, self._refusal = True, ""
        except RedisError as error:
            log.warning("it could not be looked at or written whose data this Redis has: %s", error)
        except SettingsError as error:
            if not self._has_joined:
                raise
            if str(error) != self._refusal:
                log.error("%s", error)
            self._refusal = str(error)


def tidy(redis: Redis, join: Callable[[], None]) -> None:
    """Say that memory is short, take back what dead processes left half done, tell what strangers were refused, and say
    that we are here, and `join()`; for ever. Once, say what the server's own settings may cost."""
    was_short = is_warned = False
    while True:
        try:
            is_short = store.is_nearly_full(redis)
            if is_short and not was_short:
                log.warning(
                    "Redis has less than a tenth of its memory left, so new jobs are refused."
                    " Raise HEADWAY_MAXMEMORY, or maxmemory where the server is your own"
                )
            was_short = is_short
            for warning in () if is_warned else durability.warnings(redis):
                log.warning(warning)
            is_warned = True
            batches.take_back_abandoned(redis)
            audit.tell_refusals(redis)
            # last of all: a server that is full takes no word of us
            join()
            parts.say(redis)
        except RedisError as error:
            log.warning("abandoned submits and refusals were not looked for: %s", error)
        time.sleep(TIDY_INTERVAL)
