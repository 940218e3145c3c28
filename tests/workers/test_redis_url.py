"""Which addresses of Redis are taken; nothing of the others is repeated."""

import pytest
from redis import Redis
from redis.connection import parse_url

from workers.errors import SettingsError
from workers.redis_url import checked


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://cache:6379",
        "redis://cache:6379/",
        "redis://cache/15",
        "redis://:p%40ss%3Aw%2Frd%23@127.0.0.1:6379/0",
        "redis://user:a@b:c@[::1]:6379/0?protocol=2",
        "rediss://cache:6380/1?ssl_ca_certs=/etc/a%20b@c.pem&ssl_cert_reqs=required",
        "redis://:pass word&=+x!$@cache/0",
        "redis://:pässwört@cache",
        "unix:///run/redis.sock",
        "unix://user:word@/run/re dis.sock?db=3",
        "unix:///home/an [odd] @ folder/%zz/redis.sock",
    ],
)
def test_what_redis_py_understands_as_it_is_meant_is_taken(url: str) -> None:
    assert checked(url) == url
    assert parse_url(url)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("  redis://cache/1\n", "redis://cache/1"),
        ("REDIS://:Word@Cache/1", "redis://:Word@Cache/1"),
        ("Unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_what_is_clear_is_mended(text: str, url: str) -> None:
    assert checked(text) == url
    if url:
        Redis.from_url(url)


SECRET = "57hunter2"
ODD_PASSWORDS = [
    f"{place}@127.0.0.1:7950/0"
    for odd in "#/?[]"
    for place in (f":57{odd}{SECRET}", f":{SECRET}{odd}x", f"user:{odd}{SECRET}", f":57{odd}{SECRET}=1")
]


@pytest.mark.parametrize("rest", ODD_PASSWORDS)
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_password_that_is_not_encoded_is_refused_with_what_to_do(scheme: str, rest: str) -> None:
    with pytest.raises(SettingsError, match=r"^REDIS_URL: expected .*percent-encode the password") as refused:
        checked(f"{scheme}://{rest}")
    assert "57" not in str(refused.value) and "hunter" not in str(refused.value)
    assert refused.value.__cause__ is None and refused.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cache", "redis://…, rediss://… or unix://…, got 'text'"),
        ("hunter2:x@cache", "redis://…, rediss://… or unix://…, got 'text'"),
        ("valkey://cache", "got 'valkey'"),
        ("redis+sentinel://cache", "got 'redis\\+sentinel'"),
        ("redis://cache/hunter2", "the number of a database"),
        ("redis://cache/1/2", "the number of a database"),
        ("redis://cache?db=hunter2", "the number of a database"),
        ("unix:///run/redis.sock?db=hunter2", "the number of a database"),
        ("redis://cache:hunter2", "host:port"),
        ("redis://cache:0", "host:port"),
        ("redis://cache:65536/0", "host:port"),
        ("redis://[half", "percent-encode"),
        ("redis://:hunter2／@cache", "percent-encode"),
        ("redis://cache?hunter2", "options such as"),
        ("redis://cache/0?Hunter2=1", "options such as"),
        ("redis://cache\n/hunter2", "on one line"),
        ("unix://run/hunter2.sock", "three slashes"),
        ("unix://", "three slashes"),
        ("unix:///run/#hunter2.sock", "without #"),
    ],
)
def test_what_can_not_be_meant_is_refused_and_not_repeated(text: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=f"^REDIS_URL: expected .*{expected}") as refused:
        checked(text)
    assert "unter2" not in str(refused.value)
