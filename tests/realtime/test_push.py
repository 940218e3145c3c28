"""Push subscriptions over HTTP, and what a browser with no page open is told by the whole of Headway."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.conftest import Stack, until
from tests.push_service import Browser, PushService, decoded
from tests.realtime.clients import connected
from tests.realtime.test_api import error
from workers import store, subscriptions
from workers.script import PUSH_DELAY
from workers.vapid import KEY

ENDPOINT = "https://push.example/a-secret"


def subscribe(client: FlaskClient, subscription: Any, **wishes: Any) -> Any:
    return client.put("/api/push", json={"subscription": subscription, **wishes})


def private_key(redis: Redis) -> str:
    kept = redis.get(KEY)
    assert isinstance(kept, bytes)
    return kept.decode()


def owner_of(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["owner"])


def test_the_key_is_a_point_and_the_same_for_all(me: FlaskClient, you: FlaskClient, redis: Redis) -> None:
    keys = {client.get("/api/push").get_json()["key"] for client in (me, you)}
    assert len(keys) == 1
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(keys.pop()))
    assert len(decoded(str(me.get("/api/push").get_json()["key"]))) == 65
    assert private_key(redis) not in me.get("/api/push").text


def test_a_session_subscribes_changes_its_mind_and_leaves(me: FlaskClient, redis: Redis) -> None:
    browser = Browser(ENDPOINT)
    assert subscribe(me, {**browser.subscription, "expirationTime": 5, "more": 1}).get_json() == {"ok": True}
    [kept] = subscriptions.load_all(redis, owner_of(me))
    assert (kept.endpoint, kept.ends, kept.longer_than, kept.expires_at) == (ENDPOINT, "all", 0, 5)
    assert subscribe(me, browser.subscription, ends="failures", longer_than=1.5).status_code == 200
    [kept] = subscriptions.load_all(redis, owner_of(me))
    assert (kept.ends, kept.longer_than) == ("failures", 1.5)
    assert me.delete("/api/push", json={"endpoint": ENDPOINT}).get_json() == {"ok": True}
    assert not redis.exists(f"headway:push:{owner_of(me)}")


def test_nobody_ends_the_subscription_of_somebody_else(me: FlaskClient, you: FlaskClient, redis: Redis) -> None:
    subscribe(me, Browser(ENDPOINT).subscription)
    you.delete("/api/push", json={"endpoint": ENDPOINT})
    assert subscriptions.load_all(redis, owner_of(me))


GOOD = Browser(ENDPOINT).subscription
KEYS = GOOD["keys"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "subscription"),
        ({"subscription": {"keys": KEYS}}, "subscription.endpoint"),
        ({"subscription": {**GOOD, "endpoint": "ftp://push.example"}}, "subscription.endpoint"),
        ({"subscription": {**GOOD, "endpoint": "https://"}}, "subscription.endpoint"),
        ({"subscription": {**GOOD, "endpoint": "https://push.example/" + "a" * 2000}}, "subscription.endpoint"),
        (
            {"subscription": {**GOOD, "endpoint": "https://removed.invalid/fcm/send/a"}},
            "subscription.endpoint",
        ),
        ({"subscription": {**GOOD, "expirationTime": "soon"}}, "subscription.expirationTime"),
        ({"subscription": {"endpoint": ENDPOINT}}, "subscription.keys"),
        ({"subscription": {**GOOD, "keys": {**KEYS, "p256dh": "A" * 87}}}, "subscription.keys.p256dh"),
        ({"subscription": {**GOOD, "keys": {**KEYS, "p256dh": KEYS["p256dh"] * 2}}}, "subscription.keys.p256dh"),
        ({"subscription": {**GOOD, "keys": {**KEYS, "auth": "A" * 23}}}, "subscription.keys.auth"),
        ({"subscription": GOOD, "ends": "some"}, "ends"),
        ({"subscription": GOOD, "longer_than": -1}, "longer_than"),
        ({"subscription": GOOD, "longer_than": "long"}, "longer_than"),
        ({"subscription": GOOD, "owner": "you"}, "owner"),
    ],
)
def test_a_wrong_subscription_names_the_field_and_nothing_is_kept(
    body: Any, field: str, me: FlaskClient, redis: Redis
) -> None:
    wrong = error(me.put("/api/push", json=body), 400, "bad_request")
    assert list(wrong["fields"]) == [field]
    assert not redis.keys("headway:push:*")


def test_plain_http_is_for_private_networks_alone(app: Flask, me: FlaskClient, redis: Redis) -> None:
    plain = Browser("http://127.0.0.1:1/push").subscription
    assert subscribe(me, plain).status_code == 200
    object.__setattr__(app.extensions["headway"].settings, "allow_private_fetch", False)
    error(subscribe(me, plain), 400, "bad_request")


@pytest.fixture
def public(make_app: Callable[..., Flask]) -> FlaskClient:
    """A browser of an installation that sends to the internet alone, as all do by default."""
    return make_app(allow_private_fetch=False).test_client()


@pytest.mark.parametrize(
    "endpoint",
    [
        *(
            "https://permanently-removed.invalid/a",
            "https://a.INVALID./a",
            "https://localhost/a",
            "https://a.localhost/a",
        ),
        *("https://127.0.0.1/a", "https://[::1]/a", "https://2130706433/a", "https://10.0.0.1:8443/a"),
        *("https://nobody.test/a", "https://" + "a" * 64 + ".example/a", "https://a..b/a"),
        *(
            "http://fcm.googleapis.com/a",
            "https://fcm.googleapis.com.nobody.test/a",
            "https://xfcm.googleapis.com.invalid",
        ),
    ],
)
def test_where_nobody_can_be_nobody_is_pushed_to(endpoint: str, public: FlaskClient, redis: Redis) -> None:
    wrong = error(subscribe(public, Browser(endpoint).subscription), 400, "bad_request")
    assert list(wrong["fields"]) == ["subscription.endpoint"] and "invalid" not in str(wrong)
    assert not redis.keys("headway:push:*")


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/a",
        "https://updates.push.services.mozilla.com/wpush/v2/a",
        "https://web.push.apple.com/a",
        "https://wns2-par02p.notify.windows.com/w/?token=a",
        "https://1.1.1.1/a",
    ],
)
def test_the_push_services_of_browsers_are_known_without_a_look_up(endpoint: str, public: FlaskClient) -> None:
    assert subscribe(public, Browser(endpoint).subscription).status_code == 200


def test_a_page_of_somebody_else_subscribes_nobody(me: FlaskClient) -> None:
    headers = {"Origin": "https://evil.example"}
    error(me.put("/api/push", json={"subscription": GOOD}, headers=headers), 403, "forbidden")
    error(me.delete("/api/push", json={"endpoint": ENDPOINT}, headers=headers), 403, "forbidden")


# -- all of it


@pytest.fixture
def service(stack: Stack) -> Iterator[PushService]:
    opened = PushService()
    opened.key = requests.get(f"{stack.url}/api/push").json()["key"]
    yield opened
    opened.close()
    assert not opened.wrong


def test_who_has_no_page_open_is_pushed_an_end_and_who_has_seen_it_is_not(stack: Stack, service: PushService) -> None:
    away, here = stack.session(), stack.session()
    browsers = [service.browser(), service.browser()]
    for session, browser in zip((away, here), browsers, strict=True):
        answer = session.put(f"{stack.url}/api/push", json={"subscription": browser.subscription})
        assert answer.json() == {"ok": True}
    with connected(stack.url, here) as page:
        seen = stack.submit(here, "sum_numbers", text="1")["id"]
        page.hear("ended", lambda data: data["jobs"][0]["id"] == seen)
        assert page.ask("seen", {"ids": [[seen, 1]]}) == {"ok": True}
    unseen = stack.submit(here, "sum_numbers", text="2")["id"]
    missed = stack.submit(away, "sum_numbers", text="3")["id"]
    until(lambda: len(service.pushes) == 2, "a push to each")
    [told_away], [told_here] = map(service.told, browsers)
    assert told_away["ended"] == [[missed, 1]] and told_away["title"] == "sum_numbers finished"
    assert told_here["ended"] == [[unseen, 1]]
    for push in service.pushes:
        ended_at = stack.job(here, push.message["id"])["ended_at"]
        assert PUSH_DELAY <= push.at * 1000 - ended_at < PUSH_DELAY + 4000
        assert push.headers["topic"] == push.message["id"].replace("-", "")
        assert push.headers["urgency"] == "normal"
    said = stack.processes.log()
    assert not [one for one in browsers if one.endpoint.rpartition("/")[2] in said]
    redis = store.connect(stack.redis_url)
    assert private_key(redis) not in said
    redis.close()
