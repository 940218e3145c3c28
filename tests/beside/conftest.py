"""Another application on stock RQ, alone on a Redis of Debian's, and beside all of Headway on another."""

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import Popen
from typing import cast

import pytest
from redis import Redis

from tests.beside.records import of_the_application
from tests.conftest import ROOT, Processes, Stack, free_port, is_ready, start_redis, until
from tests.servers.binaries import RQ_3, environment, has_rq_3
from tests.servers.conftest import server_binary
from workers import store
from workers.records import text
from workers.settings import Settings

APPLICATION = Path(__file__).parent / "application"
RELEASES = ("2.12", "3.0")  # of RQ


class Application:
    """The print shop of `application/`, with workers of its own."""

    def __init__(self, release: str, redis_url: str, folder: Path) -> None:
        folder.mkdir()
        path = os.pathsep.join([str(APPLICATION), *([str(RQ_3)] if release == "3.0" else [])])
        given = {"PYTHONPATH": path, "RQ_REDIS_URL": redis_url, "PYTHONDONTWRITEBYTECODE": "1"}
        self.processes = Processes(given, folder, APPLICATION)
        self.redis_url = redis_url
        self.redis = store.connect(redis_url)

    def worker(self, *arguments: str) -> Popen[bytes]:
        return self.processes.start("-m", "rq.cli", "worker", *arguments)

    def do(self, what: str) -> Popen[bytes]:
        return self.processes.start("-c", "import shop; shop.main()", what)

    @property
    def ledger(self) -> list[str]:
        return sorted(line.decode() for line in cast(list[bytes], self.redis.lrange("shop:ledger", 0, -1)))

    def status(self, id: str) -> str:
        return text(cast(bytes | None, self.redis.hget(f"rq:job:{id}", "status")))

    def close(self) -> None:
        self.processes.stop()
        self.redis.close()


def kill_with_its_horse(process: Popen[bytes]) -> None:
    """As when the machine goes down: the worker can say nothing of its horse's end."""
    process.send_signal(signal.SIGSTOP)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    process.kill()
    process.wait()


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """Skips the test where this RQ is not installed; with CI set, fails it."""
    if request.param == "3.0" and not has_rq_3():
        if os.environ.get("CI"):
            pytest.fail("RQ 3 is not installed: see tests/servers/binaries.py")
        pytest.skip("RQ 3 is not installed")
    return str(request.param)


def debian(folder: Path) -> Iterator[str]:
    binary = server_binary("redis-7.0")
    server, url = start_redis(folder, binary=binary, environment=environment(binary))
    yield url
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def alone_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from debian(tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def beside_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from debian(tmp_path_factory.mktemp("beside"))


class Headway(Stack):
    """All of it."""

    def start_scheduler(self) -> None:
        self.scheduler = self.processes.start("-m", "workers.main", "scheduler")

    def stop_scheduler(self) -> None:
        self.scheduler.terminate()
        self.scheduler.wait()


def all_of_headway(redis_url: str, folder: Path, environment: Mapping[str, str]) -> Headway:
    given = {**environment, "REDIS_URL": redis_url, "PORT": str(free_port())}
    folder.mkdir()
    started = Processes(given, folder)
    started.start("-m", "realtime.server")
    for queue in Settings.from_environment(given, ROOT).queues:
        for _ in range(queue.workers):
            started.worker(queue.name)
    url = f"http://127.0.0.1:{given['PORT']}"
    headway = Headway(url, redis_url, started, given["HEADWAY_OPERATOR_TOKEN"])
    headway.start_scheduler()
    until(lambda: is_ready(url), f"the web server ({started.log()})")
    return headway


@pytest.fixture(scope="module")
def headway(
    beside_url: str, base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Headway]:
    """With the settings that it has by itself."""
    started = all_of_headway(beside_url, tmp_path_factory.mktemp("headway") / "logs", base_environment)
    yield started
    started.processes.stop()


@pytest.fixture
def sharing(alone: Application, base_environment: dict[str, str], tmp_path: Path) -> Iterator[Headway]:
    """It has a queue of the application's, too."""
    given = {**base_environment, "HEADWAY_QUEUES": "rq:queue:default:1"}
    started = all_of_headway(alone.redis_url, tmp_path / "sharing", given)
    yield started
    started.processes.stop()


@pytest.fixture
def alone(release: str, alone_url: str, tmp_path: Path) -> Iterator[Application]:
    opened = Application(release, alone_url, tmp_path / "alone")
    opened.redis.flushall()
    yield opened
    opened.close()


@pytest.fixture
def beside(release: str, headway: Headway, tmp_path: Path) -> Iterator[Application]:
    opened = Application(release, headway.redis_url, tmp_path / "beside")
    forget(opened.redis)
    yield opened
    opened.close()


def forget(redis: Redis) -> None:
    """The application of the test before, whose workers have ended."""
    theirs = [key for key in of_the_application(redis) if key != "rq:queues"]
    redis.delete("shop:ledger", "shop:go", *theirs)
