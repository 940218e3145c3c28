"""The key pair of the installation."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis

from tests.push_service import decoded
from workers.vapid import KEY, Vapid, origin


def test_it_is_made_once_for_all_processes(redis: Redis) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: Vapid.load(redis).public_key, range(32)))
    assert len(keys) == 1
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(keys.pop()))


def test_it_is_lost_with_the_data_of_redis(redis: Redis) -> None:
    before = Vapid.load(redis).public_key
    redis.delete(KEY)
    assert Vapid.load(redis).public_key != before


def test_a_token_is_for_one_service_alone(redis: Redis) -> None:
    header = Vapid.load(redis).authorization("https://push.example:8443/a/secret?x=1", "mailto:me@shop.example")
    claims = json.loads(decoded(header.split("=", 1)[1].split(",")[0].split(".")[1]))
    assert claims["aud"] == "https://push.example:8443" and claims["sub"] == "mailto:me@shop.example"
    assert "secret" not in json.dumps(claims)


@pytest.mark.parametrize(
    ("endpoint", "audience"),
    [
        ("https://Push.Example:443/a", "https://push.example"),
        ("https://me:secret@push.example/a", "https://push.example"),
        ("http://127.0.0.1:80/a", "http://127.0.0.1"),
        ("https://[2001:DB8::1]:8443/a", "https://[2001:db8::1]:8443"),
        ("https://push.example:80/a", "https://push.example:80"),
    ],
)
def test_the_audience_is_an_origin_as_it_is_written(endpoint: str, audience: str) -> None:
    assert origin(endpoint) == audience


def test_a_token_and_its_key_stand_as_other_senders_write_them(redis: Redis) -> None:
    header = Vapid.load(redis).authorization("https://push.example/a", "mailto:me@shop.example")
    assert re.fullmatch(r"vapid t=[\w-]+\.[\w-]+\.[\w-]{86}, k=[\w-]{87}", header)


@pytest.mark.parametrize("kept", ["rubbish!", "", "AAAA", b"\xff"])
def test_a_key_that_is_none_is_made_anew_once(kept: str | bytes, redis: Redis) -> None:
    redis.set(KEY, kept)
    assert Vapid.load(redis).public_key == Vapid.load(redis).public_key
