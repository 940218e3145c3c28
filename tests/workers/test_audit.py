"""The audit log in a real Redis."""

import json
import logging

import pytest
from redis import Redis

from workers import audit, store
from workers.audit import LIMIT, Entry


def test_what_is_written_is_read_newest_first_page_by_page(redis: Redis) -> None:
    for number in range(5):
        audit.write(redis, Entry("operator", "cancel", {"id": str(number)}, "ok"))
    seen, cursor = [], None
    while True:
        entries, cursor = audit.read(redis, cursor, 2)
        seen += [entry["which"]["id"] for entry in entries]
        assert all(set(entry) == {"at", "who", "what", "which", "result"} for entry in entries)
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    assert abs(entries[0]["at"] - store.now(redis) // 1000) < 60_000


def test_nothing_written_is_nothing_read(redis: Redis) -> None:
    assert audit.read(redis, None, 10) == ([], None)


def test_the_log_is_bounded(redis: Redis) -> None:
    with redis.pipeline() as pipeline:
        for _ in range(LIMIT + 1000):
            pipeline.xadd(audit.KEY, {"entry": "{}"})
        pipeline.execute()
    audit.write(redis, Entry("", "login", {}, "unauthorized"))
    assert LIMIT <= redis.xlen(audit.KEY) <= LIMIT + 100


def test_each_entry_is_one_line_of_the_log_whatever_stands_in_it(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "headway.audit"):
        audit.write(redis, Entry("me", "delete", {"q": "a\nb\r\x00%s \ud800"}, "ok"))
    [record] = caplog.records
    assert "\n" not in record.getMessage() and json.loads(record.getMessage())["which"]["q"].startswith("a\nb")


def test_what_redis_does_not_take_fails_nothing_and_is_still_in_the_log(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.set(audit.KEY, "no stream")
    with caplog.at_level(logging.INFO, "headway.audit"):
        audit.write(redis, Entry("me", "delete", {"id": "abc"}, "ok"))
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
    assert all('"abc"' in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("number", [0x1B, 0x9B, 0x2028, 0x202E, 0x2066])
def test_its_line_in_the_log_shows_what_a_terminal_would_obey(
    number: int, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "headway.audit"):
        audit.write(redis, Entry("", "action", {"q": f"a{chr(number)}b"}, "ok"))
    [record] = caplog.records
    assert chr(number) not in record.getMessage() and json.loads(record.getMessage())["which"] == {
        "q": f"a{chr(number)}b"
    }
    assert audit.read(redis, None, 1)[0][0]["which"] == {"q": f"a{chr(number)}b"}
