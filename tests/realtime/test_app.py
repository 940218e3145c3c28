"""What holds for every answer."""

import math
import re
from collections.abc import Callable

import flask
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
    assert headers["Cache-Control"] == ("private, no-cache" if path in ("/", "/login", "/add-task") else "no-store")


@pytest.mark.parametrize(
    ("host", "sockets"),
    [
        ("shop.example", "'self' ws://shop.example wss://shop.example"),
        ("127.0.0.1:5000", "'self' ws://127.0.0.1:5000 wss://127.0.0.1:5000"),
        ("[::1]:5000", "'self' ws://[::1]:5000 wss://[::1]:5000"),
        ("a;script-src*", "'self'"),
        ("a b", "'self'"),
        ("*", "'self'"),
    ],
)
def test_pages_talk_to_their_own_host_alone(host: str, sockets: str, me: FlaskClient) -> None:
    policy = me.get("/", headers={"Host": host}).headers["Content-Security-Policy"]
    assert [part for part in policy.split("; ") if part.startswith("connect-src")] == [f"connect-src {sockets}"]


@pytest.mark.parametrize("path", ["/", "/api/tasks", "/js/client.js", "/css/page.css"])
def test_what_others_load_of_us_is_for_the_origins_that_are_named(
    path: str, make_app: Callable[..., Flask], me: FlaskClient
) -> None:
    alone = me.get(path, buffered=True).headers
    assert alone["Cross-Origin-Resource-Policy"] == alone["Cross-Origin-Opener-Policy"] == "same-origin"
    shared = make_app(origins=(SHOP,)).test_client().get(path, buffered=True).headers
    is_file = path.endswith(("js", "css"))
    assert shared["Cross-Origin-Resource-Policy"] == ("cross-origin" if is_file else "same-origin")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_answer_is_anything_but_json(value: float, app: Flask) -> None:
    with app.app_context(), pytest.raises(ValueError):
        flask.jsonify(value=[value])
    assert app.json.dumps({"b": 1, "a": "é"}) == '{"b": 1, "a": "\\u00e9"}'


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
    assert allowed.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, POST"
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    foreign = client.options("/api/jobs", headers={"Origin": "https://evil.example", **asked})
    assert "Access-Control-Allow-Origin" not in foreign.headers
    posted = client.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}, headers={"Origin": SHOP})
    assert posted.status_code == 202 and "Location" in posted.headers["Access-Control-Expose-Headers"]


def test_a_named_origin_is_told_exactly_the_methods_that_there_are(make_app: Callable[..., Flask]) -> None:
    app = make_app(origins=(SHOP,))
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<[^>]+>", "x", rule.rule)
        told = app.test_client().options(address, headers={"Origin": SHOP}).headers["Access-Control-Allow-Methods"]
        assert (rule.methods or set()) <= set(told.split(", ")), address
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - set(told.split(", ")):
            assert app.test_client().open(address, method=method).status_code == 405, (method, address)


def test_a_path_has_the_methods_that_are_described_of_it(me: FlaskClient) -> None:
    for path, methods in me.get("/api/openapi.json").get_json()["paths"].items():
        allowed = set(me.options(re.sub(r"{\w+}", "x", path)).headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"}
        assert allowed == {method.upper() for method in methods}, path


def test_without_named_origins_nobody_foreign_reads(me: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in me.get("/api/tasks", headers={"Origin": SHOP}).headers
