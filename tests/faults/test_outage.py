"""A job that reports without pause does not notice that Redis is gone, and its true end is told."""

import os
import signal
import subprocess
import time
from pathlib import Path

from redis.exceptions import RedisError

from bench.outage_worker import TASKS
from tests.conftest import Processes, start_redis, until
from workers import store
from workers.queue import Jobs
from workers.wire import JobState, Status

STEPS = 150_000
HANGS, GONE = 1.5, 2.5  # seconds for which Redis gives no answer, and then is no more
SLOW = 0.25  # seconds of one call; to ask a server that hangs would take a second


def test_an_outage_in_the_midst_of_a_job_costs_it_nothing_and_its_end_is_the_true_one(
    base_environment: dict[str, str], tmp_path: Path
) -> None:
    server, url = start_redis(tmp_path, appendonly="yes", appendfsync="always")
    processes = Processes({**base_environment, "REDIS_URL": url}, tmp_path)
    redis = store.connect(url)
    jobs = Jobs(redis, TASKS, ["default"])
    id = jobs.submit("count_steps", {"steps": STEPS}, owner="me").state.id

    def end() -> JobState | None:
        try:
            state = jobs.load(id).state
        except RedisError:
            return None  # it has only just been started again
        return state if state.ended else None

    try:
        processes.start("-m", "bench.outage_worker")
        until(lambda: jobs.load(id).state.completed, "some progress")
        server.send_signal(signal.SIGSTOP)
        time.sleep(HANGS)  # the fault itself
        server.kill()
        server.wait()
        time.sleep(GONE)  # the fault itself
        os.unlink(url.removeprefix("unix://"))
        server = subprocess.Popen(server.args, stdout=subprocess.DEVNULL)
        state = until(end, "the job's end", within=60)
        assert (state.status, state.attempt, state.completed, state.error) == (Status.FINISHED, 1, STEPS, None)
        assert state.result["steps"] == STEPS and state.result["slowest"] < SLOW
        assert state.result["seconds"] > HANGS + GONE, "it was over before the outage was"
        assert "waiting until it answers" in processes.log() and "Traceback" not in processes.log()
    finally:
        processes.stop()
        redis.close()
        server.kill()
        server.wait()
