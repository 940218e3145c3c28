"""One installation of the release before, with all that a job may be, upgraded in place: nothing of it is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from tests.conftest import Processes, free_port, is_ready, start_redis, until
from tests.push_service import Browser, PushService
from tests.realtime.clients import connected
from tests.upgrade.conftest import Before
from tests.web_hook import WebHook
from workers import store
from workers.installation import FINGERPRINT_KEY, SCHEMA, SCHEMA_KEY, fingerprint
from workers.wire import INTERNAL_QUEUES

LEFT = Path(__file__).with_name("left.py")
QUEUES = "default:2,mail:1,rq:queue:shop:1"
QUICK = {"HEADWAY_GRACE": "1", "HEADWAY_VERDICT": "5"}  # seconds
WITHIN = 30.0  # seconds; the machine has other things to do


def program(token: str = "") -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    return session


@dataclass
class Installation:
    """`ids` are those of its jobs, by what they are."""

    url: str
    redis: Redis
    me: requests.Session
    operator: requests.Session
    service: PushService
    browser: Browser
    hook: WebHook
    ids: dict[str, Any] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)  # by the release before
    now: dict[str, Any] = field(default_factory=dict)  # by this one, before any worker ran
    inbox: list[str] = field(default_factory=list)

    def ask(self, path: str, *, by: requests.Session | None = None) -> dict[str, Any]:
        answer = (by or self.operator).get(self.url + path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def do(self, path: str, body: Any = None, *, by: requests.Session | None = None, key: str = "") -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        answer = (by or self.me).post(self.url + path, json=body, headers=headers)
        assert answer.ok, answer.text
        return dict(answer.json())

    def submit(self, task: str = "sum_numbers", by: requests.Session | None = None, **more: Any) -> str:
        args = more.pop("args", {"text": "12"} if task == "sum_numbers" else {})
        return str(self.do("/api/jobs", {"task": task, "args": args, **more}, by=by)["id"])

    def status(self, id: str) -> str:
        answer = self.operator.get(f"{self.url}/api/jobs/{id}")
        return str(answer.json()["status"]) if answer.ok else str(answer.status_code)

    def is_at(self, id: str, attempt: int) -> bool:
        return bool(self.ask(f"/api/jobs/{id}")["attempt"] == attempt)

    def becomes(self, name: str, status: str) -> None:
        id = self.ids.get(name, name)
        until(lambda: self.status(id) == status or "", f"{name} to be {status}, not {self.status(id)}", WITHIN)


def use(here: Installation, old: Processes, before: Before) -> None:
    """What people did with the release before, up to the moment at which it ends."""
    web = old.start("-m", "realtime.server")
    scheduler = old.start("-m", "workers.main", "scheduler")
    workers = [old.worker(), old.worker()]
    until(lambda: is_ready(here.url), f"the release before ({old.log()})")
    here.me.get(here.url).raise_for_status()
    ids = here.ids
    ids["finished"] = here.submit()
    ids["failed"] = here.submit("count_words", args={"url": "nowhere"})
    ids["failed and again"] = here.submit("count_words", args={"url": "nowhere"})
    ids["failed and deleted"] = here.submit("count_words", args={"url": "nowhere"})
    ids["by key"] = here.do("/api/jobs", {"task": "sum_numbers", "args": {"text": "7"}}, key="k")["id"]
    ids["told"] = here.submit(by=here.operator, notify={"webhook": here.hook.url})
    for name in ("finished", "by key", "told"):
        here.becomes(name, "finished")
    for name in ("failed", "failed and again", "failed and deleted"):
        here.becomes(name, "failed")

    # one is stopped; then both workers have one that runs
    ids["stopped"] = here.submit("background_work")
    here.becomes("stopped", "started")
    until(lambda: here.ask(f"/api/jobs/{ids['stopped']}/log")["lines"], "its log")
    here.do(f"/api/jobs/{ids['stopped']}/stop")
    here.becomes("stopped", "stopped")
    for name in ("running", "running too"):
        ids[name] = here.submit("create_task", args={"task_type": 3})
        here.becomes(name, "started")
    ids["waiting"] = here.submit()
    ids["canceled"] = here.submit()
    here.do(f"/api/jobs/{ids['canceled']}/cancel")
    ids["bulk"] = here.do("/api/jobs/bulk", {"task": "sum_numbers", "args": [{"text": "1"}] * 3})["ids"]
    ids["mail"] = here.submit(queue="mail")
    here.service.key = here.ask("/api/push")["key"]
    here.me.put(f"{here.url}/api/push", json={"subscription": here.browser.subscription}).raise_for_status()
    asked = {"topics": [f"job:{ids['finished']}"], "expires": 3600}
    here.said["token"] = here.do("/api/tokens", asked, by=here.operator)["token"]
    until(lambda: here.redis.llen(f"rq:queue:{before.news}"), "the webhook to wait for its worker")

    ids.update(leave_more(old))
    scheduler.terminate()
    scheduler.wait()
    ids["action"] = here.do("/api/actions", {"verb": "delete", "ids": [ids["failed and deleted"]]})["id"]
    here.said |= told_of(here)
    dies, _ = sorted(workers, key=lambda worker: f".{worker.pid}." not in here.said["running"]["worker"])
    dies.kill()
    for process in (*workers, web):
        process.terminate()
    for process in (*workers, web):
        process.wait()


def leave_more(old: Processes) -> dict[str, Any]:
    command = [sys.executable, "-c", LEFT.read_text()]
    made = subprocess.run(command, cwd=old.root, env={**os.environ, **old.environment}, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return dict(json.loads(made.stdout))


def told_of(here: Installation) -> dict[str, Any]:
    """What the API says of what has ended."""
    ids = here.ids
    return {
        "ended": [job for job in here.ask("/api/jobs?limit=200")["jobs"] if job["ended_at"] is not None],
        "log": here.ask(f"/api/jobs/{ids['stopped']}/log")["lines"],
        "detail": here.ask(f"/api/jobs/{ids['finished']}", by=here.me),
        "traceback": here.ask(f"/api/jobs/{ids['failed']}", by=here.me)["traceback"],
        "running": here.ask(f"/api/jobs/{ids['running']}"),
        "audit": here.ask("/api/audit")["entries"],
        "history": here.ask("/api/history?span=24h"),
    }


@pytest.fixture(scope="module")
def here(
    base_environment: dict[str, str],
    before: Before,
    root_of: Callable[[Before], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    server, redis_url = start_redis(tmp_path_factory.mktemp("redis"))
    port = free_port()
    environment = {**base_environment, **QUICK, "REDIS_URL": redis_url, "PORT": str(port)}
    hook, service = WebHook(environment["HEADWAY_WEBHOOK_SECRET"]), PushService()
    made = Installation(
        f"http://127.0.0.1:{port}",
        store.connect(redis_url),
        program(),
        program(environment["HEADWAY_OPERATOR_TOKEN"]),
        service,
        service.browser(),
        hook,
    )
    old = Processes(
        {**environment, "HEADWAY_QUEUES": before.queues}, tmp_path_factory.mktemp("before"), root_of(before)
    )
    new = Processes({**environment, "HEADWAY_QUEUES": QUEUES}, tmp_path_factory.mktemp("after"))
    try:
        use(made, old, before)
        assert not hook.events and not service.pushes, "all is to be told by the release that follows"
        new.start("-m", "realtime.server")
        until(lambda: is_ready(made.url), f"this release ({new.log()})", WITHIN)
        made.now = told_of(made)
        with connected(made.url, made.me) as page:
            made.inbox = [state["id"] for state in page.hear("ended")["jobs"]]
        for queue in ("default", "shop", *INTERNAL_QUEUES):
            new.worker(queue)
        new.start("-m", "workers.main", "scheduler")
        yield made
    finally:
        for part in (old, new):
            part.stop()
        for receiver in (hook, service):
            receiver.close()
        made.redis.close()
        server.terminate()
        server.wait()


def test_its_data_are_of_this_release_from_now_on(here: Installation, base_environment: dict[str, str]) -> None:
    assert here.redis.get(SCHEMA_KEY) == str(SCHEMA).encode()
    assert here.redis.get(FINGERPRINT_KEY) == fingerprint(base_environment["SECRET_KEY"]).encode()


def test_what_has_ended_is_told_as_before(here: Installation) -> None:
    before, now = here.said, here.now
    ids = {job["id"] for job in before["ended"]}
    assert [job for job in now["ended"] if job["id"] in ids] == before["ended"], "every field, in the same order"
    assert now["log"] == before["log"] and before["log"]
    assert now["traceback"] == before["traceback"] and "Error" in before["traceback"]
    assert {name: now["detail"][name] for name in before["detail"]} == before["detail"]
    assert now["audit"] == before["audit"] and before["audit"]


def test_a_running_job_goes_on_or_is_judged_as_its_worker_was_asked_to_end_or_killed(here: Installation) -> None:
    here.becomes("running too", "started")
    assert here.ask(f"/api/jobs/{here.ids['running too']}")["attempt"] == 2
    here.do(f"/api/jobs/{here.ids['running too']}/stop")
    here.becomes("running too", "stopped")
    here.becomes("running", "failed")


def test_the_history_goes_on(here: Installation) -> None:
    before, now = (sum(said["history"]["total"]["ended"]) for said in (here.said, here.now))
    assert now >= before > 0


def test_ends_that_no_page_has_shown_are_told_by_socket_and_by_push(here: Installation) -> None:
    assert {here.ids["finished"], here.ids["by key"]} <= set(here.inbox)
    until(lambda: here.service.told(here.browser), "a push of what has ended since", WITHIN)


def test_a_webhook_that_waited_to_be_sent_is_sent(here: Installation) -> None:
    until(lambda: here.hook.events, "the webhook", WITHIN)
    assert here.hook.events[0]["data"]["id"] == here.ids["told"] and not here.hook.wrong


def test_what_waited_runs_once_and_counts_from_its_old_queue(here: Installation) -> None:
    for id in (here.ids["waiting"], here.ids["first"], *here.ids["bulk"]):
        here.becomes(id, "finished")
        job = here.ask(f"/api/jobs/{id}")
        assert (job["attempt"], job["queue"]) == (1, "default")
    assert here.status(here.ids["canceled"]) == "canceled"


def test_what_a_worker_had_taken_and_not_begun_runs(here: Installation) -> None:
    for name in ("popped", "popped of actions"):
        here.becomes(name, "finished")
        assert here.is_at(here.ids[name], 1)


def test_what_waited_for_another_job_runs_after_it(here: Installation) -> None:
    here.becomes("deferred", "finished")


def test_what_was_scheduled_keeps_its_time(here: Installation) -> None:
    here.becomes("soon", "finished")
    assert here.status(here.ids["later"]) == "scheduled"
    assert here.ids["later"] in [job["id"] for job in here.ask("/api/schedule")["scheduled"]["jobs"]]


def test_jobs_of_a_queue_that_is_now_named_in_full_stay_there_and_run(here: Installation) -> None:
    for name in ("in full", "in full and soon"):
        here.becomes(name, "finished")
        assert here.redis.hget(f"rq:job:{here.ids[name]}", "origin") == b"shop"


def test_a_queue_without_a_worker_is_brought_along_too(here: Installation) -> None:
    mail = here.ids["mail"].encode()
    until(lambda: here.redis.lrange("rq:queue:headway.mail", 0, -1) == [mail], "it to move", WITHIN)
    assert here.do("/api/queues/mail/empty", by=here.operator)["count"] == 1


def test_started_jobs_that_nobody_runs_are_judged(here: Installation) -> None:
    for name in ("silent", "stranded"):
        here.becomes(name, "failed")


def test_half_a_bulk_submit_is_taken_back(here: Installation) -> None:
    for id in here.ids["half"]:
        here.becomes(id, "404")


def test_a_delete_that_could_still_be_undone_is_done(here: Installation) -> None:
    here.becomes("failed and deleted", "404")
    here.becomes("action", "finished")


def test_what_has_ended_can_be_requeued_run_again_and_deleted(here: Installation) -> None:
    ids = here.ids
    here.do(f"/api/jobs/{ids['canceled']}/requeue")
    here.becomes("canceled", "finished")
    again = here.do(f"/api/jobs/{ids['finished']}/again")["id"]
    here.becomes(again, "finished")
    for name in ("failed", "stopped"):
        here.do(f"/api/jobs/{ids[name]}/requeue")
        until(partial(here.is_at, ids[name], 2), "its second attempt", WITHIN)
    assert here.me.delete(f"{here.url}/api/jobs/{ids['failed and again']}").ok
    assert here.status(ids["failed and again"]) == "404"


def test_an_idempotency_key_gives_the_same_job(here: Installation) -> None:
    request = {"task": "sum_numbers", "args": {"text": "7"}}
    assert here.do("/api/jobs", request, key="k")["id"] == here.ids["by key"]


def test_a_token_of_before_still_lets_its_page_watch_its_job(here: Installation) -> None:
    topic = f"job:{here.ids['finished']}"
    with connected(here.url) as page:
        answer = page.ask("watch", {"topics": [topic], "token": here.said["token"]})
    assert [job["id"] for job in answer["topics"][topic]["jobs"]] == [here.ids["finished"]], answer
