"""Every error has one shape."""

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient


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


def test_a_fault_of_ours_is_logged_and_not_shown(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("a secret")

    with caplog.at_level(logging.ERROR, "headway.http"):
        answer = app.test_client().get("/broken")
    assert answer.status_code == 500 and answer.get_json()["error"]["code"] == "unavailable"
    assert "secret" not in answer.text and "a secret" in caplog.text
