"""Every transition that RQ writes is published, with the truth of RQ's own hash as the measure."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import ConnectionError as RedisConnectionError
from rq import Repeat, Retry
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from tests.conftest import DEADLINE, Processes, ended, start_redis, until
from tests.ears import Ears
from workers import jobs as jobs_package
from workers import store
from workers.channel import Channel, Gap
from workers.lifecycle import TrackedJob, TrackedQueue
from workers.queue import Jobs
from workers.script import SCRIPT
from workers.tasks import Tasks
from workers.wire import Status, Update, decode_state


class Heard:
    """Every update of the channel, as it came."""

    def __init__(self, ears: Ears) -> None:
        self.updates: list[Update] = []
        self._ready = threading.Event()
        ears.start(self._listen, ears.connect())
        assert self._ready.wait(5)

    def _listen(self, connection: Redis) -> None:
        for said in Channel(connection).listen():
            if isinstance(said, Gap):
                self._ready.set()
                continue
            self.updates.extend(one for one in said if isinstance(one, Update))

    def statuses(self, id: str) -> list[str]:
        """The statuses of a job in the order told, progress left out."""
        told: list[str] = []
        for update in list(self.updates):
            if update.id == id:
                status = "gone" if update.gone else str(decode_state(update.body).status)
                if told[-1:] != [status]:
                    told.append(status)
        return told

    def until(self, id: str, *expected: str) -> None:
        until(lambda: self.statuses(id) == list(expected), f"{expected}, told in this order, not {self.statuses(id)}")


@pytest.fixture
def heard(redis: Redis, ears: Ears) -> Heard:
    return Heard(ears)


@pytest.fixture
def queue(redis: Redis) -> TrackedQueue:
    return TrackedQueue("headway.default", connection=redis)


def child_of(process: subprocess.Popen[bytes]) -> int:
    """The process id of a worker's horse."""

    def look() -> list[str]:
        found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
        return found.stdout.split()

    return int(until(look, "a work horse")[0])


def test_a_job_that_returns_is_told_as_queued_started_finished(jobs: Jobs, heard: Heard, processes: Processes) -> None:
    id = jobs.submit("sum_numbers", {"text": "123"}, owner="me").state.id
    processes.worker()
    heard.until(id, "queued", "started", "finished")
    state = jobs.load(id).state
    assert (state.result, state.attempt, state.error) == (6, 1, None)
    assert state.created_at and state.started_at and state.ended_at
    assert state.created_at <= state.started_at <= state.ended_at


def test_the_end_carries_the_last_progress(jobs: Jobs, heard: Heard, processes: Processes, redis: Redis) -> None:
    processes.worker()
    id = jobs.submit("create_task", {"task_type": 1}, owner="me").state.id
    state = ended(jobs, id).state
    assert (state.status, state.completed, state.total) == (Status.FINISHED, 10.0, 10.0)
    bars = [decode_state(update.body).completed or 0 for update in heard.updates if update.id == id]
    assert bars == sorted(bars)


def test_an_exception_is_told_with_its_type_and_message(jobs: Jobs, heard: Heard, processes: Processes) -> None:
    id = jobs.submit("count_words", {"url": "ftp://example.org/"}, owner="me").state.id
    processes.worker()
    heard.until(id, "queued", "started", "failed")
    error = jobs.load(id).state.error
    assert error is not None and error["type"] == "FetchError" and "http://" in error["message"]


def test_a_job_that_takes_too_long_fails(queue: TrackedQueue, jobs: Jobs, heard: Heard, processes: Processes) -> None:
    id = queue.enqueue_call("background_work", timeout=1).id
    processes.worker()
    heard.until(id, "queued", "started", "failed")
    error = jobs.load(id).state.error
    assert error is not None and error["type"] == "JobTimeoutException"


def test_a_killed_work_horse_is_told_with_its_signal(jobs: Jobs, heard: Heard, processes: Processes) -> None:
    worker = processes.worker()
    id = jobs.submit("background_work", {}, owner="me").state.id
    until(lambda: (jobs.load(id).state.completed or 0) > 0.3, "some progress")
    os.kill(child_of(worker), signal.SIGKILL)
    heard.until(id, "queued", "started", "failed")
    state = jobs.load(id).state
    assert state.error == {
        "type": "WorkHorseKilled",
        "message": "the process that ran the job was killed by SIGKILL (signal 9)",
    }
    assert (state.completed or 0) > 0.3


def test_a_work_horse_dies_with_its_worker(jobs: Jobs, heard: Heard, processes: Processes) -> None:
    worker = processes.worker()
    jobs.submit("background_work", {}, owner="me")
    horse = child_of(worker)
    worker.kill()
    worker.wait()
    until(lambda: not os.path.exists(f"/proc/{horse}/exe"), "the horse's end")


@pytest.mark.parametrize(
    ("text", "fragment"),
    [("{1, 2}", "set"), ("float('nan')", "float"), ("object()", "object")],
)
def test_a_result_that_json_cant_hold_fails_the_job(
    text: str, fragment: str, jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue
) -> None:
    id = queue.enqueue_call("tests_return", kwargs={"text": text}).id
    processes.start("-m", "tests.workers.odd_worker")
    heard.until(id, "queued", "started", "failed")
    error = jobs.load(id).state.error
    assert error is not None and error["type"] == "ResultError" and fragment in error["message"]


def test_a_function_that_is_no_task_is_failed_and_not_run(
    jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue, tmp_path: Any
) -> None:
    mark = tmp_path / "mark"
    id = queue.enqueue_call("os.system", args=(f"touch {mark}",)).id
    processes.worker()
    heard.until(id, "queued", "started", "failed")
    error = jobs.load(id).state.error
    assert error is not None and error["type"] == "UnknownTask"
    assert not mark.exists()


def test_names_in_the_hash_are_not_called_back(
    jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue, redis: Redis
) -> None:
    job = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    redis.hset(job.key, mapping={"success_callback_name": "os.abort", "success_callback_timeout": "5"})
    processes.worker()
    heard.until(job.id, "queued", "started", "finished")


def test_a_retry_begins_a_new_attempt(jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue) -> None:
    id = queue.enqueue_call("count_words", kwargs={"url": "ftp://x/"}, retry=Retry(max=1)).id
    processes.worker()
    heard.until(id, "queued", "started", "queued", "started", "failed")
    state = jobs.load(id).state
    assert state.attempt == 2
    _, attempts = jobs.detail(id)
    assert [(one["attempt"], one["status"]) for one in attempts] == [(1, "failed"), (2, "failed")]
    assert attempts[0]["error"]["type"] == "FetchError"


def test_a_retry_after_a_pause_is_scheduled(
    jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue
) -> None:
    id = queue.enqueue_call("count_words", kwargs={"url": "ftp://x/"}, retry=Retry(max=1, interval=1)).id
    processes.worker()
    processes.start("-m", "workers.main", "scheduler")
    heard.until(id, "queued", "started", "scheduled", "queued", "started", "failed")
    assert jobs.load(id).state.attempt == 2


def test_a_task_may_ask_to_be_run_again(jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue) -> None:
    id = queue.enqueue_call("tests_return", kwargs={"text": "Retry(max=1)"}).id
    processes.start("-m", "tests.workers.odd_worker")
    heard.until(id, "queued", "started", "queued", "started", "failed")


def test_a_repeat_ends_and_begins_anew(jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue) -> None:
    id = queue.enqueue_call("sum_numbers", kwargs={"text": "7"}, repeat=Repeat(times=1)).id
    processes.worker()
    heard.until(id, "queued", "started", "finished", "queued", "started", "finished")
    assert jobs.load(id).state.attempt == 2


def test_a_scheduled_job_is_queued_when_its_time_has_come(
    jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue
) -> None:
    id = queue.enqueue_at(datetime.now(UTC) + timedelta(seconds=1), "sum_numbers", text="1").id
    heard.until(id, "scheduled")
    processes.start("-m", "workers.main", "scheduler")
    processes.worker()
    heard.until(id, "scheduled", "queued", "started", "finished")
    assert jobs.load(id).state.attempt == 1


def test_a_dependent_job_is_deferred_and_then_queued(
    jobs: Jobs, heard: Heard, processes: Processes, queue: TrackedQueue
) -> None:
    first = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    second = queue.enqueue_call("sum_numbers", kwargs={"text": "2"}, depends_on=first)
    heard.until(second.id, "deferred")
    processes.worker()
    heard.until(second.id, "deferred", "queued", "started", "finished")


def test_deferred_jobs_of_a_batch_are_told(jobs: Jobs, heard: Heard, queue: TrackedQueue) -> None:
    first = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    data = queue.prepare_data("sum_numbers", kwargs={"text": "2"}, depends_on=first)
    [second] = queue.enqueue_many([data])
    heard.until(second.id, "deferred")


def test_a_job_saved_without_a_queue_is_created(redis: Redis, heard: Heard) -> None:
    job = TrackedJob.create("sum_numbers", kwargs={"text": "1"}, connection=redis, serializer=JSONSerializer)
    job.save()
    heard.until(job.id, "created")


def test_a_canceled_job_can_be_requeued(jobs: Jobs, heard: Heard) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    jobs.cancel(id)
    jobs.requeue(id)
    heard.until(id, "queued", "canceled", "queued")
    assert jobs.load(id).state.attempt == 2


def test_a_stopped_job_is_told_within_two_seconds(jobs: Jobs, heard: Heard, processes: Processes) -> None:
    processes.worker()
    id = jobs.submit("background_work", {}, owner="me").state.id
    until(lambda: jobs.load(id).state.completed, "some progress")
    jobs.stop(id)
    until(lambda: jobs.load(id).state.status == Status.STOPPED, "stopped", within=2)
    heard.until(id, "queued", "started", "stopped")
    assert jobs.load(id).state.error is None


def test_a_deleted_job_is_gone_and_a_late_word_does_not_bring_it_back(jobs: Jobs, heard: Heard, redis: Redis) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    jobs.delete(id)
    heard.until(id, "queued", "gone")
    store.transition(redis, id, {"status": Status.FINISHED}, fallback={"queue": "default"})
    assert store.load(redis, id) is None
    assert redis.exists(f"rq:job:{id}") == 0


def test_without_a_sweeper_too_an_abandoned_job_is_failed_with_the_reason(
    jobs: Jobs, heard: Heard, processes: Processes
) -> None:
    worker = processes.worker(HEADWAY_VERDICT="5")
    id = jobs.submit("background_work", {}, owner="me").state.id
    until(lambda: jobs.load(id).state.status == Status.STARTED, "started")
    worker.kill()
    worker.wait()
    processes.worker()
    # at its second look, 10 s after the first: it goes by no clock but its own
    until(lambda: jobs.load(id).state.status == Status.FAILED, "failed", 3 * DEADLINE)
    error = jobs.load(id).state.error
    assert error is not None and error["type"] == "AbandonedJobError"


def test_state_and_message_are_one_step_of_rqs_own_transaction(redis: Redis, queue: TrackedQueue) -> None:
    with redis.monitor() as monitor:
        queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
        redis.echo("end")
        commands = [line.split(" ")[0].upper() for line in _until_echo(monitor.listen())]
    pushed = commands.index("RPUSH")
    begun = pushed - commands[:pushed][::-1].index("MULTI")
    step = commands[begun : commands.index("EXEC", pushed)]
    assert "PUBLISH" in step and "HSET" in step


def _until_echo(lines: Iterator[dict[str, Any]]) -> Iterator[str]:
    for line in lines:
        if line["command"].upper().startswith("ECHO"):
            return
        yield line["command"]


def test_a_transition_survives_a_script_flush(redis: Redis, queue: TrackedQueue) -> None:
    queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    redis.script_flush()
    id = queue.enqueue_call("sum_numbers", kwargs={"text": "1"}).id
    assert store.load(redis, id) is not None


def test_an_error_of_the_script_does_not_break_rqs_transaction(redis: Redis, queue: TrackedQueue) -> None:
    redis.set("headway:queue:default:queued", "no sorted set")
    job = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    assert job.get_status() == JobStatus.QUEUED


def test_a_status_written_alone_is_published_with_it(redis: Redis, queue: TrackedQueue, heard: Heard) -> None:
    job = queue.enqueue_call("sum_numbers", kwargs={"text": "1"})
    job.set_status(JobStatus.FAILED)
    heard.until(job.id, "queued", "failed")


def test_a_pipeline_knows_our_script(redis: Redis) -> None:
    """The atomic step relies on redis-py loading the scripts of a pipeline before its MULTI."""
    with redis.pipeline() as pipeline:
        store.bury(pipeline, "x")
        assert {script.script for script in pipeline.scripts if isinstance(script, Script)} == {SCRIPT.encode()}


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisConnectionError:
        return False


@pytest.mark.parametrize("outage", [(1.0, 4.0), (8.0, 6.0)], ids=["amid the job", "over its end"])
def test_a_job_outlives_redis_and_its_true_end_is_told(
    outage: tuple[float, float], base_environment: dict[str, str], tmp_path: Path
) -> None:
    """The worker's heartbeat, the horse's reports and its last word all meet a server that is not there."""
    begins, lasts = outage
    server, url = start_redis(tmp_path, appendonly="yes", appendfsync="always")
    processes = Processes({**base_environment, "REDIS_URL": url}, tmp_path)
    redis = store.connect(url)
    jobs = Jobs(redis, Tasks.collect(jobs_package), ["default"])
    try:
        worker = processes.worker()
        id = jobs.submit("background_work", {}, owner="me").state.id
        until(lambda: (jobs.load(id).state.completed or 0) >= begins, "some progress")
        server.kill()
        server.wait()
        Path(url.removeprefix("unix://")).unlink()
        back = threading.Event()
        threading.Timer(lasts, back.set).start()
        assert back.wait(20) and worker.poll() is None
        server = subprocess.Popen(server.args, stdout=subprocess.DEVNULL)
        until(lambda: answers(redis), "the server, with its data loaded")
        state = ended(jobs, id).state
        assert (state.status, state.result, state.completed, state.error) == (Status.FINISHED, True, 10.0, None)
        assert worker.poll() is None
    finally:
        redis.close()
        processes.stop()
        server.kill()
        server.wait()


def test_a_job_goes_on_and_ends_truly_while_redis_pauses(
    jobs: Jobs, heard: Heard, processes: Processes, redis: Redis, redis_url: str
) -> None:
    processes.worker()
    jobs.redis = store.connect(redis_url, socket_timeout=10)
    id = jobs.submit("background_work", {}, owner="me").state.id
    until(lambda: jobs.load(id).state.completed, "some progress")
    redis.client_pause(3000, all=True)
    state = ended(jobs, id).state
    assert state.status == Status.FINISHED and state.completed == 10.0
    assert state.started_at and state.ended_at and state.ended_at - state.started_at < 11_500
