"""What holds for every answer."""

import pytest
from flask import Flask
from flask.testing import FlaskClient


@pytest.mark.parametrize("path", ["/", "/login", "/api/tasks", "/nothing", "/add-task"])
def test_answers_are_hardened(path: str, me: FlaskClient) -> None:
    headers = me.get(path).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    # a page is kept for the way back, and asked for again; nothing else is kept
    assert headers["Cache-Control"] == ("no-cache" if path in ("/", "/login") else "no-store")


def test_the_session_cookie_is_for_us_alone(me: FlaskClient) -> None:
    cookie = me.get("/").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and cookie.startswith("headway=")


def test_a_session_of_another_key_is_none(app: Flask, me: FlaskClient) -> None:
    me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}})
    assert len(me.get("/api/jobs").get_json()["jobs"]) == 1
    app.config["SECRET_KEY"] = "another key"
    assert me.get("/api/jobs").get_json()["jobs"] == []
