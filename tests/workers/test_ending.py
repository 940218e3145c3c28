"""A worker that is asked to end, and its horse."""

import os
import signal

from redis import Redis

from tests.conftest import Processes, ended
from tests.workers.conftest import horse_of, started
from workers.queue import Jobs
from workers.wire import Status


def test_asked_to_end_a_worker_lets_its_job_end_within_the_grace(jobs: Jobs, processes: Processes) -> None:
    """Also where all of its processes are asked, as systemd does, and the worker once more by its supervisor."""
    worker = processes.start("-m", "workers.main", "worker", HEADWAY_GRACE="20")
    id = started(jobs)
    for pid in (horse_of(worker), worker.pid, worker.pid):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(pid, number)
    assert worker.wait(20) == 0
    state = jobs.load(id).state
    assert (state.status, state.attempt, state.completed) == (Status.FINISHED, 1, 10.0)


def test_a_job_that_takes_longer_goes_back_to_the_front_of_its_queue(
    jobs: Jobs, processes: Processes, redis: Redis
) -> None:
    worker = processes.start("-m", "workers.main", "worker", HEADWAY_GRACE="0")
    id = started(jobs)
    other = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    state = jobs.load(id).state
    assert (state.status, state.attempt, state.completed) == (Status.QUEUED, 2, None)
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode(), other.encode()]
    assert redis.zcard("rq:wip:headway.default") == 0
    _, attempts = jobs.detail(id)
    assert attempts[0]["error"]["type"] == "WorkerShutdown"
    processes.worker()
    assert ended(jobs, id).state.status == Status.FINISHED
