"""The audit log in a real Redis."""

import json
import logging
from typing import Any

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


REST = '"what":"stop","which":{},"result":"ok"}'


def test_entries_of_both_streams_are_read_in_order_even_with_one_id(redis: Redis) -> None:
    for number in range(1, 5):
        redis.xadd(audit.KEY, {"entry": f'{{"who":"operator {number}",{REST}'}, id=f"{number}-0")
        redis.xadd(audit.OTHERS_KEY, {"entry": f'{{"who":"other {number}",{REST}'}, id=f"{number}-0")
    for limit in (1, 2, 3, 5):
        seen, cursor = [], None
        while True:
            entries, cursor = audit.read(redis, cursor, limit)
            seen += [entry["who"] for entry in entries]
            if cursor is None:
                break
        assert seen == [f"{who} {number}" for number in (4, 3, 2, 1) for who in ("other", "operator")]


@pytest.mark.parametrize(
    "which",
    [
        {"q": "x" * 1_000_000},
        {"q": "\U0001f600" * 10_000, "ids": ["\U0001f600" * 1_000] * 1_000},
        {"topics": ["ü" * 80] * 20, "ids": ["ü" * 200] * 20, "name": "ü" * 200},
        {f"{number}" * 1_000: ["ü" * 1_000] * 1_000 for number in range(1_000)},
        {"deep": [[["x" * 1_000] * 1_000] * 1_000]},
    ],
)
def test_no_entry_is_larger_than_two_kilobytes(which: dict[str, Any]) -> None:
    text = audit.encoded(Entry("me" * 1_000, "cancel", which, "ok"))
    assert len(text.encode()) <= audit.SIZE_LIMIT and json.loads(text)["what"] == "cancel"


def test_refusals_stand_among_the_others_by_their_time(redis: Redis) -> None:
    redis.xadd(audit.KEY, {"entry": '{"who":"operator",' + REST}, id="1-0")
    audit.count_refusal(redis, "login", "unauthorized")
    redis.hset(audit.REFUSED_KEY, "since", 2)
    redis.xadd(audit.KEY, {"entry": '{"who":"viewer",' + REST}, id="3-0")
    entries, cursor = audit.read(redis, None, 1)
    assert [entry["who"] for entry in entries] == ["viewer", "strangers"] and cursor is not None
    assert [entry["who"] for entry in audit.read(redis, cursor, 1)[0]] == ["operator"]
    assert [entry["who"] for entry in audit.read(redis, None, 9)[0]] == ["viewer", "strangers", "operator"]


def test_what_is_small_enough_is_kept_whole() -> None:
    which = {"ids": [f"{number:08}-0000-0000-0000-000000000000" for number in range(20)], "count": 1000}
    assert json.loads(audit.encoded(Entry("operator", "cancel", which, "ok")))["which"] == which


def test_refusals_are_counted_shown_at_once_and_become_one_entry(redis: Redis) -> None:
    for _ in range(3000):
        audit.count_refusal(redis, "login", "unauthorized")
    audit.count_refusal(redis, "cancel", "forbidden")
    [counted], _ = audit.read(redis, None, 10)
    which = {"login unauthorized": 3000, "cancel forbidden": 1, "count": 3001, "since": counted["at"]}
    assert counted == {"at": counted["at"], "who": "strangers", "what": "refused", "which": which, "result": "refused"}
    assert not audit.tell_refusals(redis), "not yet"
    redis.hset(audit.REFUSED_KEY, "since", counted["at"] - audit.TOLD_AFTER)
    assert audit.tell_refusals(redis) and not audit.tell_refusals(redis)
    [told], _ = audit.read(redis, None, 10)
    assert told["which"]["count"] == 3001 and not redis.exists(audit.REFUSED_KEY)


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


@pytest.mark.parametrize("before", ["0-0", "0-0o", "000-0"])
def test_before_the_first_of_all_ids_there_is_nothing(before: str, redis: Redis) -> None:
    redis.xadd(audit.KEY, {"entry": f'{{"who":"operator",{REST}'}, id="1-0")
    assert audit.read(redis, before, 2) == ([], None)
    assert len(audit.read(redis, "0001-01", 2)[0]) == 1
