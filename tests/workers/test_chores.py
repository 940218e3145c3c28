"""The sweeper that an installation's settings make."""

from dataclasses import replace

from redis import Redis

from tests.workers.test_legacy import leave, submit
from workers import chores
from workers.queue import Jobs
from workers.settings import QueueSetting, Settings


def test_it_minds_the_queues_of_the_settings_under_old_names_too(jobs: Jobs, redis: Redis, settings: Settings) -> None:
    [id] = [leave(redis, id) for id in submit(jobs, 1)]
    chosen = replace(settings, queues=(QueueSetting("default", 1), QueueSetting("mail", 1, in_full=True)))
    chores.sweeper(chosen, redis, lambda: None).sweep()
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode()]
