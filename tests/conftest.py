"""The real parts that tests run against: a Valkey server, RQ workers, the web process."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from tests.ears import Ears
from tests.mail_box import MailBox
from tests.push_service import PushService
from tests.said import Said
from tests.web_hook import WebHook
from workers import embedded, store
from workers import jobs as jobs_package
from workers.process import ASKED_TO_END
from workers.queue import Jobs
from workers.settings import Settings
from workers.store import Stored
from workers.tasks import Tasks
from workers.vapid import Vapid
from workers.wire import INTERNAL_QUEUES

MOST_PROCESSES = 8  # each has a browser
ROOT = Path(__file__).parent.parent
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.05  # seconds between two looks
DEADLINE = 15.0  # seconds; long, since it is only waited for by a test that fails


def pytest_xdist_auto_num_workers() -> int:
    """How many processes `make test` has: one more than there are cores, since a test waits as much as it computes."""
    return min((os.cpu_count() or 1) + 1, MOST_PROCESSES)


def until(condition: Callable[[], Any], what: str = "the condition", within: float = DEADLINE) -> Any:
    """What `condition` returns, as soon as that is true. Fails after `within` seconds."""
    began = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - began
        if waited > within:
            pytest.fail(f"{what} did not come true within {within} s; at last it was {value!r}")
        # between two looks, with a deadline: what is waited for is in other processes, and needs the machine itself
        time.sleep(min(max(FIRST_PAUSE, waited / 20), LONGEST_PAUSE))
    return value


GIVEN: set[int] = set()  # ports


def free_port() -> int:
    """One that nobody else is given before a server has it: neither here nor in another process of `make test`."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        # Linux gives odd ones
        if port // 2 % MOST_PROCESSES == number % MOST_PROCESSES and port not in GIVEN:
            GIVEN.add(port)
            return port


class Processes:
    """Starts processes of Headway and ends them."""

    def __init__(self, environment: dict[str, str], folder: Path, root: Path = ROOT) -> None:
        """`root` is where the release lies that is started."""
        self.environment = environment
        self._folder = folder
        self.root = root
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """`python <arguments>`, its output in a file that pytest shows nobody unless it is asked for."""
        log = open(self._folder / f"{len(self._running)}.log", "wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env={**os.environ, **self.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # as a service manager starts it, though the tests themselves may run under nohup
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )
        self._running.append(process)
        return process

    @property
    def running(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in self._running if process.poll() is None]

    def worker(self, queue: str = "default", **environment: str) -> subprocess.Popen[bytes]:
        return self.start("-m", "workers.main", "worker", "--queue", queue, **environment)

    def log(self, number: int | None = None) -> str:
        """What all of them said, or the one that was started as `number`."""
        name = "*" if number is None else str(number)
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._folder.glob(f"{name}.log")))

    def stop(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()  # a worker in the middle of a long job; its horse goes with it
                process.wait()


@pytest.fixture(scope="session")
def base_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    return {
        "HEADWAY_HOME": str(home),
        "HEADWAY_ALLOW_PRIVATE_FETCH": "1",
        "SECRET_KEY": "a key of the tests",
        "HEADWAY_OPERATOR_TOKEN": "an operator's token of the tests",
        "HEADWAY_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        "HEADWAY_SMTP_URL": f"smtp://jobs:hunter2@127.0.0.1:{free_port()}",
        "HEADWAY_MAIL_FROM": "jobs@shop.example",
        "HEADWAY_VIEWER_TOKEN": "a viewer's token of the tests",
    }


def start_redis(
    folder: Path, *, binary: str = "", path: str = "", environment: Mapping[str, str] | None = None, **options: Any
) -> tuple[subprocess.Popen[bytes], str]:
    """A server on a Unix socket of its own, Headway's Valkey or `binary`; returns it and its URL."""
    # one that is short enough, where none is given
    at = Path(path or f"/tmp/headway-test-{os.getpid()}-{secrets.token_hex(4)}.sock")
    given = {"port": "0", "unixsocket": str(at), "dir": str(folder), "save": "", "loglevel": "warning", **options}
    arguments = [part for name, value in given.items() for part in (f"--{name}", value)]
    at.unlink(missing_ok=True)  # of one that was killed
    process = subprocess.Popen([binary or embedded.binary(), *arguments], stdout=subprocess.DEVNULL, env=environment)
    until(at.exists, "the server's socket")
    return process, f"unix://{at}"


@pytest.fixture(autouse=True)
def signal_handlers() -> Iterator[None]:
    """As they were: RQ's worker leaves its own behind, by which a later Ctrl-C would end all tests."""
    before = {number: signal.getsignal(number) for number in ASKED_TO_END}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, url = start_redis(tmp_path_factory.mktemp("redis"))
    yield url
    process.terminate()
    process.wait()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """An empty Redis."""
    connection = store.connect(redis_url)
    connection.flushall()
    yield connection
    connection.close()


@pytest.fixture
def ears(redis_url: str) -> Iterator[Ears]:
    opened = Ears(redis_url)
    yield opened
    opened.close()


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis, Tasks.collect(jobs_package), ["default", "bookInfoParser", *INTERNAL_QUEUES])


@pytest.fixture
def processes(base_environment: dict[str, str], redis_url: str, tmp_path: Path) -> Iterator[Processes]:
    started = Processes({**base_environment, "REDIS_URL": redis_url}, tmp_path)
    yield started
    started.stop()


@pytest.fixture
def said(tmp_path: Path) -> Iterator[Said]:
    log = Said(tmp_path / "said")
    yield log
    log.close()


@pytest.fixture
def web_hook(base_environment: dict[str, str]) -> Iterator[WebHook]:
    opened = WebHook(base_environment["HEADWAY_WEBHOOK_SECRET"])
    yield opened
    opened.close()


@pytest.fixture
def mail_box(settings: Settings) -> Iterator[MailBox]:
    """The mail server that the settings name."""
    server = settings.mail_server
    assert server is not None
    opened = MailBox(server.port, server.user, server.password)
    yield opened
    opened.close()


@pytest.fixture
def push_service(redis: Redis) -> Iterator[PushService]:
    """A push service to which this Redis's installation is known."""
    service = PushService()
    service.key = Vapid.load(redis).public_key
    yield service
    service.close()
    assert not service.wrong


@pytest.fixture(scope="session")
def settings(base_environment: dict[str, str], redis_url: str) -> Settings:
    return Settings.from_environment({**base_environment, "REDIS_URL": redis_url}, ROOT)


def ended(jobs: Jobs, id: str, within: float = DEADLINE) -> Stored:
    """The state of a job once it has ended."""

    def look() -> Stored | None:
        stored = jobs.load(id)
        return stored if stored.state.ended else None

    found: Stored = until(look, f"the end of {id}", within)
    return found


class Stack:
    """All of Headway: Redis, a web process (the first to be started) and workers, for tests from the outside."""

    def __init__(self, url: str, redis_url: str, processes: Processes, operator_token: str) -> None:
        self.url = url
        self.redis_url = redis_url
        self.processes = processes
        self.operator = {"Authorization": f"Bearer {operator_token}"}

    def session(self) -> requests.Session:
        """A program that keeps cookies, so an owner of its own."""
        session = requests.Session()
        session.trust_env = False
        session.get(self.url).raise_for_status()
        return session

    def submit(self, session: requests.Session, task: str, **args: Any) -> dict[str, Any]:
        answer = session.post(f"{self.url}/api/jobs", json={"task": task, "args": args})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, session: requests.Session, id: str) -> dict[str, Any]:
        answer = session.get(f"{self.url}/api/jobs/{id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="session")
def stack(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    server, redis_url = start_redis(tmp_path_factory.mktemp("stack-redis"))
    port = free_port()
    environment = {**base_environment, "REDIS_URL": redis_url, "PORT": str(port)}
    started = Processes(environment, tmp_path_factory.mktemp("stack-logs"))
    started.start("-m", "realtime.server")
    for queue in ("default", "default", "bookInfoParser", *INTERNAL_QUEUES):
        started.worker(queue)
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(url), f"the web server ({started.log()})")
    yield Stack(url, redis_url, started, environment["HEADWAY_OPERATOR_TOKEN"])
    started.stop()
    server.terminate()
    server.wait()


def is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False
