"""The scheduler's word that it lives, and the locks on its queues."""

import os
import socket

from redis import Redis
from rq.scheduler import RQScheduler

from workers import scheduler_heartbeat
from workers.release import release
from workers.scheduler_heartbeat import KEY, RENEWED, TTL, beat, lock_key, sign_off

OURS, SHARED = "headway.default", "shop"  # a queue of ours, and one that keeps its name in RQ
QUEUES = [OURS, SHARED]


def test_it_says_who_it_is_and_that_runs_out_within_seconds(redis: Redis) -> None:
    assert scheduler_heartbeat.read(redis, QUEUES) is None
    assert beat(redis, "one", QUEUES) == QUEUES
    said = scheduler_heartbeat.read(redis, QUEUES)
    assert said is not None and (said.name, said.host, said.pid) == ("one", socket.gethostname(), os.getpid())
    assert said.release == release() and abs(said.at - int(redis.time()[0]) * 1000) < 10_000
    for key in (KEY, *map(lock_key, QUEUES)):
        assert 0 < redis.pttl(key) <= TTL * 1000, "another has its queues within 10 s of its death"
    sign_off(redis, "another", QUEUES)
    assert scheduler_heartbeat.read(redis, QUEUES) == said
    sign_off(redis, "one", QUEUES)
    assert scheduler_heartbeat.read(redis, QUEUES) is None and not redis.keys("*scheduler*")


def test_a_lock_is_its_holders_until_it_is_not_renewed(redis: Redis) -> None:
    assert beat(redis, "one", [OURS]) == [OURS]
    assert beat(redis, "two", QUEUES) == [SHARED]
    assert beat(redis, "one", QUEUES) == [OURS], "the same name has it still, after whatever"
    redis.delete(lock_key(OURS))
    assert beat(redis, "two", QUEUES) == QUEUES and beat(redis, "one", QUEUES) == []


def test_a_living_scheduler_of_rqs_keeps_our_queue_and_a_dead_one_does_not(redis: Redis) -> None:
    """So does that of the release before, whose locks last 61 s."""
    theirs = RQScheduler(QUEUES, redis, name="theirs")
    assert theirs.acquire_locks() == set(QUEUES)
    assert beat(redis, "one", QUEUES) == [SHARED], "what is shared has another lock, beside theirs"
    sign_off(redis, "one", QUEUES)
    said = scheduler_heartbeat.read(redis, QUEUES)
    assert said is not None and (said.name, said.release) == ("theirs", "")
    redis.pexpire(lock_key(OURS), round(RENEWED * 1000) - 1)
    assert beat(redis, "one", QUEUES) == QUEUES
    theirs.heartbeat()
    assert theirs.acquired_locks == {SHARED}


def test_rubbish_in_the_place_of_a_lock_is_nobodys(redis: Redis) -> None:
    redis.set(KEY, "no hash")
    redis.sadd(lock_key(OURS), "no text")
    redis.set(lock_key(SHARED), "without end")
    assert beat(redis, "one", QUEUES) == QUEUES
    assert scheduler_heartbeat.read(redis, QUEUES) is not None
