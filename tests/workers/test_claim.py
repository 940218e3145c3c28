"""Whatever is done to a job between its pop and its start, what was told of it stays true."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError
from rq import Queue
from rq.job import JobStatus

from tests.workers.small_worker import TASKS
from workers import claim, store
from workers.claim import Overtaken, hold, write_start
from workers.lifecycle import TrackedJob, TrackedQueue, fetch_job
from workers.popped import look_at
from workers.queue import Jobs
from workers.settings import Settings
from workers.small import BatchingWorker
from workers.taking import WorkQueue
from workers.verbs import Verb
from workers.wire import Status

# what one run of a job leaves behind
BEGUN = "__import__('workers.context').context.current().redis.incr('begun')"
DELETED = "__import__('workers.lifecycle').lifecycle.fetch_job({0}.id, {0}.redis).delete()".format(
    "__import__('workers.context').context.current()"
)
QUEUE, BETWEEN, WIP = "rq:queue:headway.default", "rq:queue:headway.default:intermediate", "rq:wip:headway.default"
POINTS = ["popped", "looked", "registered", "forked", "watched", "deciding"]


class Hooked(BatchingWorker):
    """Calls `hook(point, id)` at each point between pop and start."""

    hook: Callable[[str, str], None]

    def execute_job(self, job: TrackedJob, queue: WorkQueue) -> None:  # type: ignore[override]
        self.hook("popped", job.id)
        super().execute_job(job, queue)

    def _run(self, job: TrackedJob, queue: Queue) -> None:
        self.hook("looked", job.id)
        super()._run(job, queue)

    def prepare_execution(self, job: TrackedJob) -> Any:  # type: ignore[override]
        execution = super().prepare_execution(job)
        self.hook("registered", job.id)
        return execution

    def _start(self, job: TrackedJob, queue: Queue) -> bool:
        self.hook("forked", job.id)
        return super()._start(job, queue)


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis, TASKS, ["default"])


@pytest.fixture
def work(
    redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[str, str], None]], None]:
    """A worker that calls a hook, until there is nothing to do."""

    def work(hook: Callable[[str, str], None]) -> None:
        worker = Hooked("headway.default", settings=settings, tasks=TASKS, connection=redis)
        worker.hook = hook
        may_begin = claim.may_begin

        def watched(pipeline: Pipeline, job: TrackedJob, *args: Any) -> bool:
            hook("watched", job.id)
            return may_begin(pipeline, job, *args)

        def deciding(pipeline: Pipeline, worker: Any, job: TrackedJob, queue: Queue) -> None:
            hook("deciding", job.id)
            write_start(pipeline, worker, job, queue)

        monkeypatch.setattr("workers.worker.may_begin", watched)
        monkeypatch.setattr("workers.worker.write_start", deciding)
        worker.work(burst=True, logging_level="ERROR")

    return work


def once_at(point: str, id: str, redis: Redis, act: Callable[[], Any]) -> Callable[[str, str], None]:
    """A hook that acts at the first time that the job `id` comes to `point`, in whichever process."""

    def hook(reached: str, of: str) -> None:
        if (reached, of) == (point, id) and redis.set("hooked", "1", nx=True):
            act()

    return hook


@pytest.mark.parametrize("task", ["tests_small", "tests_large"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.DELETE])
def test_a_job_that_was_taken_back_never_begins(
    verb: Verb, point: str, task: str, jobs: Jobs, redis: Redis, work: Callable[..., None]
) -> None:
    id, other = (jobs.submit(task, {"text": BEGUN}, owner="me").state.id for _ in range(2))
    work(once_at(point, id, redis, lambda: jobs.act(verb, id)))
    assert redis.get("begun") == b"1", "the other one"
    assert jobs.load(other).state.status == Status.FINISHED
    stored, job = store.load(redis, id), fetch_job(id, redis)
    if verb is Verb.DELETE:
        assert stored is None and job is None and not redis.exists(f"rq:job:{id}")
    else:
        assert stored is not None and job is not None
        assert (str(stored.state.status), job.get_status()) == ("canceled", JobStatus.CANCELED)
    nothing_is_left(redis)


@pytest.mark.parametrize("task", ["tests_small", "tests_large"])
@pytest.mark.parametrize("point", POINTS)
def test_a_job_that_was_canceled_and_requeued_runs_once_in_its_new_attempt(
    point: str, task: str, jobs: Jobs, redis: Redis, work: Callable[..., None]
) -> None:
    id = jobs.submit(task, {"text": BEGUN}, owner="me").state.id
    work(once_at(point, id, redis, lambda: (jobs.cancel(id), jobs.requeue(id))))
    assert redis.get("begun") == b"1"
    state = jobs.load(id).state
    assert (state.status, state.attempt) == (Status.FINISHED, 2)
    nothing_is_left(redis)


def test_a_job_that_was_requeued_and_taken_by_another_is_not_dropped_by_both(
    jobs: Jobs, redis: Redis, settings: Settings
) -> None:
    """The second takes it for one entry too many, and leaves it to the first, which has an earlier attempt."""
    id = jobs.submit("tests_large", {"text": BEGUN}, owner="me").state.id
    first, queue, job = taken(id, redis, settings)
    jobs.cancel(id)
    jobs.requeue(id)
    redis.lmove(QUEUE, BETWEEN, "LEFT", "RIGHT")
    assert look_at(redis, queue.name, id, TASKS) is None
    assert not first._start(job, queue)
    assert redis.lrange(QUEUE, 0, -1) == [id.encode()] and not redis.exists(BETWEEN)
    another = BatchingWorker("headway.default", settings=settings, tasks=TASKS, connection=redis)
    another.work(burst=True, logging_level="ERROR")
    assert redis.get("begun") == b"1" and jobs.load(id).state.attempt == 2


@pytest.mark.parametrize("point", POINTS)
def test_a_job_that_was_put_back_meanwhile_runs_once(
    point: str, jobs: Jobs, redis: Redis, work: Callable[..., None]
) -> None:
    """As the sweeper does with what a worker took and did not begin for too long."""
    id = jobs.submit("tests_large", {"text": BEGUN}, owner="me").state.id
    work(once_at(point, id, redis, lambda: redis.lmove(BETWEEN, QUEUE)))
    assert redis.get("begun") == b"1"
    assert (jobs.load(id).state.status, jobs.load(id).state.attempt) == (Status.FINISHED, 1)
    nothing_is_left(redis)


def test_a_start_whose_answer_is_lost_is_not_taken_for_somebody_elses(
    jobs: Jobs, redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py tells a connection that is lost under a WATCH as a WatchError, done or not."""
    id = jobs.submit("tests_large", {"text": BEGUN}, owner="me").state.id
    execute, lost = Pipeline.execute, [True]

    def losing(pipeline: Pipeline, *args: Any, **kwargs: Any) -> Any:
        written = "started" in repr(pipeline.command_stack)
        answer = execute(pipeline, *args, **kwargs)
        if written and lost:
            lost.clear()
            raise WatchError("A ConnectionError occurred on while watching one or more keys")
        return answer

    monkeypatch.setattr(Pipeline, "execute", losing)
    BatchingWorker("headway.default", settings=settings, tasks=TASKS, connection=redis).work(
        burst=True, logging_level="ERROR"
    )
    monkeypatch.undo()
    assert redis.get("begun") == b"1"
    assert jobs.load(id).state.status == Status.FINISHED


@pytest.mark.parametrize("move", [Verb.CANCEL, Verb.DELETE])
def test_the_death_of_a_process_says_nothing_of_a_job_that_was_taken_back_before(
    move: Verb, jobs: Jobs, redis: Redis, settings: Settings
) -> None:
    id = jobs.submit("tests_large", {"text": BEGUN}, owner="me").state.id
    worker, queue, job = taken(id, redis, settings)
    jobs.act(move, id)
    worker.handle_job_failure(job, queue, exc_string="Work-horse terminated unexpectedly")
    stored = store.load(redis, id)
    assert stored is None if move is Verb.DELETE else stored and stored.state.status == Status.CANCELED
    assert not redis.exists(WIP, "rq:failed:headway.default")


def test_a_stop_that_kills_a_process_whose_job_had_ended_says_nothing(
    jobs: Jobs, redis: Redis, settings: Settings
) -> None:
    id = jobs.submit("tests_large", {"text": BEGUN}, owner="me").state.id
    worker, queue, job = taken(id, redis, settings)
    assert worker._start(job, queue)
    ended = fetch_job(id, redis)
    assert ended is not None
    with redis.pipeline() as pipeline:
        ended.set_status(JobStatus.FINISHED, pipeline=pipeline)
        pipeline.zrem(WIP, f"{id}:{worker._execution_id}")
        pipeline.execute()
    worker._stopped_job_id = id
    worker.handle_job_failure(job, queue, exc_string="Job stopped by user, work-horse terminated.")
    assert jobs.load(id).state.status == Status.FINISHED
    assert worker._stopped_job_id is None


def test_what_moves_between_the_look_and_the_writing_is_noticed(jobs: Jobs, redis: Redis, settings: Settings) -> None:
    id = jobs.submit("tests_large", {"text": BEGUN}, owner="me").state.id
    worker, _, job = taken(id, redis, settings)
    with redis.pipeline() as pipeline:
        pipeline.set("written", "1")
        hold(pipeline, job, 1, worker._execution_id)
        pipeline.set("written too", "1")
        jobs.cancel(id)
        with pytest.raises(WatchError):
            pipeline.execute()
    assert not redis.exists("written", "written too")
    with redis.pipeline() as pipeline, pytest.raises(Overtaken):
        hold(pipeline, job, 1, worker._execution_id)


@pytest.mark.parametrize("task", ["tests_small", "tests_large"])
@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("end", ["7", "1 / 0", "Retry(max=1)"])
def test_a_job_that_was_deleted_while_it_ran_is_not_made_anew_by_its_end(
    end: str, retries: int, task: str, jobs: Jobs, redis: Redis, work: Callable[..., None]
) -> None:
    """As where its worker was silent for so long that the job was judged, and a person deleted it."""
    id = jobs.submit(task, {"text": f"({BEGUN}, {DELETED}, {end})[-1]"}, owner="me").state.id
    other = jobs.submit(task, {"text": "7"}, owner="me").state.id
    redis.hset(f"rq:job:{id}", mapping={"retries_left": retries} if retries else {"number_of_retries": 1})
    work(lambda point, id: None)
    assert redis.get("begun") == b"1", "it is not run again"
    assert store.load(redis, id) is None and not redis.exists(f"rq:job:{id}", f"rq:results:{id}")
    assert not redis.zcard("rq:failed:headway.default") and redis.zrange("rq:finished:headway.default", 0, -1) == [
        other.encode()
    ]
    nothing_is_left(redis)


def taken(id: str, redis: Redis, settings: Settings) -> tuple[BatchingWorker, TrackedQueue, TrackedJob]:
    """A worker that has taken the job and registered for it."""
    worker = BatchingWorker("headway.default", settings=settings, tasks=TASKS, connection=redis)
    redis.lmove(QUEUE, BETWEEN, "LEFT", "RIGHT")
    job = fetch_job(id, redis)
    assert job is not None
    worker._attempt = 1
    worker.prepare_execution(job)
    (queue,) = worker.queues
    assert isinstance(queue, TrackedQueue)
    return worker, queue, job


def nothing_is_left(redis: Redis) -> None:
    assert not redis.exists(QUEUE, BETWEEN, WIP)
    assert not redis.keys("rq:execution:*")
