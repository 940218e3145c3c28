"""Submits that name a webhook or an address: who may, what is refused, and that they are told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from realtime.access import Access, Visitor
from realtime.tokens import Grant, Tokens
from tests.conftest import Stack, until
from tests.mail_box import MailBox
from tests.push_service import Browser
from tests.realtime.conftest import TOKEN
from tests.realtime.test_api import error
from tests.web_hook import WebHook
from workers import allowance
from workers.queue import Jobs
from workers.settings import Secrets, Settings

HOOK = {"webhook": "https://hook.example/a-secret"}


def submit(client: FlaskClient, notify: Any, token: str = "", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"task": "sum_numbers", "args": {"text": "1"}, "notify": notify, **more}
    return client.post("/api/jobs", json=body, headers=headers)


@pytest.fixture
def make_token(operator: FlaskClient) -> Callable[..., str]:
    def make(**said: Any) -> str:
        answer = operator.post("/api/tokens", json={"notify": True, **said})
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["token"])

    return make


def test_operators_and_tokens_may_and_nobody_else(
    me: FlaskClient, operator: FlaskClient, app: Flask, make_token: Callable[..., str], jobs: Jobs, redis: Redis
) -> None:
    error(submit(me, HOOK), 403, "forbidden")
    error(submit(me, HOOK, make_token(topics=["jobs"], notify=False, act=True)), 403, "forbidden")
    error(submit(me, HOOK, "no token"), 401, "unauthorized")
    assert not redis.keys("rq:job:*")
    program = app.test_client(use_cookies=False)
    for answer in (submit(operator, HOOK), submit(program, HOOK, make_token())):
        assert answer.status_code == 202
        job = jobs.detail(answer.get_json()["id"])[0]
        assert job is not None and job.notify is not None and job.notify["webhook"] == HOOK["webhook"]
        for shown in (answer, operator.get(f"/api/jobs/{job.id}")):
            assert "a-secret" not in shown.text and "notify" not in shown.get_json()


def test_a_token_that_is_over_says_so(me: FlaskClient, make_token: Callable[..., str]) -> None:
    error(submit(me, HOOK, make_token(expires=0.000_001)), 401, "expired")


def test_a_program_with_a_token_needs_no_other_right_to_submit(app: Flask, make_token: Callable[..., str]) -> None:
    program = app.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {make_token()}"}
    answer = program.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}, headers=headers)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("notify", "field"),
    [
        ({}, "notify"),
        ({"webhook": None}, "notify"),
        ([], "notify"),
        ({"webhook": 5}, "notify.webhook"),
        ({"webhook": "hook.example"}, "notify.webhook"),
        ({"webhook": "https://hook.example/" + "a" * 2000}, "notify.webhook"),
        ({"email": "me"}, "notify.email"),
        ({"email": "me@shop.example, you@shop.example"}, "notify.email"),
        ({"email": "me@shop.example\r\nBcc: you@shop.example"}, "notify.email"),
        ({"sms": "1"}, "notify.sms"),
    ],
)
def test_a_wrong_wish_names_the_field_and_queues_nothing(
    notify: Any, field: str, operator: FlaskClient, redis: Redis
) -> None:
    wrong = error(submit(operator, notify), 400, "bad_request")
    assert list(wrong["fields"]) == [field]
    assert not redis.keys("rq:job:*") and not redis.keys("headway:allowance:*")


@pytest.mark.parametrize(
    ("without", "notify", "named"),
    [
        ("webhook", HOOK, "HEADWAY_WEBHOOK_SECRET"),
        ("email", {"email": "me@shop.example"}, "HEADWAY_SMTP_URL"),
        ("email", {"email": "me@shop.example"}, "HEADWAY_MAIL_FROM"),
    ],
)
def test_what_is_not_set_up_is_refused_with_what_to_set(
    without: str, notify: Any, named: str, app: Flask, operator: FlaskClient
) -> None:
    here = app.extensions["headway"]
    app.extensions["headway"] = replace(
        here, settings=replace(here.settings, notices=tuple({"webhook", "email"} - {without}))
    )
    assert named in error(submit(operator, notify), 400, "bad_request")["message"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "10.0.0.1:8443",
        "[fec0::1]",
        "[::ffff:0:7f00:1]",
    ],
)
def test_an_address_of_our_network_is_refused_when_it_is_named(host: str, app: Flask, operator: FlaskClient) -> None:
    here = app.extensions["headway"]
    app.extensions["headway"] = replace(here, settings=replace(here.settings, allow_private_fetch=False))
    browser = {"endpoint": f"https://{host}/", "keys": Browser("").subscription["keys"]}
    for answer, field in (
        (submit(operator, {"webhook": f"https://{host}/"}), "notify.webhook"),
        (operator.put("/api/push", json={"subscription": browser}), "subscription.endpoint"),
    ):
        assert error(answer, 400, "bad_request")["fields"] == {
            field: {"expected": "a public address", "got": "another"}
        }


def test_a_bulk_submit_takes_no_wish(operator: FlaskClient) -> None:
    body = {"task": "sum_numbers", "args": [{"text": "1"}], "notify": HOOK}
    assert list(error(operator.post("/api/jobs/bulk", json=body), 400, "bad_request")["fields"]) == ["notify"]


def test_twenty_an_hour_for_each_token_and_for_all_operators(
    operator: FlaskClient, app: Flask, redis: Redis, make_token: Callable[..., str]
) -> None:
    token, other = make_token(), make_token()
    for by in ("operator", f"token:{read(token).digest}"):
        for _ in range(allowance.MOST - 1):
            allowance.spend_notice(redis, by)
    program = app.test_client(use_cookies=False)
    for answer in (submit(operator, HOOK), submit(program, HOOK, token)):
        assert answer.status_code == 202
    for answer in (submit(operator, HOOK), submit(program, HOOK, token), submit(program, HOOK, f" {token}")):
        error(answer, 429, "too_many")
        assert 3590 < int(answer.headers["Retry-After"]) <= 3600
    assert submit(program, HOOK, other).status_code == 202
    assert submit(operator, None).status_code == 202


def read(token: str) -> Grant:
    grant = Tokens("a key").read(token)
    assert grant is not None
    return grant


def test_the_same_key_with_another_wish_is_another_request(operator: FlaskClient) -> None:
    def send(notify: Any) -> Any:
        body = {"task": "sum_numbers", "args": {"text": "1"}, "notify": notify}
        return operator.post("/api/jobs", json=body, headers={"Idempotency-Key": "k"})

    assert send(HOOK).get_json()["id"] == send(HOOK).get_json()["id"]
    error(send(None), 409, "conflict")


@pytest.mark.parametrize("name", ["send_push", "send_webhook", "send_mail"])
def test_nobody_submits_what_headway_sends_by(name: str, operator: FlaskClient) -> None:
    wrong = error(operator.post("/api/jobs", json={"task": name, "args": {}}), 400, "bad_request")
    assert list(wrong["fields"]) == ["task"] and "send_" not in wrong["fields"]["task"]["expected"]
    body = {"task": "sum_numbers", "args": {"text": "1"}, "queue": "headway"}
    wrong = error(operator.post("/api/jobs", json=body), 400, "bad_request")
    assert wrong["fields"]["queue"]["expected"] == "one of default, bookInfoParser"
    assert name not in operator.get("/api/tasks").text


def test_who_may_notify(settings: Settings) -> None:
    access = Access(settings, Secrets("key", TOKEN, False))
    grant = Grant(frozenset(), 2e9, act=False, notify=True)
    asked = [(Visitor("me", True), None), (Visitor("", False), grant), (Visitor("me", False), None)]
    assert [access.may_notify(*one) is None for one in asked] == [True, True, False]


# -- all of it


@pytest.fixture
def hooked(stack: Stack, web_hook: WebHook, mail_box: MailBox) -> Iterator[dict[str, str]]:
    yield {"webhook": web_hook.url, "email": "me@shop.example"}
    said = stack.processes.log()
    assert "a-secret-path" not in said and "hunter2" not in said


def test_both_are_told_of_an_end_and_again_of_the_next(
    stack: Stack, hooked: dict[str, str], web_hook: WebHook, mail_box: MailBox
) -> None:
    session = stack.session()
    session.headers.update(stack.operator)
    body = {"task": "count_words", "args": {"url": "http://127.0.0.1:1/"}, "notify": hooked}
    job = session.post(f"{stack.url}/api/jobs", json=body).json()
    until(lambda: web_hook.events and mail_box.mails, "both")
    session.post(f"{stack.url}/api/jobs/{job['id']}/requeue").raise_for_status()
    until(lambda: len(web_hook.events) == len(mail_box.mails) == 2, "both again")
    assert web_hook.ids == [f"{job['id']}_1", f"{job['id']}_2"] and not web_hook.wrong
    data = web_hook.events[1]["data"]
    assert (data["id"], data["status"], data["attempt"]) == (job["id"], "failed", 2)
    assert [mail["Subject"] for mail in mail_box.mails] == ["count_words failed"] * 2
    assert "FetchError" in mail_box.mails[0].get_content()
