"""Very many jobs in all statuses, quickly: the first thousand are made through RQ and Headway, with all that they would
have by then; the others are copies that Redis makes, with ids, places in lists and dependencies of their own."""

import random
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from redis import Redis
from redis.client import Pipeline
from rq.executions import Execution
from rq.job import JobStatus
from rq.registry import (
    BaseRegistry,
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)
from rq.results import Result
from rq.serializers import JSONSerializer

from workers import retention, store
from workers.failure import failure_from
from workers.lifecycle import TrackedJob, TrackedQueue
from workers.naming import Naming

QUEUE = "default"
IN_RQ = Naming().in_rq(QUEUE)
SHARES = {  # of each thousand
    JobStatus.QUEUED: 300,
    JobStatus.STARTED: 100,
    JobStatus.DEFERRED: 50,
    JobStatus.SCHEDULED: 50,
    JobStatus.FINISHED: 340,
    JobStatus.FAILED: 100,
    JobStatus.STOPPED: 10,
    JobStatus.CANCELED: 50,
}
REGISTRIES: dict[JobStatus, type[BaseRegistry]] = {
    JobStatus.STARTED: StartedJobRegistry,
    JobStatus.DEFERRED: DeferredJobRegistry,
    JobStatus.SCHEDULED: ScheduledJobRegistry,
    JobStatus.FINISHED: FinishedJobRegistry,
    JobStatus.FAILED: FailedJobRegistry,
    JobStatus.STOPPED: FailedJobRegistry,  # RQ has no other for them
    JobStatus.CANCELED: CanceledJobRegistry,
}
THOUSAND = 1000
OWNERS = 7
BEAT = 2.0  # seconds between two heartbeats of what runs
SILENT = 60  # seconds without one after which RQ would judge
STEP = timedelta(seconds=1)  # between two of the first thousand
BOOK = "https://www.goodreads.com/book/show/{}-the-adventures-of-somebody"
TRACE = 'Traceback (most recent call last):\n  File "books.py", line 7, in read\nValueError: no page has the number {}'

# KEYS  one for each copy: rq:job:<its id>
# ARGV  for each: the original's id, its own, its status, RQ's registry ('' where that has none)
COPY = """
local call = redis.call
local order = tonumber(call('GET', 'headway:clock'))
for at = 1, #ARGV, 4 do
  local from, to, status, registry = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  for _, key in ipairs({'rq:job:%', 'rq:results:%', 'rq:job:%:dependencies', 'rq:executions:%', 'headway:job:%',
    'headway:job:%:words'}) do
    local place = string.gsub(key, '%%', to)
    call('COPY', string.gsub(key, '%%', from), place)
  end
  order = order + 1
  local place = string.format('%.0f', order)
  call('HSET', 'headway:job:' .. to, 'id', '"' .. to .. '"', 'order', place)
  local owner = call('HGET', 'headway:job:' .. to, 'owner')
  for _, scope in ipairs({'all', 'queue:default', 'owner:' .. owner}) do
    call('ZADD', 'headway:' .. scope .. ':' .. status, place, to)
  end
  if status == 'queued' then call('RPUSH', 'rq:queue:headway.default', to)
  elseif status == 'started' then call('ZADD', registry, call('ZSCORE', registry, from .. ':1'), to .. ':1')
  else call('ZADD', registry, call('ZSCORE', registry, from), to) end
  if status == 'deferred' then
    for _, id in ipairs(call('SMEMBERS', 'rq:job:' .. to .. ':dependencies')) do
      call('SADD', 'rq:job:' .. id .. ':dependents', to)
    end
  end
end
call('SET', 'headway:clock', string.format('%.0f', order))
"""


def fill(redis: Redis, count: int) -> None:
    """Make `count` jobs, whole thousands, mixed at random, always in the same way."""
    chance = random.Random(count)
    maker = _Maker(redis, chance)
    with redis.pipeline() as pipeline:
        for number in range(THOUSAND):
            maker.make(number, pipeline)
        pipeline.execute()
    copy = redis.register_script(COPY)
    for _ in range(THOUSAND, count, THOUSAND):
        chance.shuffle(maker.made)
        ids = [_new_id(chance) for _ in maker.made]
        given = [
            (job.id, id, job._status.value, maker.key(job._status)) for job, id in zip(maker.made, ids, strict=True)
        ]
        for start in range(0, THOUSAND, 100):  # at once as many as a server that serves others may be held up for
            part = given[start : start + 100]
            copy([f"rq:job:{id}" for _, id, *_ in part], [text for texts in part for text in texts])


def _new_id(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


class _Maker:
    """Makes the first thousand."""

    def __init__(self, redis: Redis, chance: random.Random) -> None:
        self.made: list[TrackedJob] = []
        self._redis = redis
        self._chance = chance
        self._began = datetime.now(UTC) - THOUSAND * STEP
        self._queue = TrackedQueue(IN_RQ, connection=redis, serializer=JSONSerializer)
        self._registries = {status: self._registry(kind) for status, kind in REGISTRIES.items()}
        self._statuses = [status for status, share in SHARES.items() for _ in range(share)]
        chance.shuffle(self._statuses)
        self._statuses.sort(key=JobStatus.DEFERRED.__eq__)  # what these wait for comes before them

    def _registry(self, kind: type[BaseRegistry]) -> BaseRegistry:
        return kind(queue=self._queue, job_class=TrackedJob, serializer=JSONSerializer)

    def key(self, status: JobStatus) -> str:
        """Of RQ's registry."""
        return self._registries[status].key if status in REGISTRIES else ""

    def make(self, number: int, pipeline: Pipeline) -> None:
        status = self._statuses[number]
        job = self._create(number, status)
        self.made.append(job)
        if status == JobStatus.QUEUED:
            pipeline.sadd(self._queue.redis_queues_keys, self._queue.key)
            pipeline.rpush(self._queue.key, job.id)
        elif status == JobStatus.SCHEDULED:
            at = datetime.now(UTC) + timedelta(days=1, seconds=number)
            cast(ScheduledJobRegistry, self._registries[status]).schedule(job, at, pipeline)
        elif status == JobStatus.STARTED:
            execution = Execution("1", job.id, connection=self._redis)
            cast(StartedJobRegistry, self._registries[status]).add_execution(execution, pipeline, SILENT)
            pipeline.zadd(job.execution_registry.key, {execution.id: time.time()})  # for ever: `beat` renews none
        elif status == JobStatus.DEFERRED:
            job._dependency_ids = [next(one.id for one in self.made if one._status == JobStatus.QUEUED)]
            job.register_dependency(pipeline)
        else:
            self._end(job, status, number, pipeline)
        job.save_new(pipeline)

    def _end(self, job: TrackedJob, status: JobStatus, number: int, pipeline: Pipeline) -> None:
        job.ended_at = (job.enqueued_at or self._began) + 2 * STEP
        self._registries[status].add(job, retention.DEFAULT, pipeline)
        if status == JobStatus.FINISHED:
            job._result = number
            Result.create(job, Result.Type.SUCCESSFUL, retention.DEFAULT, return_value=number, pipeline=pipeline)
        elif status == JobStatus.FAILED:
            trace = TRACE.format(number)
            job.failure = failure_from(trace)
            Result.create_failure(job, retention.DEFAULT, trace, pipeline=pipeline)

    def _create(self, number: int, status: JobStatus) -> TrackedJob:
        created_at = self._began + STEP * number
        job = self._queue.create_job(
            "parse_book" if number % 2 else "sum_numbers",
            args=(),
            kwargs={"url": BOOK.format(number)} if number % 2 else {"text": f"n{number}"},
            job_id=_new_id(self._chance),
            timeout=300,
            result_ttl=retention.DEFAULT,
            failure_ttl=retention.DEFAULT,
            description="",
            meta={"owner": f"owner{number % OWNERS}"},
            status=status,
        )
        assert isinstance(job, TrackedJob)
        job.origin, job.created_at = IN_RQ, created_at
        if status not in (JobStatus.DEFERRED, JobStatus.SCHEDULED):
            job.enqueued_at = created_at
        if status in (JobStatus.STARTED, JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED):
            job.started_at, job.worker_name = created_at + STEP, f"{QUEUE}.host.{number}.x"
        return job


def beat(redis: Redis) -> None:
    """One heartbeat of each that runs."""
    entries = cast(list[bytes], redis.zrange(f"rq:wip:{IN_RQ}", 0, -1))
    for start in range(0, len(entries), 500):
        expires_at = time.time() + SILENT
        redis.zadd(f"rq:wip:{IN_RQ}", dict.fromkeys(entries[start : start + 500], expires_at), xx=True)


def main(url: str) -> None:
    """Be the workers of those that run, as far as others hear of them: beat, for ever."""
    redis = store.connect(url)
    while True:
        due = time.monotonic() + BEAT
        beat(redis)
        time.sleep(max(0.0, due - time.monotonic()))  # a worker beats at its pace: this process stands for workers


if __name__ == "__main__":
    main(sys.argv[1])
