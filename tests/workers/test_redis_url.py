"""Which addresses of Redis are taken; nothing of the others is repeated."""

from pathlib import Path

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
        "rediss://cache:6380/1?ssl_cert_reqs=required&ssl_check_hostname=false",
        "redis://cache/0?client_name=shop-1&socket_timeout=5.5&socket_keepalive=true&password=a%20b",
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
CHANGE_ANSWERS = ("decode_responses", "encoding", "encoding_errors", "legacy_responses", "max_connections", "retry")
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
        ("rediss://cache?ssl_cert_reqs=hunter2", "none, optional or required in \\?ssl_cert_reqs="),
        ("rediss://cache?ssl_ca_certs=/hunter2.pem", "in \\?ssl_ca_certs=; it isn't there"),
        ("rediss://cache?ssl_ca_path=/hunter2", "in \\?ssl_ca_path=; it isn't there"),
        (f"rediss://cache?ssl_keyfile=/{'hunter2' * 1000}", "in \\?ssl_keyfile=; it isn't there"),
        ("redis://cache?ssl_ca_certs=/hunter2.pem", "rediss:// where there is \\?ssl_ca_certs="),
        ("redis://cache?protocol=9", "2 or 3 in \\?protocol="),
        ("redis://cache?client_name=a%20hunter2", "without blanks in \\?client_name="),
        ("redis://cache?socket_timeout=0", "seconds in \\?socket_timeout="),
        ("redis://cache?socket_keepalive=off", "true or false"),
        *((f"redis://cache?{name}=hunter2", "options of these alone: client_name, db, ") for name in CHANGE_ANSWERS),
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


def test_a_file_that_is_there_is_taken_by_its_encoded_name(tmp_path: Path) -> None:
    (tmp_path / "a b@c.pem").touch()
    url = f"rediss://cache:6380/1?ssl_ca_certs={tmp_path}/a%20b@c.pem&ssl_ca_path={tmp_path}"
    assert checked(url) == url
