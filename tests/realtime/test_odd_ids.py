"""Whatever stands where an id is expected is answered with an error of the contract, and nothing breaks."""

import json
import logging
import re
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.conftest import Stack
from tests.realtime.clients import connected
from tests.realtime.conftest import TOKEN
from workers.queue import Jobs

ANSWER_LIMIT = 16 * 1024  # bytes
TAILS = ("words", "log", "attempts", "executions", "dependents", "x:y", "")  # `<a job>:<tail>` is a key, or could be
ODD = (
    *("x" * 129, "x" * 7_000, "\u00e4", "\U0001f600", "\u202ex", "\x00", "\x1b[31m", "a b", "*", "%", "%2F", "'\""),
    *(
        "../x",
        "..",
        ".",
        "x/../y",
        "__proto__",
        "null",
        "-1",
        "0",
        "1e999",
        "{id}",
        "<id>",
        "headway:job:x",
        "\r\nX: y",
    ),
)


@pytest.fixture
def ids(jobs: Jobs) -> list[str]:
    """Odd ids, and those of keys that are no jobs beside one that is."""
    id = jobs.submit("text_length", {"text": "a"}, owner="me").state.id
    jobs.redis.rpush(f"headway:job:{id}:log", "a line")
    return [*ODD, *(f"{id}:{tail}" for tail in TAILS)]


def newcomer(app: Flask) -> FlaskClient:
    """An operator's program that has asked for nothing yet, so that no limit is met."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.arguments]


def addresses(rule: Rule, id: str) -> set[str]:
    """The rule's address with `id` in each of its places, as it is and encoded to the last character."""
    written = {quote(id, safe=""), "".join(f"%{byte:02x}" for byte in id.encode())}
    return {re.sub(r"<[^>]+>", lambda _, text=text: text, rule.rule) for text in written}  # type: ignore[misc]


def test_every_route_that_takes_an_id_answers_an_odd_one(
    app: Flask, operator: FlaskClient, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert len(rules(app)) > 20
    with caplog.at_level(logging.ERROR):
        for rule in rules(app):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                for id in ids:
                    for address in addresses(rule, id):
                        answer = operator.open(address, method=method, buffered=True)
                        assert answer.status_code < 500, (method, address)
                        assert answer.status_code < 400 or len(answer.data) <= ANSWER_LIMIT, (method, address)
    assert not caplog.records


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/jobs", "q"),
        ("/api/jobs", "queue"),
        ("/api/jobs", "task"),
        ("/api/jobs", "cursor"),
        ("/api/jobs", "status"),
        ("/api/counts", "q"),
        ("/api/counts", "verb"),
        ("/api/audit", "cursor"),
        ("/api/history", "span"),
        ("/getBookInfo", "url"),
        ("/task", "n"),
        ("/add-task", "url"),
    ],
)
def test_every_query_that_names_something_answers_an_odd_name(
    path: str, name: str, operator: FlaskClient, me: FlaskClient, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for id in ids:
            for text in (id, f"id:{id}", f"queue:{id}", f"-task:{id}"):
                for client in (operator, me):
                    answer = client.get(path, query_string={name: text})
                    assert answer.status_code < 500, (path, text)
                    assert answer.status_code < 400 or len(answer.data) <= ANSWER_LIMIT, (path, text)
    assert not caplog.records


BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/api/actions", {"verb": "requeue", "ids": ["{id}"]}),
    ("POST", "/api/actions", {"verb": "{id}", "ids": ["a"]}),
    ("POST", "/api/actions", {"verb": "delete", "q": "id:{id}"}),
    ("POST", "/api/jobs", {"task": "{id}"}),
    ("POST", "/api/jobs", {"task": "text_length", "args": {"text": "a"}, "queue": "{id}"}),
    ("POST", "/api/jobs/bulk", {"task": "text_length", "args": [{"text": "a"}], "queue": "{id}"}),
    ("POST", "/api/tokens", {"topics": ["{id}"], "expires": 60}),
    ("POST", "/api/tokens", {"topics": ["job:{id}"], "expires": 60}),
    ("POST", "/api/cron/enqueue", {"scheduler": "{id}", "number": 0, "name": "{id}"}),
    ("DELETE", "/api/push", {"endpoint": "{id}"}),
]


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_every_body_that_names_something_answers_an_odd_name(
    method: str, path: str, body: Any, app: Flask, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for id in [*ids, "x" * 60_000, "\ud800"]:
            text = json.dumps(body).replace("{id}", json.dumps(id)[1:-1])
            answer = newcomer(app).open(path, method=method, data=text)
            assert answer.status_code < 500 and answer.status_code != 429, (path, id)
            assert answer.status_code < 400 or len(answer.data) <= ANSWER_LIMIT, (path, id)
    assert not caplog.records


def test_an_action_names_the_id_that_is_none(app: Flask, ids: list[str]) -> None:
    for id in ids:
        if re.fullmatch(r"[A-Za-z0-9_-]{1,128}", id) is None:
            answer = newcomer(app).post("/api/actions", json={"verb": "requeue", "ids": ["a", id]})
            assert answer.status_code == 400 and set(answer.get_json()["error"]["fields"]) == {"ids.1"}, id


def test_every_event_that_names_something_answers_an_odd_name(stack: Stack) -> None:
    session = stack.session()
    id = stack.submit(session, "sum_numbers", text="1")["id"]
    said = len(stack.processes.log(0))
    odd = [*ODD, *(f"{id}:{tail}" for tail in TAILS), "x" * 20_000]
    with connected(stack.url, session) as client:
        for kind in ("", "job:", "log:", "queue:", "mine:", "owner:"):
            topics = [f"{kind}{one}" for one in odd]
            answer = client.watch(*topics)
            assert answer["ok"] is True and all("error" in topic for topic in answer["topics"].values()), kind
            assert client.ask("unwatch", {"topics": topics}) == {"ok": True}
        for one in odd:
            assert client.ask("watch", {"topics": ["mine"], "token": one})["ok"] is True
            assert client.ask("seen", {"ids": [[one, 1]]})["ok"] in (True, False)
    assert "Traceback" not in stack.processes.log(0)[said:]
