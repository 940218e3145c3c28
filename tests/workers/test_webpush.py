"""One Web Push, to a service that checks it."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis

from tests.push_service import Browser, PushService, decoded, encoded
from workers import webpush
from workers.delivery import Delayed, Undeliverable
from workers.subscriptions import Subscription
from workers.vapid import Vapid
from workers.webpush import Unsubscribed


def subscription_of(browser: Browser, **more: Any) -> Subscription:
    keys = browser.subscription["keys"]
    return Subscription(browser.endpoint, keys["p256dh"], keys["auth"], **more)


@pytest.fixture
def browser(push_service: PushService) -> Browser:
    return push_service.browser()


def send(redis: Redis, browser: Browser, *, allow_private: bool = True) -> None:
    webpush.send(
        subscription_of(browser),
        b'{"title": "t"}',
        topic="a-topic",
        vapid=Vapid.load(redis),
        contact="https://shop.example",
        allow_private=allow_private,
    )


def key_of(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(text)), ec.SECP256R1())


def test_we_write_and_the_service_reads_as_the_standard_does() -> None:
    """The example of RFC 8291 §5, to the byte."""
    example = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    text = b"When I grow up, I want to be a watermelon"
    browser = Browser("", key_of("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), decoded("BTBZMqHH6r4Tts7J_aSIgg"))
    assert browser.decrypt(decoded(example)) == text
    private, salt = key_of("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), decoded("DGv6ra1nlYgDCS1FRnbzlw")
    assert encoded(webpush.encrypt(text, subscription_of(browser), private=private, salt=salt)) == example


def test_no_two_messages_share_a_key_or_a_salt(browser: Browser) -> None:
    one, other = (webpush.encrypt(b"x", subscription_of(browser)) for _ in range(2))
    assert one[:16] != other[:16] and one[21:86] != other[21:86]


def test_a_push_is_encrypted_and_signed_and_says_how_long_it_holds(
    redis: Redis, push_service: PushService, browser: Browser
) -> None:
    send(redis, browser)
    [push] = push_service.pushes
    assert push.message == {"title": "t"} and push.browser is browser
    assert (push.headers["ttl"], push.headers["topic"], push.headers["urgency"]) == ("43200", "a-topic", "normal")


@pytest.mark.parametrize("size", [1, 3000, 3993])
def test_any_payload_of_ours_fits(size: int, browser: Browser) -> None:
    assert browser.decrypt(webpush.encrypt(b"x" * size, subscription_of(browser))) == b"x" * size


@pytest.mark.parametrize("size", [3994, 4079, 4080, 100_000])
def test_what_no_push_service_must_take_is_not_sealed(size: int, browser: Browser) -> None:
    with pytest.raises(Undeliverable, match=rf"^A push holds at most 3993 bytes, and this one has {size}$"):
        webpush.encrypt(b"x" * size, subscription_of(browser))


@pytest.mark.parametrize(
    ("status", "headers", "error", "wait"),
    [
        (404, {}, Unsubscribed, None),
        (410, {}, Unsubscribed, None),
        (429, {"Retry-After": "7"}, Delayed, 7),
        (500, {}, Delayed, None),
        (503, {"Retry-After": "86400"}, Delayed, 3600),
        (400, {}, Undeliverable, None),
        (403, {}, Undeliverable, None),
        (413, {}, Undeliverable, None),
        (307, {"Location": "/elsewhere"}, Undeliverable, None),
    ],
)
def test_what_a_service_answers_decides_what_becomes_of_it(
    status: int,
    headers: dict[str, str],
    error: type[Exception],
    wait: int | None,
    redis: Redis,
    push_service: PushService,
    browser: Browser,
) -> None:
    push_service.answers.append((status, headers))
    with pytest.raises(error) as raised:
        send(redis, browser)
    assert getattr(raised.value, "wait", None) == wait
    assert len(push_service.pushes) == 1, "a redirect is not followed"
    assert "127.0.0.1" in str(raised.value) and "/push" not in str(raised.value)


def test_a_private_address_is_refused(redis: Redis, push_service: PushService, browser: Browser) -> None:
    with pytest.raises(Undeliverable, match=r"^expected a public address, got 127\.0\.0\.1$"):
        send(redis, browser, allow_private=False)
    assert not push_service.pushes


def test_only_a_point_on_the_curve_is_a_key() -> None:
    point = Browser("").point
    assert webpush.is_point(encoded(point))
    compressed = b"\2" + point[1:33]
    for wrong in (point[:-1], b"\5" + point[1:], point[:-1] + bytes([point[-1] ^ 1]), compressed, b"", b"\0"):
        assert not webpush.is_point(encoded(wrong))
    assert not webpush.is_point("é" * 87) and not webpush.is_point("*" * 87)


def test_a_secret_of_sixteen_bytes_is_one() -> None:
    assert webpush.is_auth(encoded(b"a" * 16)) and webpush.is_auth(encoded(b"a" * 16) + "==")
    assert not any(webpush.is_auth(text) for text in (encoded(b"a" * 15), encoded(b"a" * 17), "", "é" * 22))


def test_a_topic_is_short_enough() -> None:
    topic = webpush.topic_of("0b6f2a3c-1d2e-4f50-8a1b-2c3d4e5f6071")
    assert topic == "0b6f2a3c1d2e4f508a1b2c3d4e5f6071" and len(webpush.topic_of("a" * 128)) == 32
    assert len(webpush.SUMMARY_TOPIC) <= 32 and json.dumps(webpush.SUMMARY_TOPIC).isascii()
