"""The script itself: what holds for every call of it."""

from redis import Redis

from workers.script import SCRIPT
from workers.wire import FIELDS


def call(redis: Redis, *arguments: str) -> list[bytes]:
    return list(redis.eval(SCRIPT, 1, "headway:job:a", *arguments))


def test_it_knows_every_field_of_a_state(redis: Redis) -> None:
    call(
        redis, "transition", "a", "me", "", "3", "task", '"t"', "queue", '"q"', "created_at", "1", "status", '"queued"'
    )
    stored = {name.decode() for name in redis.hgetall("headway:job:a")}  # type: ignore[union-attr]
    assert stored == {*FIELDS, "owner", "order"}


def test_an_error_is_an_answer_and_never_raised(redis: Redis) -> None:
    redis.set("headway:job:a", "no hash")
    reply = call(redis, "transition", "a", "me", "", "0", "status", '"queued"')
    assert reply[0] == b"error" and b"WRONGTYPE" in reply[1]


def test_the_same_said_twice_is_told_once(redis: Redis) -> None:
    arguments = ("transition", "a", "me", "", "2", "task", '"t"', "queue", '"q"', "status", '"queued"')
    assert call(redis, *arguments)[0] == b"written"
    assert call(redis, *arguments) == [b"unchanged", b"same"]
