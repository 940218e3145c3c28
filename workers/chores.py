"""The sweeper of an installation, with all that its settings say and all chores that must have one hand."""

from collections.abc import Callable

from redis import Redis

from workers import jobs
from workers.leftovers import Leftovers
from workers.notices import Notices
from workers.settings import Settings
from workers.sweeper import Sweeper
from workers.tasks import Tasks


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
