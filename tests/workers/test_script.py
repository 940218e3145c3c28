"""The script itself: what holds for every call of it."""

import pytest
from redis import Redis

from workers import inbox, store
from workers.retention import DEFAULT as RETENTION
from workers.script import SCRIPT
from workers.wire import FIELDS, Status


def call(redis: Redis, *arguments: str) -> list[bytes]:
    return list(redis.eval(SCRIPT, 1, "headway:job:a", *arguments))


def test_it_knows_every_field_of_a_state(redis: Redis) -> None:
    call(
        redis,
        *("transition", "a", "me", "", "3", "a channel"),
        *("task", '"t"', "queue", '"q"', "created_at", "1", "status", '"queued"'),
    )
    stored = {name.decode() for name in redis.hgetall("headway:job:a")}  # type: ignore[union-attr]
    assert stored == {*FIELDS, "owner", "order"}


def test_an_error_is_an_answer_and_never_raised(redis: Redis) -> None:
    reply = call(redis, "transition", "a", "me", "", "no number", "a channel", "status", '"queued"')
    assert reply[0] == b"error" and b"arithmetic" in reply[1]


def test_the_same_said_twice_is_told_once(redis: Redis) -> None:
    arguments = ("transition", "a", "me", "", "2", "a channel", "task", '"t"', "queue", '"q"', "status", '"queued"')
    assert call(redis, *arguments)[0] == b"written"
    assert call(redis, *arguments) == [b"unchanged", b"same"]


def end(redis: Redis, id: str, status: Status = Status.FINISHED) -> None:
    store.transition(redis, id, {"status": Status.STARTED}, owner="me", fallback={"queue": "default", "task": "t"})
    store.transition(redis, id, {"status": status})


SCOPES = ("all", "queue:default", "owner:me")
FORTNIGHT = 2 * RETENTION * 1_000_000  # µs


@pytest.mark.parametrize("ahead", [FORTNIGHT + 1, 10 * FORTNIGHT])
def test_a_clock_that_has_jumped_ahead_takes_no_ended_job_out_of_the_lists(ahead: int, redis: Redis) -> None:
    for id in "abcde":
        end(redis, id)
    redis.set("headway:clock", store.now(redis) + ahead)
    for id in "fg":
        end(redis, id)
    for scope in SCOPES:
        assert set(redis.zrange(f"headway:{scope}:finished", 0, -1)) == {id.encode() for id in "abcdefg"}


def test_of_jobs_made_long_ago_those_whose_state_is_gone_leave_the_lists(redis: Redis) -> None:
    ids = [f"old-{number}" for number in range(60)]
    for id in ids:
        end(redis, id)
    long_ago = store.now(redis) - 2 * FORTNIGHT
    for scope in SCOPES:
        redis.zadd(f"headway:{scope}:finished", {id: long_ago + place for place, id in enumerate(ids)})
    redis.delete(*(f"headway:job:{id}" for id in ids[:50]))
    kept = {id.encode() for id in ids[50:]}
    for number in range(200):  # each looks at twenty of them
        end(redis, f"new-{number}")
    for scope in SCOPES:
        assert set(redis.zrangebyscore(f"headway:{scope}:finished", 0, long_ago + 60)) == kept


@pytest.mark.parametrize("clock", ["rubbish", "inf", "nan", "-5", "1e300", b"\xff", "9" * 400])
def test_a_clock_of_rubbish_is_set_right(clock: str | bytes, redis: Redis) -> None:
    redis.set("headway:clock", clock)
    before = store.now(redis)
    end(redis, "a")
    stored = store.load(redis, "a")
    assert stored is not None and before <= stored.order <= store.now(redis)


def test_keys_of_another_type_make_room_for_what_is_told(redis: Redis) -> None:
    end(redis, "a", Status.FAILED)
    for key in redis.keys("headway:*"):
        redis.delete(key)
        redis.set(key, "no hash, no list, no set")
    redis.delete("headway:clock")
    redis.rpush("headway:clock", "no text")
    store.transition(redis, "a", {"status": Status.QUEUED}, owner="me", fallback={"queue": "default"})
    end(redis, "a", Status.FAILED)
    store.transition(redis, "a", {"status": Status.QUEUED})
    end(redis, "a", Status.FAILED)
    stored = store.load(redis, "a")
    assert stored is not None and stored.state.status == "failed" and stored.state.attempt == 2
    assert [row.state.id for row in store.snapshot(redis, "owner:me")[0]] == ["a"]
    assert len(store.attempts(redis, "a")) == 1 and len(inbox.read(redis, "me").bodies) == 2


ODD = {
    "status": '"paused"',
    "attempt": "one",
    "version": "inf",
    "order": "first",
    "completed": None,
    "meta": None,
    "task": None,
    "queue": None,
    "owner": None,
}


@pytest.mark.parametrize("order", ["inf", "nan", "-1", "1e300", "9" * 400])
def test_an_order_of_rubbish_is_made_anew(order: str, redis: Redis) -> None:
    end(redis, "a")
    redis.hset("headway:job:a", "order", order)
    before = store.now(redis)
    store.transition(redis, "a", {"status": Status.QUEUED})
    stored = store.load(redis, "a")
    assert stored is not None and before <= stored.order <= store.now(redis)


@pytest.mark.parametrize("name", ODD)
def test_a_state_that_has_lost_a_field_is_whole_again_with_the_next_word(name: str, redis: Redis) -> None:
    store.transition(redis, "a", {"status": Status.STARTED}, owner="me", fallback={"queue": "default", "task": "t"})
    if (value := ODD[name]) is None:
        redis.hdel("headway:job:a", name)
    else:
        redis.hset("headway:job:a", name, value)
    store.report(redis, "a", 1, {"description": "on"})  # raises nothing
    store.transition(redis, "a", {"status": Status.FINISHED})
    rows, _ = store.snapshot(redis, "all")
    assert [(row.state.id, row.state.status) for row in rows] == [("a", "finished")]


@pytest.mark.parametrize("name", ["status", "queue", "order", "everything"])
def test_what_can_not_be_read_can_be_deleted(name: str, redis: Redis) -> None:
    store.transition(redis, "a", {"status": Status.STARTED}, owner="me", fallback={"queue": "default", "task": "t"})
    if name == "everything":
        redis.delete("headway:job:a")
        redis.set("headway:job:a", "no hash")
    else:
        redis.hdel("headway:job:a", name)
    assert [row.state.status for row in store.snapshot(redis, "all")[0]] == ["unreadable"]
    store.bury(redis, "a")
    assert store.load(redis, "a") is None and store.snapshot(redis, "all") == ([], False)
