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


def test_a_fault_of_ours_is_logged_and_not_shown(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("a secret")

    with caplog.at_level(logging.ERROR, "headway.http"):
        answer = app.test_client().get("/broken")
    assert answer.status_code == 500 and answer.get_json()["error"]["code"] == "unavailable"
    assert "secret" not in answer.text and "a secret" in caplog.text
