"""The scheduler: queues what is due of our jobs alone, each once whatever else is done to it, and outlives Redis.

What RQ's own does, but for its waits: that one looks for the lock of a dead scheduler after two minutes, and ends when
Redis is away. Two at once do no harm: each job is moved under a WATCH.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Container, Sequence
from functools import partial
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError, WatchError
from rq.job import JobStatus
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer

from workers import records, scheduler_heartbeat, store
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_jobs
from workers.ours import Ours
from workers.process import asked_to_end

SLICE: Final = 100  # jobs queued in one MULTI
INTERVAL: Final = 1.0  # seconds between two looks
LAST_WORDS: Final = 3.0  # seconds to sign off; Redis may be away, and locks run out by themselves

log = logging.getLogger("headway.scheduler")


class Scheduler:
    """Queues what is due: retries, and jobs that were scheduled.

    `queues` are names in RQ, `tasks` the names of ours. `redis` is best one that endures.
    """

    def __init__(self, queues: Sequence[str], redis: Redis, *, tasks: Container[str] = (), name: str = "") -> None:
        self.name = name or scheduler_heartbeat.stable_name()
        self.queues = tuple(queues)
        self._redis = redis
        self._ours = Ours(redis, tasks)
        self._asked_to_end = False
        self._failure = ""  # what was said last of Redis

    def run(self) -> None:
        """Look once a second, until SIGTERM, SIGINT or SIGHUP."""
        for number in asked_to_end():
            signal.signal(number, self._end)
        while not self._asked_to_end:
            try:
                self.look()
                self._failure = ""
            except RedisError as error:  # one that endurance does not wait out, such as a right that was taken away
                if str(error) != self._failure:
                    log.warning("nothing was queued: %s", error)
                self._failure = str(error)
            time.sleep(INTERVAL)
        scheduler_heartbeat.sign_off(self._redis, self.name, self.queues)

    def look(self) -> list[str]:
        """Say that we live, queue what is due of the queues that we hold, and return these. Raises RedisError."""
        held = scheduler_heartbeat.beat(self._redis, self.name, self.queues)
        for queue in held:
            self._queue_due(queue)
        return held

    def _end(self, *_: Any) -> None:
        if not self._asked_to_end:
            self._asked_to_end = True
            leave = threading.Timer(LAST_WORDS, os._exit, [0])
            leave.daemon = True
            leave.start()

    def _queue_due(self, name: str) -> None:
        queue = TrackedQueue(name, connection=self._redis)
        registry = ScheduledJobRegistry(name, connection=self._redis, serializer=JSONSerializer)
        now = store.now(self._redis) // 1_000_000  # by our clock all would come early or late, were that wrong
        due = records.ask(partial(self._redis.zrangebyscore, registry.key, 0, now), [])
        records.each(partial(self._enqueue, registry, queue), [records.text(id) for id in due], SLICE)

    def _enqueue(self, registry: ScheduledJobRegistry, queue: TrackedQueue, ids: Sequence[str]) -> None:
        """What RQ does with jobs that are due, if they still are scheduled then: somebody may cancel one or run it.

        One that can't be read stays where it is, and waits.
        """
        self._ours.look(ids)  # marks those of the release before
        fetch = partial(fetch_jobs, ids, self._redis)
        with self._redis.pipeline() as pipeline:
            pipeline.watch(*(TrackedJob.key_for(id) for id in ids))
            # of several, one of another type has all of them fetched one by one
            jobs = dict(zip(ids, fetch() if len(ids) > 1 else records.ask(fetch, [None]), strict=True))
            due = [id for id in ids if self._is_due(registry, id, jobs[id])]
            pipeline.multi()
            for id in due:
                registry.remove(id, pipeline=pipeline)
                job = jobs[id]
                if job is not None and job._status == JobStatus.SCHEDULED:
                    queue._enqueue_job(job, pipeline=pipeline, at_front=job.should_enqueue_at_front())
            try:
                pipeline.execute()
                return
            except WatchError:
                pass  # one has moved: it is told from the others, and the next second sees what it is by then
        for id in ids if len(ids) > 1 else ():
            self._enqueue(registry, queue, [id])

    def _is_due(self, registry: ScheduledJobRegistry, id: str, job: TrackedJob | None) -> bool:
        """Whether its entry is ours to take out, now that its job is watched."""
        if job is None and self._redis.exists(TrackedJob.key_for(id)):
            records.say(TrackedJob.key_for(id), "it is scheduled, and stays so")
            return False
        return (job is None or job.is_ours) and self._redis.zscore(registry.key, id) is not None
