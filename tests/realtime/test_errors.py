"""Every error has one shape."""

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.troubles import TROUBLES, Trouble, full, in_trouble


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/js/../run.py", 404, "not_found"),
        ("GET", "/js/%2e%2e/%2e%2e/run.py", 404, "not_found"),
        ("GET", "/vendor/other.js", 404, "not_found"),
        ("DELETE", "/api/tasks", 405, "bad_request"),
    ],
)
def test_refusals(method: str, path: str, status: int, code: str, me: FlaskClient) -> None:
    answer = me.open(path, method=method)
    assert answer.status_code == status and answer.get_json()["error"]["code"] == code


@pytest.mark.parametrize(("method", "path"), [("PUT", "/api/jobs"), ("POST", "/api/tasks"), ("GET", "/api/tokens")])
def test_another_method_is_answered_with_those_that_there_are(method: str, path: str, app: Flask) -> None:
    answer = app.test_client().open(path, method=method)
    allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert answer.status_code == 405 and method not in allowed and "OPTIONS" in allowed
    assert answer.headers.getlist("Content-Type") == ["application/json"]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_while_redis_takes_no_writes_it_is_said_why(
    trouble: Trouble, me: FlaskClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with in_trouble(trouble, redis):
        answer = me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "a secret"}})
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    error = answer.get_json()["error"]
    assert error["code"] == "unavailable"
    if trouble is not full:  # nothing new is taken then, long before
        assert error["message"].startswith(TROUBLES[trouble])
    assert "secret" not in answer.text + caplog.text and "Traceback" not in caplog.text
    assert me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}).status_code == 202


def test_an_error_of_redis_that_is_our_fault_stays_one(app: Flask, redis: Redis) -> None:
    @app.get("/broken")
    def broken() -> str:
        redis.set("a", "text")
        redis.lpush("a", "b")
        return "fine"

    assert app.test_client().get("/broken").status_code == 500


def test_a_fault_of_ours_is_logged_and_not_shown(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("a secret")

    with caplog.at_level(logging.ERROR, "headway.http"):
        answer = app.test_client().get("/broken")
    assert answer.status_code == 500 and answer.get_json()["error"]["code"] == "unavailable"
    assert "secret" not in answer.text and "a secret" in caplog.text


def test_what_is_not_there_is_said_in_our_own_words(app: Flask) -> None:
    for path in ("/api/nothing", "/nothing", "/vendor/nothing.js"):
        said = app.test_client().get(path).get_json()["error"]
        assert said == {
            "code": "not_found",
            "message": "There is nothing at this address; /api/openapi.json lists the API",
        }
    said = app.test_client().put("/api/tasks").get_json()["error"]
    assert said["message"] == "Expected GET or HEAD or OPTIONS at this address, got PUT"
