"""The log in Redis: numbers, caps, attempts, and what is refused."""

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from tests.conftest import until
from workers import log_lines, store
from workers.log_lines import BYTES_LIMIT, LINES_LIMIT, Line
from workers.retention import DEFAULT as RETENTION
from workers.wire import CHANNEL, Status

LOG = "headway:job:a:log"


def put(redis: Redis, status: Status, id: str = "a") -> None:
    store.transition(redis, id, {"status": status}, owner="me", fallback={"task": "t", "queue": "q"})


def lines(numbers: Sequence[int], text: str = "text") -> list[Line]:
    return [
        (number, f'"at":{number},"level":"info","text":{json.dumps(f"{text} {number}")}}}'.encode())
        for number in numbers
    ]


def kept(redis: Redis, id: str = "a") -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_lines.read(redis, id)]


def numbers(redis: Redis) -> list[int]:
    return [line["n"] for line in kept(redis)]


@pytest.fixture(autouse=True)
def started(redis: Redis) -> None:
    put(redis, Status.STARTED)


def test_a_line_is_kept_as_it_was_written_with_its_number_and_attempt(redis: Redis) -> None:
    assert log_lines.write(redis, "a", 1, lines([1, 2]))
    assert kept(redis) == [
        {"n": 1, "attempt": 1, "at": 1, "level": "info", "text": "text 1"},
        {"n": 2, "attempt": 1, "at": 2, "level": "info", "text": "text 2"},
    ]


def test_what_is_said_twice_is_kept_once(redis: Redis) -> None:
    assert log_lines.write(redis, "a", 1, lines([1, 2, 3]))
    assert log_lines.write(redis, "a", 1, lines([2, 3, 4]))
    assert log_lines.write(redis, "a", 1, lines([3, 4]))
    assert numbers(redis) == [1, 2, 3, 4]


def test_numbers_go_on_over_attempts_and_where_lines_were_dropped(redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([1, 2, 7]))
    put(redis, Status.QUEUED)
    put(redis, Status.STARTED)
    log_lines.write(redis, "a", 2, lines([1, 2]))
    log_lines.write(redis, "a", 2, lines([2, 3]))
    assert [(line["n"], line["attempt"], line["text"]) for line in kept(redis)] == [
        (1, 1, "text 1"),
        (2, 1, "text 2"),
        (7, 1, "text 7"),
        (8, 2, "text 1"),
        (9, 2, "text 2"),
        (10, 2, "text 3"),
    ]


def test_the_newest_thousand_are_kept(redis: Redis) -> None:
    for start in range(1, 3001, 700):
        log_lines.write(redis, "a", 1, lines(range(start, start + 700)))
    assert numbers(redis) == list(range(3501 - LINES_LIMIT, 3501))


def test_so_many_bytes_are_kept(redis: Redis) -> None:
    for number in range(1, 201):
        log_lines.write(redis, "a", 1, lines([number], "x" * 4000))
    size = sum(map(len, cast(list[bytes], redis.lrange(LOG, 0, -1))))
    assert BYTES_LIMIT - 5000 < size <= BYTES_LIMIT
    assert redis.hget("headway:job:a", "log_bytes") == str(size).encode()
    assert numbers(redis)[-1] == 200


def test_another_attempt_and_an_unknown_job_are_refused(redis: Redis) -> None:
    assert not log_lines.write(redis, "nobody", 1, lines([1]))
    assert not log_lines.write(redis, "a", 2, lines([1]))
    put(redis, Status.QUEUED)
    assert not log_lines.write(redis, "a", 1, lines([1]))
    store.bury(redis, "a")
    assert not log_lines.write(redis, "a", 1, lines([1]))
    assert not redis.exists(LOG)


def test_it_goes_with_the_job(redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([1]))
    assert redis.ttl(LOG) == -1
    put(redis, Status.FINISHED)
    assert 0 < redis.ttl(LOG) <= RETENTION
    store.bury(redis, "a")
    assert not redis.exists(LOG)


def test_a_line_after_the_end_expires_too_and_a_requeued_job_keeps_its_log(redis: Redis) -> None:
    put(redis, Status.FAILED)
    assert log_lines.write(redis, "a", 1, lines([1]))
    assert 0 < redis.ttl(LOG) <= RETENTION
    put(redis, Status.QUEUED)
    put(redis, Status.STARTED)
    log_lines.write(redis, "a", 2, lines([1]))
    assert numbers(redis) == [1, 2] and redis.ttl(LOG) == -1


def test_a_log_that_is_gone_begins_anew_and_its_numbers_go_on(redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines(range(1, 100), "x" * 2000))
    redis.delete(LOG)
    log_lines.write(redis, "a", 1, lines([100]))
    assert numbers(redis) == [100]
    [line] = cast(list[bytes], redis.lrange(LOG, 0, -1))
    assert redis.hget("headway:job:a", "log_bytes") == str(len(line)).encode()


def test_the_channel_is_told_that_there_are_lines_and_not_which(redis: Redis) -> None:
    with redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=1)
        log_lines.write(redis, "a", 1, lines([1, 2]))
        log_lines.write(redis, "a", 1, lines([2]))
        log_lines.write(redis, "a", 1, lines([3]))
        said = [until(lambda: listener.get_message(timeout=0.1), "a note") for _ in range(2)]
    assert [json.loads(one["data"]) for one in said] == [{"log": "a", "last": 2}, {"log": "a", "last": 3}]


def test_a_state_is_the_same_with_a_log_beside_it(redis: Redis) -> None:
    before = store.load(redis, "a")
    log_lines.write(redis, "a", 1, lines([1]))
    assert store.load(redis, "a") == before
    put(redis, Status.FINISHED)
    assert redis.hget("headway:job:a", "log_last") == b"1"


def test_an_error_is_raised_alone_and_never_in_a_transaction(redis: Redis) -> None:
    too_many = lines(range(1, 9001))
    with pytest.raises(ResponseError, match="too many"):
        log_lines.write(redis, "a", 1, too_many)
    with redis.pipeline() as pipeline:
        log_lines.write(pipeline, "a", 1, too_many)
        store.transition(pipeline, "a", {"status": Status.FINISHED})
        pipeline.execute()
    stored = store.load(redis, "a")
    assert stored is not None and stored.state.status == Status.FINISHED


RUBBISH = (b"", b"null", b"\xff", b'{"n":1', b'{"n":1,"attempt":1,"at":NaN,"level":"info","text":""}', b"[" * 9999)


def test_lines_of_rubbish_hide_none_of_the_others(redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([1]))
    redis.rpush(LOG, *RUBBISH)
    redis.hset("headway:job:a", mapping={"log_last": "rubbish", "log_bytes": "rubbish"})
    log_lines.write(redis, "a", 1, lines([2]))
    assert numbers(redis) == [1, 2]
    assert log_lines.encode_log(log_lines.read(redis, "a")).startswith('{"lines":[{"n":1,')


def test_a_key_of_another_type_makes_room_for_lines(redis: Redis) -> None:
    redis.set(LOG, "no list")
    assert log_lines.read(redis, "a") == []
    assert log_lines.write(redis, "a", 1, lines([1]))
    assert numbers(redis) == [1]


def test_several_are_read_at_once_each_as_far_as_it_is_wanted(redis: Redis) -> None:
    put(redis, Status.STARTED, "b")
    log_lines.write(redis, "a", 1, lines([1, 2, 3]))
    log_lines.write(redis, "b", 1, lines([1, 2]))
    found = log_lines.read_many(redis, {"a": 1, "b": 9, "c": 9})
    assert {id: [log_lines.number_of(line) for line in rows] for id, rows in found.items()} == {
        "a": [3],
        "b": [1, 2],
        "c": [],
    }
    owners = {id: owner for id, (owner, _) in log_lines.read_with_owners(redis, ["a", "c"]).items()}
    assert owners == {"a": "me", "c": None}


def test_a_whole_log_says_its_first_and_last_number(redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([3, 4]))
    told = json.loads(log_lines.encode_log(log_lines.read(redis, "a")))
    assert (told["first"], told["last"], [line["n"] for line in told["lines"]]) == (3, 4, [3, 4])
    assert json.loads(log_lines.encode_log([])) == {"lines": [], "first": 0, "last": 0}
