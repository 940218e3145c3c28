"""A small Headway whose way to Redis can be troubled: a web process and two workers, each kind behind its own proxy."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from redis import Redis

from tests.conftest import Processes, free_port, is_ready, start_redis, until
from tests.faults.proxy import Proxy
from tests.faults.witness import Witness
from workers import store
from workers.wire import JobState

CONVERGES_WITHIN = 5.0  # seconds after a trouble's end
WORKERS = 2


class Stage:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.server, self.redis_url = start_redis(folder, appendonly="yes", appendfsync="always")
        self.socket = Path(self.redis_url.removeprefix("unix://"))
        self.redis = store.connect(self.redis_url, socket_timeout=10)
        self.to_web, self.to_worker = Proxy(self.socket), Proxy(self.socket)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.processes = Processes({**environment, "PORT": str(port), "HEADWAY_VERDICT": "30"}, folder)
        self.web = self._start("-m", "realtime.server", proxy=self.to_web)
        self.workers = [self._start("-m", "tests.faults.brisk_worker", proxy=self.to_worker) for _ in range(WORKERS)]
        until(lambda: is_ready(self.url), "the web server")
        until(lambda: self.redis.scard("rq:workers") == WORKERS, "the workers")
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.get(self.url).raise_for_status()
        cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)
        self.viewer = Witness(self.url, cookie)
        self.viewer.start()
        until(lambda: self.viewer.watches, "a page that watches")

    def _start(self, *arguments: str, proxy: Proxy) -> subprocess.Popen[bytes]:
        return self.processes.start(*arguments, REDIS_URL=f"redis://127.0.0.1:{proxy.port}")

    def end(self) -> None:
        self.viewer.stop()
        self.processes.stop()
        self.viewer.join(10)
        self.redis.close()
        for proxy in (self.to_web, self.to_worker):
            proxy.close()
        self.server.kill()
        self.server.wait()
        self.socket.unlink(missing_ok=True)

    def all(self, trouble: Callable[[Proxy], None]) -> None:
        """Let something befall the connections of web and workers."""
        for proxy in (self.to_web, self.to_worker):
            trouble(proxy)

    # -- Redis

    def kill_redis(self) -> None:
        self.server.kill()
        self.server.wait()

    def start_redis(self) -> None:
        """Again, with what is left of its data."""
        self.socket.unlink(missing_ok=True)
        self.server = subprocess.Popen(self.server.args, stdout=subprocess.DEVNULL)
        until(self.socket.exists, "the server's socket")

    # -- what a page and a program see

    @property
    def says(self) -> str:
        """What the relay has last called itself."""
        return self.viewer.relay[-1] if self.viewer.relay else ""

    def post(self, task: str, **args: Any) -> requests.Response:
        return self.session.post(f"{self.url}/api/jobs", json={"task": task, "args": args}, timeout=10)

    def submit(self, task: str, **args: Any) -> str:
        answer = self.post(task, **args)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def shown(self, id: str) -> dict[str, Any]:
        """The state of a job as the page has it; empty where it has none."""
        return self.viewer.states.get(id, {})

    def is_at(self, id: str, status: str) -> bool:
        return self.shown(id).get("status") == status

    def moves(self, id: str) -> None:
        """Wait until the page shows that a job makes progress."""
        before = self.shown(id).get("completed") or 0
        until(lambda: (self.shown(id).get("completed") or 0) > before, f"progress of {id}")

    def goes_deaf(self) -> None:
        """Wait until the page and whoever balances load are told that nothing is heard."""
        until(lambda: self.says == "stale", "the page's being told", within=CONVERGES_WITHIN)
        answer = requests.get(f"{self.url}/readyz", timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")

    def heals(self, redis: Redis | None = None, within: float = CONVERGES_WITHIN) -> None:
        """Within five seconds from now the relay is live and the page shows the truth."""
        ends = time.monotonic() + within
        while not (self.says == "live" and self._shows_the_truth(redis or self.redis)):
            shown = {id: (state["status"], state["version"]) for id, state in self.viewer.states.items()}
            assert time.monotonic() < ends, f"{self.viewer.relay} {shown}\n{self.processes.log()}"
            time.sleep(0.05)  # between two looks, with a deadline

    def _shows_the_truth(self, redis: Redis) -> bool:
        truth = self.truth(redis)
        shown = {id: state["version"] for id, state in self.viewer.states.items()}
        return shown == {id: state.version for id, state in truth.items()}

    def truth(self, redis: Redis) -> dict[str, JobState]:
        return {row.state.id: row.state for row in store.snapshot(redis, "all")[0]}

    def is_told(self, id: str) -> bool:
        return id in self.viewer.ends

    def ends(self, id: str) -> set[str]:
        """All that a page has shown as this job's end."""
        return self.viewer.ends.get(id, set())

    def log(self) -> str:
        """What web and workers said, which is in words for people."""
        text = self.processes.log()
        assert "Traceback" not in text, text
        return text
