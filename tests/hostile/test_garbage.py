"""Whoever can write to Redis can break what they write to, and nothing else: no list, no page, no process."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from tests.conftest import Processes, Stack, free_port, is_ready, start_redis, until
from tests.hostile.rubbish import family, of_another_type, of_its_type
from tests.push_service import Browser
from tests.realtime.clients import Client, connected
from tests.servers.tour import NOWHERE
from workers import store
from workers.wire import decode

SEEDS = 1
PAGES = ("/", "/jobs", "/queues", "/workers", "/schedule", "/audit", "/jobs/{id}")
READS = (
    "/readyz",
    "/metrics",
    "/api/jobs?limit=200",
    "/api/jobs?q=sum",
    "/api/jobs?q=task:sum_numbers%20owner:x%20after:1d",
    "/api/counts",
    "/api/counts?q=sum&verb=delete",
    "/api/jobs/{id}",
    "/api/jobs/{id}/log",
    "/api/jobs/{id}/log?format=text",
    "/api/jobs/{id}/relatives",
    "/api/queues",
    "/api/workers",
    "/api/history?span=15m",
    "/api/history?span=24h",
    "/api/schedule",
    "/api/audit?limit=200",
    "/api/push",
    "/api/tasks",
    "/tasks/{id}",
    "/getBookInfo?url=https://www.goodreads.com/book/show/1",
    "/get/",
)
VERBS = ("cancel", "requeue", "stop", "enqueue", "again")
TOPICS = ("jobs", "mine", "queue:default", "stats", "schedule")
# the first is of limits; of the second workers/queue.py has to judge
LEFT_OUT = ("headway:rate:", "headway:once:")


class Victim:
    """An installation with something of everything, whose records are turned into rubbish and back."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.redis = store.connect(stack.redis_url)
        self.session = stack.session()
        self.session.headers.update(stack.operator)
        self.job = ""
        self.pages: tuple[str, ...] = PAGES

    def submit(self, task: str, **args: Any) -> str:
        return str(self.stack.submit(self.session, task, **args)["id"])

    def ask(self, method: str, path: str, **given: Any) -> requests.Response:
        return self.session.request(method, f"{self.stack.url}{path}", allow_redirects=False, **given)

    def fill(self) -> None:
        """A job that failed twice and logged, one that runs, one that waits for its time, an action, news, an audit."""
        self.job = self.submit("count_words", url=NOWHERE)
        self._until("failed")
        self.ask("POST", f"/api/jobs/{self.job}/requeue")
        self._until("failed", attempt=2)
        self.redis.rpush(f"headway:job:{self.job}:log", '{"n":1,"attempt":1,"at":1,"level":"info","text":"said"}')
        self.submit("create_task", task_type=3)
        self.submit("sum_numbers", text="1")
        self.ask("POST", "/api/actions", json={"verb": "delete", "ids": [self.job]})
        browser = Browser("https://push.example/a")
        self.ask("PUT", "/api/push", json={"subscription": browser.subscription})
        self.redis.set("headway:book:https://www.goodreads.com/book/show/1", '{"title":"A book"}')
        self.redis.sadd(f"rq:job:{self.job}:dependents", self.submit("text_length", text="x"))
        self.submit_book()
        self.redis.zadd("headway:due", {f"notify x {self.job} 1": 9e15})
        self.redis.set(f"headway:notice:{self.job}:1", '{"notify":{},"state":{}}')
        self.redis.zadd("headway:batches", {"a batch": 9e15})
        self.redis.set("headway:batches:a batch", "[]")
        until(lambda: self.ask("GET", "/api/schedule").json()["cron"], "the cron scheduler")
        until(lambda: self.ask("GET", "/readyz").ok, "the relay")

    def submit_book(self) -> None:
        """It waits: no worker takes it."""
        book = {"task": "parse_book", "args": {"url": "https://www.goodreads.com/book/show/2"}}
        assert self.ask("POST", "/api/jobs", json=book).status_code == 202

    def _until(self, status: str, attempt: int = 1) -> None:
        def look() -> bool:
            job = self.ask("GET", f"/api/jobs/{self.job}").json()
            return bool(job["status"] == status and job["attempt"] == attempt)

        until(look, f"the job to be {status}")

    def families(self) -> dict[str, str]:
        """A key of each kind; of jobs' keys that of the job that all is asked of."""
        keys = sorted(
            (key.decode() for key in cast(list[bytes], self.redis.keys("*"))), key=lambda key: self.job in key
        )
        return {family(key): key for key in keys if not key.startswith(LEFT_OUT)}

    def walk(self, page: Client) -> list[str]:
        """All that there is to see; what of it went wrong."""
        wrong = []
        for path in (*self.pages, *READS):
            answer = self.ask("GET", path.format(id=self.job))
            if answer.status_code >= 500 and not (path == "/readyz" and answer.status_code == 503):
                wrong.append(f"GET {path}: {answer.status_code}")
            if answer.headers["Content-Type"].startswith("application/json"):
                decode(answer.text)  # a browser's JSON knows no NaN
        names = [*TOPICS, f"job:{self.job}", f"log:{self.job}"]
        told = page.ask("watch", {"topics": names})
        for name, topic in told.get("topics", {"watch": told}).items():
            if topic.get("error", {}).get("code") not in (None, "not_found"):
                wrong.append(f"watch {name}: {topic}")
        page.ask("unwatch", {"topics": names})
        return wrong

    def act(self) -> list[str]:
        answers = [self.ask("POST", f"/api/jobs/{self.job}/{verb}") for verb in VERBS]
        return [f"{answer.url}: {answer.status_code}" for answer in answers if answer.status_code >= 500]


CRON = "from rq import cron\nfrom workers.jobs.text import sum_numbers\n"
CRON += 'cron.register(sum_numbers, "default", kwargs={"text": "1"}, interval=3600)\n'


@pytest.fixture
def victim(base_environment: dict[str, str], tmp_path: Path) -> Iterator[Victim]:
    server, redis_url = start_redis(tmp_path)
    started = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(free_port())}, tmp_path)
    started.start("-m", "realtime.server")
    for queue in ("default", "default", "headway"):
        started.worker(queue)
    (tmp_path / "cron.py").write_text(CRON)
    started.start("-m", "workers.main", "cron", HEADWAY_CRON=str(tmp_path / "cron.py"))
    url = f"http://127.0.0.1:{started.environment['PORT']}"
    until(lambda: is_ready(url), f"the web server ({started.log()})")
    made = Victim(Stack(url, redis_url, started, base_environment["HEADWAY_OPERATOR_TOKEN"]))
    made.fill()
    yield made
    made.redis.close()
    started.stop()
    server.terminate()
    server.wait()


def test_rubbish_in_one_record_breaks_nothing(victim: Victim) -> None:
    redis, wrong = victim.redis, []
    with connected(victim.stack.url, victim.session, victim.stack.operator) as page:
        assert victim.walk(page) == []
        victim.pages = ()  # which read no record: what they show, they ask for
        for kind, key in victim.families().items():
            kept = redis.dump(key)
            if kept is None:
                continue  # it has expired
            for seed in range(SEEDS + 1):
                if seed == SEEDS:
                    of_another_type(redis, key)
                else:
                    of_its_type(redis, key, random.Random(f"{kind} {seed}"))
                wrong += [f"{kind}, {seed}: {what}" for what in victim.walk(page)]
                redis.restore(key, 0, kept, replace=True)
    assert wrong == [], "\n".join(wrong)
    assert "Traceback" not in victim.stack.processes.log(0)
    assert is_ready(victim.stack.url)


def test_verbs_on_a_job_of_rubbish_are_answered(victim: Victim) -> None:
    redis, wrong = victim.redis, []
    for key in (f"headway:job:{victim.job}", f"rq:job:{victim.job}", f"rq:results:{victim.job}"):
        kept = redis.dump(key)
        assert kept is not None
        for seed in range(5):
            of_its_type(redis, key, random.Random(seed)) if seed else of_another_type(redis, key)
            wrong += [f"{key}, {seed}: {what}" for what in victim.act()]
            redis.restore(key, 0, kept, replace=True)
    assert wrong == [], "\n".join(wrong)


def test_a_job_of_rubbish_is_one_row_that_says_so_and_can_be_deleted(victim: Victim) -> None:
    of_another_type(victim.redis, f"headway:job:{victim.job}")
    rows = victim.ask("GET", "/api/jobs").json()["jobs"]
    assert [row["id"] for row in rows if row["status"] == "unreadable"] == [victim.job] and len(rows) > 3
    assert victim.ask("GET", f"/api/jobs/{victim.job}").json()["status"] == "unreadable"
    assert victim.ask("POST", f"/api/jobs/{victim.job}/cancel").status_code == 409
    assert victim.ask("DELETE", f"/api/jobs/{victim.job}").status_code == 200
    assert victim.job not in [row["id"] for row in victim.ask("GET", "/api/jobs").json()["jobs"]]


def test_a_gap_among_rubbish_alone_ends_no_process(victim: Victim) -> None:
    redis, web = victim.redis, victim.stack.processes
    with connected(victim.stack.url, victim.session, victim.stack.operator) as page:
        page.watch(*TOPICS, f"job:{victim.job}", f"log:{victim.job}")
        for number, key in enumerate(victim.families().values()):
            if redis.exists(key):
                of_another_type(redis, key) if number % 2 else of_its_type(redis, key, random.Random(number))
        redis.client_kill_filter(_type="pubsub")
        page.hear("relay", lambda told: told["state"] == "stale")
        page.hear("relay", lambda told: told["state"] == "live")
        assert victim.walk(page) == []
    assert is_ready(victim.stack.url) and "Traceback" not in web.log(0)
