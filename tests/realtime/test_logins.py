"""realtime/logins.py: a login lasts until somebody logs out with it, in every copy of its cookie."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import socketio
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from realtime.logins import LASTS, Logins
from tests.conftest import Processes, free_port, is_ready, start_redis, until
from tests.realtime.clients import connected
from tests.realtime.conftest import TOKEN, VIEWER_TOKEN
from workers import store


def copy_of(me: FlaskClient, app: Flask) -> FlaskClient:
    """Another browser with the cookies that `me` has now."""
    copy = app.test_client()
    for cookie in (me._cookies or {}).values():
        copy.set_cookie(cookie.key, cookie.value)
    return copy


def submit(client: FlaskClient) -> str:
    answer = client.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}})
    return str(answer.get_json()["id"])


def owner_of(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["owner"])


def test_a_browser_that_logged_out_is_pushed_nothing_of_what_it_did_before(me: FlaskClient, redis: Redis) -> None:
    me.post("/login", json={"token": TOKEN})
    key = f"headway:push:{owner_of(me)}"
    redis.hset(key, "a browser", "its subscription")
    me.post("/logout")
    assert not redis.exists(key)


@pytest.mark.parametrize("token", [TOKEN, VIEWER_TOKEN])
def test_a_cookie_copied_before_the_logout_is_nobodys_afterwards(token: str, me: FlaskClient, app: Flask) -> None:
    me.post("/login", json={"token": token})
    id = submit(me)
    copy = copy_of(me, app)
    assert copy.get("/api/queues").status_code == 200 and "args" in copy.get(f"/api/jobs/{id}").get_json()
    me.post("/logout")
    for path in ("/api/queues", "/api/audit", "/api/workers"):
        assert copy.get(path).status_code == 401
    assert "args" not in copy.get(f"/api/jobs/{id}").get_json(), "the owner is nobody's either"
    assert copy.post(f"/api/jobs/{id}/cancel").status_code == 403
    assert copy.get("/api/jobs").get_json()["jobs"] == []
    assert ">operator<" not in copy.get("/").text


def test_other_logins_stay_when_one_ends(me: FlaskClient, you: FlaskClient) -> None:
    for client in (me, you):
        client.post("/login", json={"token": TOKEN})
    me.post("/logout")
    assert (me.get("/api/queues").status_code, you.get("/api/queues").status_code) == (403, 200)


def test_a_login_and_a_logout_each_begin_a_new_owner(me: FlaskClient, app: Flask) -> None:
    me.get("/")
    planted = copy_of(me, app)  # as somebody has it who had the browser take theirs
    owners = [owner_of(me)]
    me.post("/login", json={"token": TOKEN})
    owners.append(owner_of(me))
    id = submit(me)
    assert "args" not in planted.get(f"/api/jobs/{id}").get_json()
    assert planted.post(f"/api/jobs/{id}/cancel").status_code == 403
    me.post("/logout")
    owners.append(owner_of(me))
    me.post("/login", json={"token": TOKEN})
    assert len({*owners, owner_of(me)}) == 4


def test_logging_in_again_ends_the_login_of_before(me: FlaskClient, app: Flask) -> None:
    me.post("/login", json={"token": VIEWER_TOKEN})
    copy = copy_of(me, app)
    me.post("/login", json={"token": TOKEN})
    assert (me.get("/api/queues").status_code, copy.get("/api/queues").status_code) == (200, 401)


def test_a_logout_without_a_login_changes_nothing(me: FlaskClient, redis: Redis) -> None:
    id = submit(me)
    me.post("/logout")
    assert "args" in me.get(f"/api/jobs/{id}").get_json()
    assert not redis.keys("headway:login:*")


def test_an_answer_that_was_under_way_brings_no_ended_login_back_and_ends_no_new_one(
    me: FlaskClient, app: Flask
) -> None:
    me.post("/login", json={"token": TOKEN})
    late = copy_of(me, app)
    me.post("/logout")
    for path in ("/api/jobs", "/api/queues", "/api/tasks"):
        assert "Set-Cookie" not in late.get(path).headers, path


def test_a_new_token_ends_logins_and_leaves_everybody_their_jobs(
    make_app: Callable[..., Flask], me: FlaskClient, redis: Redis
) -> None:
    me.post("/login", json={"token": VIEWER_TOKEN})
    id = submit(me)
    [key] = redis.keys("headway:login:*")
    redis.set(key, "the digest of another token")
    assert me.get("/api/queues").status_code == 403
    assert "args" in me.get(f"/api/jobs/{id}").get_json()


def test_a_login_lasts_as_long_as_its_cookie_and_is_renewed_with_it(
    me: FlaskClient, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    me.post("/login", json={"token": TOKEN})
    [key] = redis.keys("headway:login:*")
    assert LASTS - 60 < redis.ttl(key) <= LASTS
    redis.expire(key, 100)
    me.get("/")  # the first page of the day, which renews the cookie
    assert LASTS - 60 < redis.ttl(key) <= LASTS


def test_only_a_session_that_is_logged_in_asks_redis(redis: Redis, make_app: Callable[..., Flask]) -> None:
    me, operator = make_app().test_client(), make_app().test_client()
    me.get("/")
    operator.post("/login", json={"token": TOKEN})
    asked = []
    for client in (me, operator):
        redis.config_resetstat()
        assert client.get("/").status_code == client.get("/api/tasks").status_code == 200
        client.get("/css/page.css", buffered=True)
        asked.append(int(redis.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]))
    assert asked == [0, 1], "one page asks once, and files and what is open to all never"


def test_numbers_that_are_over_are_told_from_those_that_stand(redis: Redis) -> None:
    logins = Logins(redis)
    one, other = logins.begin("a digest"), logins.begin("a digest")
    assert one != other and logins.standing([one, other, "none"]) == {one, other}
    logins.end({"login": one, "owner": "me"})
    assert logins.standing([one, other]) == {other} and logins.standing([]) == set()
    logins.end({"login": "old-x", "owner": "me"})
    assert logins.standing(["old-x"]) == set()


# -- Redis is away


@pytest.fixture
def away(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(redis=store.connect(f"unix://{tmp_path}/none.sock"))


def test_without_redis_nobody_who_claims_a_login_is_answered(me: FlaskClient, away: Flask) -> None:
    me.post("/login", json={"token": TOKEN})
    operator = copy_of(me, away)
    for method, path in (("GET", "/api/queues"), ("GET", "/"), ("POST", "/logout"), ("POST", "/api/workers/suspend")):
        answer = operator.open(path, method=method)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "unavailable"), path
        assert int(answer.headers["Retry-After"]) > 0
    assert operator.get("/api/tasks").status_code == 200


def test_without_redis_anybody_else_has_the_page(away: Flask) -> None:
    me = away.test_client()
    assert me.get("/").status_code == 200
    assert me.post("/login", json={"token": TOKEN}).status_code == 503
    assert ">operator<" not in me.get("/").text


Outage = tuple[str, subprocess.Popen[bytes], str]


@pytest.fixture
def outage(base_environment: dict[str, str], tmp_path: Path) -> Iterator[Outage]:
    """A web process with a Redis of its own, to be stopped."""
    server, redis_url = start_redis(tmp_path)
    port = free_port()
    processes = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(port)}, tmp_path)
    processes.start("-m", "realtime.server")
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(url), "the server")
    yield url, server, base_environment["HEADWAY_OPERATOR_TOKEN"]
    processes.stop()
    server.kill()
    server.wait()


def test_without_redis_a_socket_that_claims_a_login_is_refused_and_others_are_let_in(outage: Outage) -> None:
    url, server, token = outage
    operator, other = requests.Session(), requests.Session()
    operator.post(f"{url}/login", json={"token": token}).raise_for_status()
    other.get(url).raise_for_status()
    with connected(url, operator) as client:
        assert "jobs" in client.watch("jobs")["topics"]["jobs"]
    server.kill()
    server.wait()
    with pytest.raises(socketio.exceptions.ConnectionError), connected(url, operator):
        pass
    with connected(url, other) as client:
        assert client.hear("relay")["state"] in ("live", "stale")
