"""The completion inbox, as the script fills it and `seen` empties it."""

from typing import Any

from redis import Redis

from tests.conftest import Processes, ended
from workers import inbox, store
from workers.inbox import Inbox
from workers.queue import Jobs
from workers.script import INBOX_LIMIT
from workers.wire import Status, decode_state

KNOWN = {"task": "t", "queue": "default", "created_at": 1}


def end(redis: Redis, id: str, status: Status = Status.FINISHED, owner: str = "me", **fields: Any) -> None:
    store.transition(redis, id, {"status": status, **fields}, owner=owner, fallback=KNOWN)


def ends(redis: Redis, owner: str = "me") -> list[tuple[str, int, str]]:
    states = [decode_state(body) for body in inbox.read(redis, owner).bodies]
    return [(state.id, state.attempt, str(state.status)) for state in states]


def test_an_end_enters_its_owners_inbox_and_no_other(redis: Redis) -> None:
    end(redis, "a")
    end(redis, "b", Status.QUEUED)
    assert ends(redis) == [("a", 1, "finished")]
    assert not inbox.read(redis, "you")


def test_ends_come_oldest_first_and_leave_when_they_are_seen(redis: Redis) -> None:
    for id in ("a", "b", "c"):
        end(redis, id)
    inbox.forget(redis, "me", [("b", 1), ("nobody", 1), ("c", 2)])
    assert [id for id, _, _ in ends(redis)] == ["a", "c"]
    inbox.forget(redis, "me", [])


def test_each_attempt_has_its_end_and_the_last_word_wins(redis: Redis) -> None:
    end(redis, "a", Status.FAILED, error={"type": "E", "message": "m"})
    end(redis, "a", Status.FINISHED)
    end(redis, "a", Status.QUEUED)
    end(redis, "a", Status.STOPPED)
    assert ends(redis) == [("a", 1, "finished"), ("a", 2, "stopped")]


def test_an_end_outlives_its_job(redis: Redis, jobs: Jobs, processes: Processes) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    processes.worker()
    ended(jobs, id)
    jobs.delete(id)
    assert ends(redis) == [(id, 1, "finished")]
    assert 0 < int(redis.ttl("headway:inbox:me")) <= 7 * 24 * 3600


def test_a_job_of_nobody_enters_no_inbox(redis: Redis) -> None:
    end(redis, "a", owner="")
    assert not redis.keys("headway:inbox:*")


def test_the_newest_thousand_are_kept_and_the_rest_is_a_number(redis: Redis) -> None:
    with redis.pipeline() as pipeline:
        for number in range(INBOX_LIMIT + 7):
            store.transition(pipeline, f"j{number:04}", {"status": Status.FINISHED}, owner="me", fallback=KNOWN)
        pipeline.execute()
    unseen = inbox.read(redis, "me")
    assert (len(unseen.bodies), unseen.more) == (INBOX_LIMIT, 7)
    assert ends(redis)[-1][0] == f"j{INBOX_LIMIT + 6:04}"
    inbox.forget(redis, "me", [(f"j{number:04}", 1) for number in range(INBOX_LIMIT + 7)])
    assert inbox.read(redis, "me") == Inbox((), 0)
    assert not redis.keys("headway:inbox:*")
