"""Workers whose Redis answers, and refuses: they wait as for one that is away."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.conftest import Processes, ended, start_redis, until
from workers import jobs as jobs_package
from workers import store
from workers.queue import Jobs
from workers.tasks import Tasks
from workers.wire import Status

WAITS = "waiting until it answers and takes writes"


class Refused:
    """A worker and a server of its own, which saves to a folder."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self._server, url = start_redis(self.data, save="3600 1")
        self.redis: Redis = store.connect(url)
        self.jobs = Jobs(self.redis, Tasks.collect(jobs_package), ["default"])
        self.processes = Processes({**environment, "REDIS_URL": url}, folder)
        self.worker = self.processes.start("-m", "tests.faults.brisk_worker")
        until(lambda: self.redis.scard("rq:workers"), "the worker")

    def submit(self, task: str, **args: object) -> str:
        return self.jobs.submit(task, args, owner="me").state.id

    def waits(self, reason: str) -> None:
        until(lambda: reason in self.processes.log() and WAITS in self.processes.log(), "the worker's waiting")

    def finishes(self, id: str) -> None:
        state = ended(self.jobs, id).state
        assert (state.status, state.attempt) == (Status.FINISHED, 1), self.processes.log()
        assert self.worker.poll() is None and "Traceback" not in self.processes.log()

    def end(self) -> None:
        self.processes.stop()
        self.redis.close()
        self._server.kill()
        self._server.wait()


@pytest.fixture
def refused(base_environment: dict[str, str], tmp_path: Path) -> Iterator[Refused]:
    made = Refused(base_environment, tmp_path)
    yield made
    made.end()


def test_a_worker_that_waits_for_jobs_outlives_its_masters_demotion(refused: Refused) -> None:
    until(lambda: refused.redis.info("clients")["blocked_clients"], "its waiting for a job")
    refused.redis.replicaof("127.0.0.1", "1")
    refused.waits("UNBLOCKED")
    refused.redis.replicaof("NO", "ONE")
    refused.finishes(refused.submit("sum_numbers", text="1"))


def test_a_server_that_can_not_save_costs_no_worker_and_no_job(refused: Refused) -> None:
    id = refused.submit("background_work")
    until(lambda: refused.jobs.load(id).state.completed, "some progress")
    (refused.data / "dump.rdb" / "in the way").mkdir(parents=True)
    refused.redis.bgsave()
    until(lambda: refused.redis.info("persistence")["rdb_last_bgsave_status"] == "err", "a save that fails")
    refused.waits("MISCONF")
    shutil.rmtree(refused.data / "dump.rdb")
    refused.redis.bgsave()
    refused.finishes(id)
