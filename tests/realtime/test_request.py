"""What a view asks of its request."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from pydantic import BaseModel, ConfigDict
from redis import Redis
from werkzeug.test import TestResponse

from realtime import request
from realtime.intake import HUB_LIMIT
from tests.realtime.conftest import TOKEN, VIEWER_TOKEN
from tests.realtime.test_api import error
from workers import waiting
from workers.addresses import networks
from workers.errors import BadArguments
from workers.limits import Limit


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int = 0


class Body(BaseModel):
    number: int


def test_a_session_begins_once_and_stays(app: Flask) -> None:
    with app.test_request_context("/"):
        assert request.visitor().owner == ""
        owner = request.owner()
        assert owner and request.owner() == owner == request.visitor().owner
        assert session.permanent


def test_a_body_is_parsed_into_its_model(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data=b'{"number": 5}'):
        assert request.parse_body(Body) == Body(number=5)


@pytest.mark.parametrize("data", [b"", b"5", b'{"number": "x"}', b'{"number": Infinity}'])
def test_a_body_that_does_not_fit_says_what_was_expected(data: bytes, app: Flask) -> None:
    with app.test_request_context("/", method="POST", data=data), pytest.raises(BadArguments) as caught:
        request.parse_body(Body)
    assert all(set(wrong) == {"expected", "got"} for wrong in caught.value.fields.values())


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip", "br", "nonsense"])
@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs/bulk", "/api/actions", "/parseGoodreadsLinks", "/tasks"])
def test_a_packed_body_is_refused_by_name(path: str, coding: str, app: Flask) -> None:
    answer = app.test_client().post(path, data=b"\x1f\x8b\x08", headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity")
    assert answer.get_json()["error"]["code"] == "bad_request"


@pytest.mark.parametrize("coding", ["identity", "Identity ", ""])
def test_a_body_may_say_that_it_is_as_it_is(coding: str, app: Flask) -> None:
    answer = app.test_client().post("/tasks", data={"type": "1"}, headers={"Content-Encoding": coding})
    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/api/tasks", "/api/jobs", "/"])
def test_a_request_without_a_body_may_name_any_coding(path: str, app: Flask) -> None:
    assert app.test_client().get(path, headers={"Content-Encoding": "gzip"}).status_code == 200


def test_more_than_a_submit_ever_says_is_not_parsed_here(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data=b" " * (HUB_LIMIT - 13) + b'{"number": 5}'):
        assert request.parse_body(Body) == Body(number=5)
    with app.test_request_context("/", method="POST", data=b" " * (HUB_LIMIT - 12) + b'{"number": 5}'):
        with pytest.raises(BadArguments, match="at most 65536 bytes, got 65537"):
            request.parse_body(Body)


@pytest.mark.parametrize(("count", "said"), [(10, {f"k{number}" for number in range(10)}), (100_000, {"query"})])
def test_a_query_of_many_parameters_is_refused_as_a_whole(count: int, said: set[str], app: Flask) -> None:
    query = "&".join(f"k{number}=1" for number in range(count))
    with app.test_request_context(f"/?{query}"), pytest.raises(BadArguments) as caught:
        request.parse_query(Query)
    assert set(caught.value.fields) == said


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"type=1", 202),
        ("application/x-www-form-urlencoded", b"a=1&" * 4_000 + b"type=1", 202),
        ("application/x-www-form-urlencoded", b"a=1&" * 250_000, 413),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 100_000, 413),
    ],
)
def test_a_form_is_as_short_as_the_tutorials_have_it(kind: str, body: bytes, status: int, app: Flask) -> None:
    answer = app.test_client().post("/tasks", data=body, content_type=kind)
    assert answer.status_code == status


# -- who is counted for what


SUBMIT: dict[str, Any] = {"json": {"task": "sum_numbers", "args": {"text": "1"}}}
BULK: dict[str, Any] = {"json": {"task": "sum_numbers", "args": [{"text": "1"}] * 10_000}}


def fresh(app: Flask, path: str, address: str = "203.0.113.5", headers: Any = None, **request: Any) -> TestResponse:
    """A request without a cookie."""
    environ = {"REMOTE_ADDR": address}
    return app.test_client(use_cookies=False).post(path, environ_base=environ, headers=headers, **request)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_of(operator: FlaskClient, **body: Any) -> str:
    answer = operator.post("/api/tokens", json={"expires": 60, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["token"])


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_free_cookie_raises_no_limit(make_app: Callable[..., Flask], host: str) -> None:
    app = make_app(host=host)
    began = time.monotonic()
    answers = [fresh(app, "/api/jobs", **SUBMIT) for _ in range(200)]
    seconds = 1 + int(time.monotonic() - began)
    assert [answer.status_code for answer in answers].count(202) <= 50 * seconds
    refused = [answer for answer in answers if answer.status_code != 202]
    assert refused, "200 submits took longer than four seconds"
    said = error(refused[0], 429, "too_many")["message"]
    assert (
        said.startswith("At most 20 submits and push subscriptions a second")
        and refused[0].headers["Retry-After"] == "1"
    )
    assert fresh(app, "/api/jobs", "203.0.113.6", **SUBMIT).status_code == 202, "another address"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_ten_thousand_jobs_of_those_who_keep_no_cookie_may_wait_at_an_address(
    make_app: Callable[..., Flask], redis: Redis, host: str
) -> None:
    app = make_app(host=host)
    assert fresh(app, "/api/jobs/bulk", "2001:db8::1", **BULK).status_code == 202
    said = error(fresh(app, "/api/jobs/bulk", "2001:db8::2", **BULK), 429, "too_many")["message"]
    assert said.startswith("At most 10,000 jobs of one address may wait")
    assert fresh(app, "/api/jobs", "2001:db8:0:1::1", **SUBMIT).status_code == 202, "another /64"
    assert redis.llen("rq:queue:headway.default") == 10_001


def test_the_sessions_of_an_address_share_it_unless_only_this_machine_can_connect(
    make_app: Callable[..., Flask], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "JOBS", Limit(10, 3, 100))

    def taken(app: Flask) -> int:
        redis.flushall()
        codes = []
        for _ in range(5):
            client = app.test_client()
            client.get("/")
            codes.append(client.post("/api/jobs", **SUBMIT).status_code)
        return codes.count(202)

    assert taken(make_app(host="0.0.0.0")) == 3
    for host in ("127.0.0.1", "localhost", "::1"):
        assert taken(make_app(host=host)) == 5
    assert taken(make_app(host="127.0.0.1", trusted_proxies=networks("127.0.0.1"))) == 3


def test_of_a_trusted_proxy_its_client_counts(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "JOBS", Limit(10, 1, 100))
    app = make_app(host="0.0.0.0", trusted_proxies=networks("10.0.0.1"))

    def code(peer: str, forwarded_for: str) -> int:
        return fresh(app, "/api/jobs", peer, {"X-Forwarded-For": forwarded_for}, **SUBMIT).status_code

    assert [code("10.0.0.1", f"203.0.113.{n}") for n in (5, 6, 5)] == [202, 202, 429]
    assert [code("10.0.0.1", f"1.2.3.{n}, 203.0.113.7") for n in (5, 6)] == [202, 429], "what it said of itself"
    assert [code("203.0.113.9", f"1.2.3.{n}") for n in (5, 6)] == [202, 429], "no proxy of ours"


def test_operators_and_the_tokens_that_they_made_are_not_counted(
    app: Flask, operator: FlaskClient, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "JOBS", Limit(70, 1, 1))
    for token in (TOKEN, token_of(operator, notify=True), token_of(operator, topics=["jobs"])):
        answers = [fresh(app, "/api/jobs", headers=bearer(token), **SUBMIT) for _ in range(60)]
        assert {answer.status_code for answer in answers} == {202}
    browser = app.test_client()
    browser.post("/login", json={"token": TOKEN})
    assert {browser.post("/api/jobs", **SUBMIT).status_code for _ in range(60)} == {202}
    accounts = [key.decode() for key in redis.scan_iter("headway:waiting:*") if key != b"headway:waiting:bytes"]
    assert len(accounts) == 1 and accounts[0].startswith("headway:waiting:owner:"), "of the token for topics alone"


def test_no_address_is_kept(make_app: Callable[..., Flask], redis: Redis) -> None:
    fresh(make_app(host="0.0.0.0"), "/api/jobs", **SUBMIT)
    assert not [key for key in redis.scan_iter() if b"203.0.113" in key or b"203.0.113" in (redis.dump(key) or b"")]


def test_requeueing_is_no_way_round_the_limit(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    me = make_app().test_client()
    me.get("/")
    ids = [me.post("/api/jobs", **SUBMIT).get_json()["id"] for _ in range(4)]
    for id in ids:
        me.post(f"/api/jobs/{id}/cancel")
    monkeypatch.setattr(waiting, "JOBS", Limit(2, None, None))
    assert [me.post(f"/api/jobs/{id}/requeue").status_code for id in ids[:3]] == [200, 200, 429]
    error(me.post("/api/actions", json={"verb": "requeue", "q": ""}), 429, "too_many")


def test_actions_that_wait_are_limited(
    make_app: Callable[..., Flask], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = make_app().test_client()
    id = me.post("/api/jobs", **SUBMIT).get_json()["id"]
    monkeypatch.setattr(waiting, "ACTIONS", Limit(2, None, None))
    codes = [me.post("/api/actions", json={"verb": "cancel", "ids": [id]}).status_code for _ in range(4)]
    assert codes == [202, 202, 429, 429] and len(redis.keys("headway:action:*:ids")) == 2


# -- programs


@pytest.mark.parametrize("kind", ["operator", "viewer", "notify", "topics"])
def test_a_program_with_a_token_is_one_owner(app: Flask, operator: FlaskClient, kind: str) -> None:
    tokens = {"operator": TOKEN, "viewer": VIEWER_TOKEN}
    token = tokens.get(kind) or token_of(operator, notify=kind == "notify", topics=["jobs"])
    headers = {**bearer(token), "Idempotency-Key": "k"}
    ids = {fresh(app, "/api/jobs", headers=headers, **SUBMIT).get_json()["id"] for _ in range(3)}
    assert len(ids) == 1
    other = fresh(app, "/api/jobs", headers=bearer(token), **SUBMIT).get_json()["id"]
    visitor = app.extensions["headway"].access.visitor({}, f"Bearer {token}")
    owners = {app.extensions["headway"].jobs.load(id).owner for id in {*ids, other}}
    assert owners == {visitor.owner} and token not in visitor.owner
    assert visitor.operator == (kind == "operator") and visitor.sees == (kind in ("operator", "viewer"))


def test_a_token_with_which_nothing_can_be_done_names_no_owner(app: Flask) -> None:
    access = app.extensions["headway"].access
    over = access.tokens.sign(["jobs"], 1e-9)
    for token in ("made up", over, "", "Basic abc"):
        assert access.visitor({}, f"Bearer {token}").owner == ""
        assert access.visitor({"owner": "me"}, f"Bearer {token}").owner == "me"


def test_an_idempotency_key_of_nobody_in_particular_is_refused(app: Flask, redis: Redis) -> None:
    for headers in ({}, {"Authorization": "Basic b3A6b3A="}):
        answer = fresh(app, "/api/jobs", headers={**headers, "Idempotency-Key": "k"}, **SUBMIT)
        said = error(answer, 400, "bad_request")
        assert set(said["fields"]) == {"Idempotency-Key"} and "cookie" in said["message"]
    assert redis.llen("rq:queue:headway.default") == 0


OPEN = ("/api/tasks", "/api/openapi.json", "/healthz", "/", "/login", "/js/wire.js", "/tasks/x", "/add-task")
PARTS = {"<id>": "x", "<job:id>": "x", "<name>": "x"}


def test_a_bearer_that_names_nobody_is_no_stranger_on_any_route_that_reads_it(app: Flask, redis: Redis) -> None:
    over = app.extensions["headway"].access.tokens.sign(["jobs"], 1e-9)
    routes = [
        (method, "/".join(PARTS.get(part, part) for part in rule.rule.split("/")))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS"}
        if getattr(getattr(app.view_functions[rule.endpoint], "openapi", None), "caller", "world") != "world"
    ]
    routes += [("GET", "/metrics"), ("POST", "/tasks"), ("POST", "/parseGoodreadsLinks")]
    assert len(routes) > 30 and ("POST", "/api/jobs") in routes and ("GET", "/api/jobs/x") in routes
    for token, code in (("nope", "unauthorized"), ("", "unauthorized"), (over, "expired")):
        for method, path in routes:
            given = {**bearer(token), "Idempotency-Key": "k"}
            answer = app.test_client().open(path, method=method, headers=given, data={"type": "1"})
            assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer", (method, path)
            assert "Set-Cookie" not in answer.headers
            if method != "HEAD":
                error(answer, 401, code)
        assert [app.test_client().get(path, headers=bearer(token)).status_code for path in OPEN] == [200] * len(OPEN)
    assert app.test_client().post("/login", json={"token": TOKEN}, headers=bearer("nope")).status_code == 200
    assert redis.llen("rq:queue:headway.default") == 0
