"""What holds for every answer."""

from collections.abc import Callable

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
    assert headers["Cache-Control"] == ("no-cache" if path in ("/", "/login", "/add-task") else "no-store")


def test_a_session_of_another_key_is_none(app: Flask, me: FlaskClient) -> None:
    me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}})
    assert len(me.get("/api/jobs").get_json()["jobs"]) == 1
    app.config["SECRET_KEY"] = "another key"
    assert me.get("/api/jobs").get_json()["jobs"] == []


SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("origin", "host", "lasts"),
    [(SHOP, "shop.example", 30 * 24 * 3600), (SHOP, "127.0.0.1", 0), (f"{SHOP}:8443", "shop.example:8443", 0)],
)
def test_browsers_come_by_https_where_that_is_our_origin(
    origin: str, host: str, lasts: int, make_app: Callable[..., Flask]
) -> None:
    headers = make_app(origins=(origin,)).test_client().get("/", headers={"Host": host}).headers
    assert headers.get("Strict-Transport-Security") == (f"max-age={lasts}" if lasts else None)


@pytest.mark.parametrize(("origin", "named"), [(SHOP, True), ("https://evil.example", False), (f"{SHOP}.evil", False)])
@pytest.mark.parametrize("path", ["/api/tasks", "/api/jobs/none", "/js/client.js", "/vendor/socket.io.js"])
def test_pages_of_named_origins_may_read_answers(
    path: str, origin: str, named: bool, make_app: Callable[..., Flask]
) -> None:
    headers = make_app(origins=(SHOP,)).test_client().get(path, headers={"Origin": origin}, buffered=True).headers
    assert headers.get("Access-Control-Allow-Origin") == (SHOP if named else None)
    assert "Origin" in headers["Vary"] and "Access-Control-Allow-Credentials" not in headers


def test_a_named_origin_may_ask_before_it_posts(make_app: Callable[..., Flask]) -> None:
    client = make_app(origins=(SHOP,)).test_client()
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allowed = client.options("/api/jobs", headers={"Origin": SHOP, **asked})
    assert allowed.status_code == 200
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    foreign = client.options("/api/jobs", headers={"Origin": "https://evil.example", **asked})
    assert "Access-Control-Allow-Origin" not in foreign.headers
    posted = client.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}, headers={"Origin": SHOP})
    assert posted.status_code == 202 and "Location" in posted.headers["Access-Control-Expose-Headers"]


def test_without_named_origins_nobody_foreign_reads(me: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in me.get("/api/tasks", headers={"Origin": SHOP}).headers
