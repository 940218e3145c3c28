"""realtime/sessions.py: cookies by port and prefix, and those of the releases before."""

import hmac
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from redis import Redis
from redis.exceptions import ReadOnlyError
from werkzeug.http import parse_cookie
from werkzeug.test import TestResponse

from realtime.app import create_app
from realtime.metrics import Metrics
from realtime.pulse import Pulse
from realtime.sessions import OLD_LOGIN_LASTS
from tests.realtime.conftest import TOKEN, VIEWER_TOKEN
from workers.settings import Secrets, Settings

DAY = 24 * 3600
HERE = "127.0.0.1:5000"
Open = Callable[..., FlaskClient]


@pytest.fixture
def open_(settings: Settings, redis: Redis) -> Open:
    """A browser at an installation with these settings and this key."""

    def open_(key: str = "a key", **changes: Any) -> FlaskClient:
        secrets = Secrets(key, TOKEN, False, VIEWER_TOKEN)
        pulse = Pulse(lambda packet: None, state="live")
        return create_app(replace(settings, **changes), secrets, redis, pulse=pulse, metrics=Metrics()).test_client(
            use_cookies=False
        )

    return open_


def cookies_of(answer: TestResponse) -> dict[str, str]:
    return {
        name: value
        for header in answer.headers.getlist("Set-Cookie")
        for name, value in parse_cookie(header).items()
        if name.startswith("headway")
    }


def get(client: FlaskClient, cookies: dict[str, str], host: str = HERE, path: str = "/") -> TestResponse:
    return client.get(path, headers={"Host": host, "Cookie": "; ".join(f"{name}={cookies[name]}" for name in cookies)})


def submit(client: FlaskClient, cookies: dict[str, str], host: str = HERE) -> str:
    cookie = "; ".join(f"{name}={cookies[name]}" for name in cookies)
    body = {"task": "sum_numbers", "args": {"text": "1"}}
    return str(client.post("/api/jobs", json=body, headers={"Host": host, "Cookie": cookie}).get_json()["id"])


def jobs_of(client: FlaskClient, cookies: dict[str, str], host: str = HERE) -> list[str]:
    return [job["id"] for job in get(client, cookies, host, "/api/jobs").get_json()["jobs"]]


def main_name(cookies: dict[str, str]) -> str:
    [name] = [name for name in cookies if not name.endswith("_same_site")]
    return name


# -- the cookie


def test_the_cookie_is_for_us_alone(open_: Open) -> None:
    answer = get(open_(), {})
    kept, same_site = sorted(answer.headers.getlist("Set-Cookie"), key=len, reverse=True)
    assert "HttpOnly" in kept and "SameSite=Lax" in kept and "Path=/;" in f"{kept};" and "Secure" not in kept
    assert "HttpOnly" in same_site and "SameSite=Strict" in same_site


def test_below_a_prefix_it_is_sent_there_alone(open_: Open) -> None:
    for cookie in get(open_(prefix="/jobs"), {}).headers.getlist("Set-Cookie"):
        assert "Path=/jobs;" in f"{cookie};"


def test_it_is_secure_where_the_origin_of_the_host_is_https(open_: Open) -> None:
    client = open_(origins=("https://jobs.example",))
    for host, secure in (("jobs.example", True), (HERE, False)):
        set_ = get(client, {}, host).headers.getlist("Set-Cookie")
        assert len(set_) == 2 and all(("Secure" in cookie) is secure for cookie in set_)


def test_its_name_says_port_and_prefix(open_: Open) -> None:
    at = [("", HERE), ("", "127.0.0.1:5001"), ("", "shop.example"), ("/jobs", HERE), ("/other", HERE)]
    names = [main_name(cookies_of(get(open_(prefix=prefix), {}, host))) for prefix, host in at]
    assert len(set(names)) == len(at)
    assert names[0] == main_name(cookies_of(get(open_(), {}, "localhost:5000"))), (
        "the host's name is the browser's to mind"
    )


@pytest.mark.parametrize("key", ["a key", "another key"])
def test_two_installations_on_one_host_keep_their_sessions_apart(key: str, open_: Open) -> None:
    """A browser sends all cookies of the host to both."""
    one, other, there = open_(), open_(key), "127.0.0.1:5001"
    jar = cookies_of(get(one, {}))
    first = submit(one, jar)
    jar |= cookies_of(get(other, jar, there))
    second = submit(other, jar, there)
    jar |= cookies_of(get(one, jar)) | cookies_of(get(other, jar, there))
    assert first in jobs_of(one, jar) and second in jobs_of(other, jar, there)
    assert len(jar) == 4


def test_who_had_a_session_at_another_port_keeps_it(open_: Open) -> None:
    """As when a proxy is put in front."""
    client = open_()
    jar = cookies_of(get(client, {}))
    id = submit(client, jar)
    assert jobs_of(client, jar, "127.0.0.1") == [id]
    moved = cookies_of(get(client, jar, "127.0.0.1"))
    assert main_name(moved) not in jar
    assert jobs_of(client, moved, "127.0.0.1") == [id]


def test_ones_own_name_comes_first_and_only_so_many_cookies_are_tried(open_: Open) -> None:
    client = open_()
    mine, other = cookies_of(get(client, {})), cookies_of(get(client, {}, "127.0.0.1:5001"))
    id = submit(client, mine)
    assert jobs_of(client, {**other, **mine}) == [id]
    many = {f"headway_{number:08x}": "rubbish" for number in range(100)}
    assert jobs_of(client, {**many, **mine}) == [id]
    assert jobs_of(client, {**many, main_name(other): other[main_name(other)]}) == []


@pytest.mark.parametrize("value", ["", "rubbish", "e30.x.y", "." * 1000, "W10.ab.cd"])
def test_a_cookie_that_is_not_ours_is_no_session(value: str, open_: Open) -> None:
    client = open_()
    name = main_name(cookies_of(get(client, {})))
    for spelled in (name, "headway"):
        assert get(client, {spelled: value}, path="/api/jobs").get_json()["jobs"] == []
        assert cookies_of(get(client, {spelled: value}))


# -- cookies of the releases before


def old_cookie(monkeypatch: pytest.MonkeyPatch, *, age: float = 0, token: str = "", owner: str = "somebody") -> str:
    """As the release before made it, so many seconds ago, with the digest of a token where it was logged in."""
    data: dict[str, Any] = {"_permanent": True, "owner": owner, "day": int((time.time() - age) // DAY)}
    if token:
        data["login"] = hmac.digest(token.encode(), b"login", "sha256").hex()
    app = Flask("the release before")
    app.secret_key = "a key"
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    with monkeypatch.context() as then:
        then.setattr(TimestampSigner, "get_timestamp", lambda self: int(time.time() - age))
        return str(serializer.dumps(data))


def test_who_comes_with_an_old_cookie_keeps_their_jobs_and_is_given_a_new_one(
    open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, old = open_(), {"headway": old_cookie(monkeypatch, age=200 * DAY)}
    id = submit(client, old)
    assert jobs_of(client, old) == [id]
    assert not cookies_of(get(client, old, path="/api/jobs")), "a page gives it, not an answer that may come late"
    new = cookies_of(get(client, old))
    assert "headway" not in new and jobs_of(client, new) == [id]
    assert not cookies_of(get(client, {**old, **new})), "it is exchanged once"


def test_an_old_cookie_lasts_no_longer_than_it_would_have(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_()
    id = submit(client, {"headway": old_cookie(monkeypatch)})
    assert jobs_of(client, {"headway": old_cookie(monkeypatch, age=364 * DAY)}) == [id]
    assert jobs_of(client, {"headway": old_cookie(monkeypatch, age=366 * DAY)}) == []


def test_an_old_cookie_is_none_by_another_name(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_()
    name = main_name(cookies_of(get(client, {})))
    assert get(client, {name: old_cookie(monkeypatch, token=TOKEN)}, path="/api/queues").status_code == 401


@pytest.mark.parametrize("token", [TOKEN, VIEWER_TOKEN])
def test_an_upgrade_logs_nobody_out(token: str, open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    client, old = open_(), {"headway": old_cookie(monkeypatch, age=20 * DAY, token=token)}
    id = submit(client, old)
    for _ in range(2):
        assert get(client, old, path="/api/queues").status_code == 200
    new = cookies_of(get(client, old))
    assert get(client, new, path="/api/queues").status_code == 200 and id in jobs_of(client, new)


def test_an_old_login_is_taken_for_thirty_days_and_its_owner_for_as_long_as_before(
    open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_()
    id = submit(client, {"headway": old_cookie(monkeypatch)})
    old = {"headway": old_cookie(monkeypatch, age=OLD_LOGIN_LASTS + 60, token=TOKEN)}
    assert get(client, old, path="/api/queues").status_code == 403
    new = cookies_of(get(client, old))
    assert get(client, new, path="/api/queues").status_code == 403 and jobs_of(client, new) == [id]


def test_a_logout_ends_all_copies_of_an_old_login(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    client, old = open_(), {"headway": old_cookie(monkeypatch, token=TOKEN)}
    older = {"headway": old_cookie(monkeypatch, age=100 * DAY, token=TOKEN)}
    id = submit(client, old)
    new = cookies_of(get(client, old))
    cookie = "; ".join(f"{name}={value}" for name, value in new.items())
    after = cookies_of(client.post("/logout", headers={"Host": HERE, "Cookie": cookie}))
    for copy in (old, older, new):
        assert get(client, copy, path="/api/queues").status_code == 401
        assert "args" not in get(client, copy, path=f"/api/jobs/{id}").get_json()
    assert jobs_of(client, {**old, **after}) == []


def test_an_old_login_is_taken_while_redis_takes_no_writes(
    open_: Open, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, old = open_(), {"headway": old_cookie(monkeypatch, token=TOKEN)}
    redis.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(ReadOnlyError):
            redis.set("a", "b")
        assert get(client, old, path="/api/queues").status_code == 200
    finally:
        redis.replicaof("NO", "ONE")


def test_the_digest_of_an_old_login_is_none_of_a_number(open_: Open) -> None:
    """A cookie of ours never holds a digest: by it nobody is logged in, whatever it says."""
    client = open_()
    digest = hmac.digest(TOKEN.encode(), b"login", "sha256").hex()
    app = client.application
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    name = main_name(cookies_of(get(client, {})))
    forged = serializer.dumps({"owner": "x", "login": digest})
    assert get(client, {name: forged}, path="/api/queues").status_code == 401
