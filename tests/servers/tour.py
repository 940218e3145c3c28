"""A visitor who uses every route of Headway once, as it is meant to be used, and keeps count of the routes."""

from collections.abc import Iterator
from typing import Any, cast

import requests
from werkzeug.routing import Map

from tests.conftest import Stack, until
from tests.push_service import PushService
from tests.realtime.clients import Client

NOWHERE = "http://127.0.0.1:1/"  # nobody listens there: a task that fetches it fails at once
BOOK = "https://www.goodreads.com/book/show/"


class Tour:
    def __init__(self, stack: Stack, routes: Map) -> None:
        self.stack = stack
        self.seen: set[tuple[str, str]] = set()  # (method, rule)
        self._routes = routes.bind("headway")
        self._me = stack.session()
        self._operator = requests.Session()
        self._operator.trust_env = False

    @property
    def me(self) -> requests.Session:
        return self._me

    def ask(self, method: str, path: str, status: int = 200, *, operator: bool = False, **given: Any) -> Any:
        """The answer, as JSON where it is JSON."""
        session = self._operator if operator else self._me
        answer = session.request(method, f"{self.stack.url}{path}", allow_redirects=False, **given)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        rule, _ = self._routes.match(path.partition("?")[0], method, return_rule=True)
        self.seen.add((method, rule.rule))
        return answer.json() if answer.headers["Content-Type"].startswith("application/json") else answer.text

    def manage(self, method: str, path: str, status: int = 200, **given: Any) -> Any:
        return self.ask(method, path, status, operator=True, **given)

    def submit(self, task: str, **args: Any) -> str:
        return str(self.ask("POST", "/api/jobs", 202, json={"task": task, "args": args})["id"])

    def until_it_is(self, status: str, id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job = self.ask("GET", f"/api/jobs/{id}")
            return job if job["status"] == status else None

        return cast(dict[str, Any], until(look, f"{id} to be {status}"))

    # -- what there is to see and do

    def pages(self) -> None:
        self.manage("POST", "/login", json={"token": self.stack.operator["Authorization"].removeprefix("Bearer ")})
        for page in ("/", "/jobs", "/jobs/x", "/queues", "/workers", "/schedule", "/audit", "/login"):
            self.manage("GET", page)
        for path in ("/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/tasks"):
            self.manage("GET", path)

    def waiting_jobs(self) -> None:
        """No worker takes any, so that there is time to look at them."""
        self.manage("POST", "/api/workers/suspend")
        assert self.manage("GET", "/api/workers")["suspended"] is True
        many = {"task": "sum_numbers", "args": [{"text": str(number)} for number in range(30)]}
        ids = self.ask("POST", "/api/jobs/bulk", 202, json=many)["ids"]
        [second, first] = [self.submit("text_length", text=text) for text in ("two", "one")]
        found = self.ask("GET", "/api/jobs?limit=10&q=sum_numbers%20state:queued")
        assert len(found["jobs"]) == 10 and found["cursor"] is not None
        assert [job["id"] for job in self.ask("GET", "/api/jobs?q=one")["jobs"]] == [first]
        assert self.ask("GET", "/api/counts?q=sum")["by_status"]["queued"] == 30
        assert self.ask("POST", f"/api/jobs/{first}/cancel")["status"] == "canceled"
        assert self.ask("POST", f"/api/jobs/{first}/requeue")["status"] == "queued"
        self.ask("DELETE", f"/api/jobs/{ids[0]}")
        self.ask("GET", f"/api/jobs/{ids[0]}", 404)
        assert self.manage("GET", "/api/queues")["queues"][0]["queued"] == 31
        assert self.ask("GET", "/get/") == "31"
        assert self.manage("POST", "/api/queues/default/empty")["count"] == 31
        self.ask("GET", f"/api/jobs/{second}", 404)
        self.manage("POST", "/api/workers/resume")

    def jobs_that_run(self, page: Client) -> None:
        key = {"Idempotency-Key": "once"}
        body = {"task": "sum_numbers", "args": {"text": "12"}}
        [id, same] = [self.ask("POST", "/api/jobs", 202, json=body, headers=key)["id"] for _ in range(2)]
        assert same == id and self.until_it_is("finished", id)["result"] == 3
        page.hear("ended", lambda told: tells_of(id, told))
        assert page.ask("seen", {"ids": [[id, 1]]}) == {"ok": True}
        again = self.ask("POST", f"/api/jobs/{id}/again", 202)["id"]
        assert self.until_it_is("finished", again)["args"] == {"text": "12"}
        failed = self.submit("count_words", url=NOWHERE)
        assert self.until_it_is("failed", failed)["traceback"]
        assert self.manage("POST", "/api/queues/default/requeue-failed")["count"] == 1
        assert self.until_it_is("failed", failed)["attempt"] == 2
        assert self.ask("GET", f"/api/jobs/{failed}/relatives")["dependencies"] == []

    def a_job_that_is_stopped(self, page: Client) -> None:
        id = self.submit("create_task", task_type=3)
        self.until_it_is("started", id)
        topics = page.watch(f"job:{id}", f"log:{id}")["topics"]
        assert topics[f"job:{id}"]["jobs"][0]["id"] == id
        page.hear("jobs", lambda told: told["topic"] == f"job:{id}" and told["jobs"][0]["completed"])
        page.hear("log", lambda told: told["topic"] == f"log:{id}" and told["lines"])
        self.ask("POST", f"/api/jobs/{id}/stop", 202)
        self.until_it_is("stopped", id)
        assert self.ask("GET", f"/api/jobs/{id}/log")["lines"][0]["text"].startswith("1 of 30 s")

    def actions(self) -> None:
        ids = [self.submit("sum_numbers", text="1") for _ in range(3)]
        for id in ids:
            self.until_it_is("finished", id)
        undone = self.ask("POST", "/api/actions", 202, json={"verb": "delete", "ids": ids})["id"]
        assert self.manage("GET", "/api/schedule")["scheduled"]["total"] == 1
        assert self.ask("POST", f"/api/actions/{undone}/undo")["status"] == "canceled"
        action = self.ask("POST", "/api/actions", 202, json={"verb": "delete", "q": "sum_numbers"})["id"]
        self.ask("POST", f"/api/jobs/{action}/enqueue")
        assert self.until_it_is("finished", action)["result"]["done"] >= 3
        self.ask("GET", f"/api/jobs/{ids[0]}", 404)

    def dashboard(self, page: Client) -> None:
        named = ("jobs", "mine", "queue:default", "stats", "schedule")
        assert all("error" not in answer for answer in page.watch(*named)["topics"].values())
        id = self.submit("sum_numbers", text="7")
        page.hear("jobs", lambda told: told["topic"] == "queue:default" and tells_of(id, told))
        for event in ("stats", "workers", "history", "schedule"):
            if event not in {passed for passed, _ in page.seen}:
                page.hear(event)
        assert page.ask("unwatch", {"topics": list(named)}) == {"ok": True}
        assert sum(self.manage("GET", "/api/history?span=15m")["total"]["ended"]) > 3
        assert self.manage("GET", "/api/audit?limit=200")["entries"]

    def cron(self) -> None:
        [scheduler] = until(lambda: self.manage("GET", "/api/schedule")["cron"], "the cron scheduler")
        asked = {"scheduler": scheduler["name"], "number": 0, "name": scheduler["entries"][0]["name"]}
        id = self.manage("POST", "/api/cron/enqueue", 202, json=asked)["id"]
        self.until_it_is("finished", id)

    def others(self) -> None:
        self.manage("POST", "/api/tokens", json={"topics": ["queue:default"]})
        service = PushService()
        service.key = self.ask("GET", "/api/push")["key"]
        browser = service.browser()
        self.ask("PUT", "/api/push", json={"subscription": browser.subscription})
        self.ask("DELETE", "/api/push", json={"endpoint": browser.subscription["endpoint"]})
        service.close()
        self.manage("POST", "/logout")

    def tutorials(self) -> None:
        id = self.ask("POST", "/tasks", 202, data={"type": "0"})["data"]["task_id"]
        until(lambda: self.ask("GET", f"/tasks/{id}")["data"]["task_status"] == "finished", "the tutorial's task")
        assert "added to queue" in self.ask("GET", "/task?n=text")
        assert "queued at" in self.ask("GET", f"/add-task?url={NOWHERE}")
        assert "queued at" in self.ask("POST", "/add-task", data={"url": NOWHERE})
        assert self.ask("POST", "/parseGoodreadsLinks", json=[f"{BOOK}1"]).startswith("1 books")
        assert "No meta info" in self.ask("GET", f"/getBookInfo?url={BOOK}1")
        for path in ("/rqstatus", "/rq", "/rq/", "/rq/job/x"):
            self.ask("GET", path, 302)

    def the_end_of_a_worker(self) -> None:
        self._operator.headers.update(self.stack.operator)  # it has logged out
        names = [worker["name"] for worker in self.manage("GET", "/api/workers")["workers"]]
        self.manage("POST", f"/api/workers/{names[0]}/shutdown", 202)
        self.manage("POST", "/api/workers/shutdown", 404, json={"name": "nobody"})
        until(lambda: len(self.manage("GET", "/api/workers")["workers"]) == len(names) - 1, "the end of a worker")


def tells_of(id: str, told: Any) -> bool:
    return id in [job["id"] for job in told["jobs"]]


FILES = ("/v/", "/js/", "/css/", "/vendor/", "/service-worker.js", "/favicon.ico")  # which know nothing of Redis


def routes_of(routes: Map) -> Iterator[tuple[str, str]]:
    """(method, rule) of all that Redis has a part in."""
    for rule in routes.iter_rules():
        if not rule.rule.startswith(FILES):
            yield from ((method, rule.rule) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})
