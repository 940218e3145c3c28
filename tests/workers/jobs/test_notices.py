"""News of ends, sent by real workers: queued as they would be once they are due."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from tests.conftest import Processes, ended, until
from tests.mail_box import MailBox
from tests.push_service import Browser, PushService
from tests.web_hook import WebHook
from tests.workers.conftest import Clock
from tests.workers.test_notices import WISH, end, pass_time, queued
from tests.workers.test_webpush import subscription_of
from workers import actions, delivery, inbox, subscriptions
from workers import jobs as jobs_package
from workers.lifecycle import TrackedQueue
from workers.notices import Notices
from workers.queue import Jobs
from workers.sweeper import Sweeper
from workers.tasks import Tasks
from workers.verbs import Verb
from workers.wire import ACTIONS_QUEUE, NEWS_QUEUE, Status, index_key


@pytest.fixture
def browser(redis: Redis, push_service: PushService) -> Browser:
    """One of mine that wants to be told of all ends."""
    return subscribed(redis, push_service)


def subscribed(redis: Redis, push_service: PushService, owner: str = "me", **wishes: Any) -> Browser:
    browser = push_service.browser()
    subscriptions.put(redis, owner, subscription_of(browser, **wishes))
    return browser


@pytest.fixture
def release(redis: Redis, clock: Clock) -> Callable[[], list[str]]:
    """Queue all that will be due; returns the ids of the jobs that send it."""
    sweeper = Sweeper(redis, [])
    notices = Notices(redis, clock=clock)

    def release_now() -> list[str]:
        assert sweeper._holds_lock()
        pass_time(redis)
        clock.now += 1
        before = set(sent_by(redis))
        notices.look(sweeper.hold)
        return [id for id in sent_by(redis) if id not in before]

    return release_now


def sent_by(redis: Redis) -> list[str]:
    """The ids of all jobs that send, oldest first."""
    scopes = [index_key(f"queue:{NEWS_QUEUE}", status) for status in Status]
    return [id.decode() for scope in scopes for id in redis.zrange(scope, 0, -1)]  # type: ignore[union-attr]


def outcome(jobs: Jobs, id: str) -> tuple[str, Any]:
    state = ended(jobs, id).state
    return state.status, state.result if state.error is None else state.error["message"]


def test_a_push_says_what_ended(
    redis: Redis, jobs: Jobs, push_service: PushService, browser: Browser, release: Any, processes: Processes
) -> None:
    end(redis, "a", task="count_words")
    [id] = release()
    processes.worker(NEWS_QUEUE)
    assert outcome(jobs, id) == (Status.FINISHED, "sent")
    [push] = push_service.pushes
    assert push.message == {
        "title": "count_words finished",
        "body": "",
        "id": "a",
        "ended": [["a", 1]],
        "status": "finished",
    }
    assert (push.headers["topic"], push.headers["ttl"]) == ("a", "43200")


def test_ten_at_once_are_one_push(
    redis: Redis, jobs: Jobs, push_service: PushService, browser: Browser, release: Any, processes: Processes
) -> None:
    for number in range(10):
        end(redis, f"a{number}", Status.FAILED if number == 5 else Status.FINISHED)
    [id] = release()
    inbox.forget(redis, "me", [("a9", 1)])  # shown, between then and now
    processes.worker(NEWS_QUEUE)
    assert outcome(jobs, id) == (Status.FINISHED, "sent")
    [push] = push_service.pushes
    assert (push.message["title"], push.message["body"]) == ("9 jobs ended", "8 finished, 1 failed")
    assert push.message["id"] is None and push.message["ended"] == [[f"a{number}", 1] for number in range(9)]
    assert push.headers["topic"] == "headway-summary"


def test_what_was_seen_while_it_waited_is_not_sent(
    redis: Redis, jobs: Jobs, push_service: PushService, browser: Browser, release: Any, processes: Processes
) -> None:
    end(redis, "a")
    end(redis, "b")
    ids = release()
    inbox.forget(redis, "me", [("a", 1)])
    processes.worker(NEWS_QUEUE)
    assert sorted(outcome(jobs, id)[1] for id in ids) == ["seen before", "sent"]
    assert [message["id"] for message in push_service.told(browser)] == ["b"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_unsubscribed(
    status: int,
    redis: Redis,
    jobs: Jobs,
    push_service: PushService,
    browser: Browser,
    release: Any,
    processes: Processes,
) -> None:
    push_service.answers.append((status, {}))
    end(redis, "a")
    end(redis, "b")
    ids = release()
    processes.worker(NEWS_QUEUE)
    assert {outcome(jobs, id)[1] for id in ids} == {"unsubscribed", "unsubscribed before"}
    assert subscriptions.load_all(redis, "me") == [] and len(push_service.pushes) == 1
    end(redis, "c")
    assert release() == []


def test_who_asks_to_wait_is_tried_again_later_and_others_are_not(
    redis: Redis, jobs: Jobs, push_service: PushService, browser: Browser, release: Any, processes: Processes
) -> None:
    other = subscribed(redis, push_service)
    push_service.answers.append((429, {"Retry-After": "2"}))
    end(redis, "a")
    ids = release()
    processes.worker(NEWS_QUEUE)
    processes.start("-m", "workers.main", "scheduler")
    assert [outcome(jobs, id) for id in ids] == [(Status.FINISHED, "sent")] * 2
    told = [push_service.told(one) for one in (browser, other)]
    assert sorted(len(one) for one in told) == [1, 2]
    first, *_, last = push_service.pushes
    assert first.browser is last.browser and last.at - first.at >= 2
    assert {jobs.load(id).state.attempt for id in ids} == {1, 2}


@pytest.mark.parametrize("status", [400, 403, 413])
def test_what_is_refused_fails_and_no_log_has_the_endpoint(
    status: int,
    redis: Redis,
    jobs: Jobs,
    push_service: PushService,
    browser: Browser,
    release: Any,
    processes: Processes,
) -> None:
    push_service.answers.append((status, {}))
    end(redis, "a")
    [id] = release()
    processes.worker(NEWS_QUEUE)
    assert outcome(jobs, id) == (
        Status.FAILED,
        f"expected 127.0.0.1 to take the message, got the answer {status}",
    )
    job = jobs.detail(id)[0]
    assert job is not None and job.kwargs == {"owner": "me", "digest": subscription_of(browser).digest, "ends": ["a 1"]}
    result = job.latest_result()
    assert result is not None
    said = processes.log() + str(result.exc_string) + jobs.load(id).body
    assert "Undeliverable" in said
    keys = browser.subscription["keys"]
    for secret in (browser.endpoint, browser.endpoint.rpartition("/")[2], keys["p256dh"], keys["auth"]):
        assert secret not in said
    assert len(push_service.pushes) == 1 and subscriptions.load_all(redis, "me")


def test_a_private_endpoint_is_refused(
    redis: Redis, jobs: Jobs, push_service: PushService, browser: Browser, release: Any, processes: Processes
) -> None:
    end(redis, "a", notify={"webhook": browser.endpoint, "by": "operator"})
    ids = release()
    processes.worker(NEWS_QUEUE, HEADWAY_ALLOW_PRIVATE_FETCH="0")
    for id in ids:
        assert outcome(jobs, id) == (Status.FAILED, "expected a public address, got 127.0.0.1")
    assert len(ids) == 2 and not push_service.pushes
    assert browser.endpoint.rpartition("/")[2] not in processes.log()


# -- webhooks and mail


def test_a_webhook_is_signed_and_tried_again_with_the_same_id(
    redis: Redis, jobs: Jobs, web_hook: WebHook, release: Any, processes: Processes
) -> None:
    web_hook.answers.append((500, {"Retry-After": "1"}))
    end(redis, "a", notify={"webhook": web_hook.url, "by": "operator"})
    state = json.loads(jobs.load("a").body)
    [id] = release()
    processes.worker(NEWS_QUEUE)
    processes.start("-m", "workers.main", "scheduler")
    assert outcome(jobs, id) == (Status.FINISHED, "sent")
    assert web_hook.ids == ["a_1", "a_1"] and not web_hook.wrong
    assert [event["data"] for event in web_hook.events] == [state, state]
    assert "a-secret-path" not in processes.log() + jobs.load(id).body


def test_mail_is_sent_once_to_one(
    redis: Redis, jobs: Jobs, mail_box: MailBox, release: Any, processes: Processes
) -> None:
    end(redis, "a", Status.FAILED, notify={"email": "me@shop.example", "by": "operator"}, task="count_words")
    [id] = release()
    processes.worker(NEWS_QUEUE)
    assert outcome(jobs, id) == (Status.FINISHED, "sent")
    [mail] = mail_box.mails
    assert mail["Subject"] == "count_words failed" and mail_box.recipients == [["me@shop.example"]]
    assert "hunter2" not in processes.log()


def test_it_is_told_though_its_job_has_been_deleted(
    redis: Redis, jobs: Jobs, web_hook: WebHook, release: Any, processes: Processes
) -> None:
    made = jobs.submit(
        "sum_numbers", {"text": "12"}, owner="me", notify={"webhook": web_hook.url, "by": "operator"}
    ).state.id
    processes.worker()
    ended(jobs, made)
    jobs.delete(made)
    [id] = release()
    processes.worker(NEWS_QUEUE)
    assert outcome(jobs, id) == (Status.FINISHED, "sent")
    [event] = web_hook.events
    assert (event["data"]["id"], event["data"]["result"]) == (made, 3)


def test_what_has_expired_and_what_is_not_set_fails_with_a_reason(
    redis: Redis, jobs: Jobs, release: Any, processes: Processes
) -> None:
    end(redis, "a", notify=WISH)
    end(redis, "b", notify={"email": "me@shop.example", "by": "operator"})
    ids = release()
    redis.delete("headway:notice:b:1")
    processes.worker(NEWS_QUEUE, HEADWAY_WEBHOOK_SECRET="", HEADWAY_SMTP_URL="")
    assert {outcome(jobs, id)[1] for id in ids} == {
        "HEADWAY_WEBHOOK_SECRET is not set for this worker: set it where the workers that send news are started",
        "HEADWAY_SMTP_URL is not set for this worker: set it where the workers that send news are started",
        "nothing is kept of the end of b any more",
    }


# -- what they are


def test_they_are_offered_to_nobody_and_cause_no_news(redis: Redis, jobs: Jobs, browser: Browser, release: Any) -> None:
    tasks = Tasks.collect(jobs_package)
    names = {"send_push", "send_webhook", "send_mail"}
    assert not names & {task.name for task in tasks}
    assert all(tasks.get(name).internal and tasks.get(name).queue == NEWS_QUEUE for name in names)
    end(redis, "a")
    [id] = release()
    assert jobs.load(id).owner == "" and len(queued(redis)) == 1
    jobs.cancel(id)
    assert release() == [] and not redis.exists("headway:due")


def test_messages_that_the_release_before_left_on_its_queue_are_sent(
    redis: Redis, jobs: Jobs, web_hook: WebHook, release: Any, processes: Processes
) -> None:
    end(redis, "a", notify={"webhook": web_hook.url, "by": "operator"})
    [id] = release()
    job = jobs.detail(id)[0]
    assert job is not None
    old = TrackedQueue(ACTIONS_QUEUE, connection=redis)
    old.enqueue_job(old.create_job(job.func_name, kwargs=job.kwargs, job_id="old", timeout=60))
    processes.worker(ACTIONS_QUEUE)
    assert outcome(jobs, "old") == (Status.FINISHED, "sent") and web_hook.ids == ["a_1"]


def test_receivers_that_never_answer_hold_up_neither_others_news_nor_an_operators_action(
    redis: Redis, jobs: Jobs, push_service: PushService, release: Any, processes: Processes
) -> None:
    """Twenty browsers of one owner at an address that takes connections, and says nothing: one time-out, not sixty."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as black_hole:
        port = black_hole.getsockname()[1]
        one = subscription_of(push_service.browser())
        for number in range(subscriptions.MOST):
            subscriptions.put(redis, "mallory", replace(one, endpoint=f"http://localhost:{port}/{number}"))
        for number in range(3):
            end(redis, f"m{number}", owner="mallory")
        mine = subscribed(redis, push_service)
        end(redis, "a")
        sending = release()
        assert len(sending) == 3 * subscriptions.MOST + 1
        processes.worker(NEWS_QUEUE)
        processes.worker(ACTIONS_QUEUE)
        until(lambda: redis.zcard(index_key(f"queue:{NEWS_QUEUE}", Status.STARTED)), "the first try")
        ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 10, owner="me")
        id, total = actions.collect(redis, [ids])
        actions.begin(jobs, id, Verb.CANCEL, total, owner="operator", everybody=True)
        assert ended(jobs, id, within=5).state.result["done"] == 10, "long before the first time-out"
        until(lambda: push_service.told(mine), "my push", within=2 * delivery.LIMIT)
        black_hole.setblocking(False)
        tries = 0
        with suppress(BlockingIOError):
            while True:
                black_hole.accept()[0].close()
                tries += 1
        assert tries == 1
        put_off = redis.zcard(index_key(f"queue:{NEWS_QUEUE}", Status.SCHEDULED))
        assert put_off == 3 * subscriptions.MOST
