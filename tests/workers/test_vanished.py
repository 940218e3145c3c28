"""Ended jobs that somebody has deleted in RQ are found, and no others."""

import pytest
from redis import Redis

from tests.conftest import Processes, ended
from workers import detail, store
from workers.queue import Jobs
from workers.vanished import SLACK, Vanished, has_vanished
from workers.wire import Status

WEEK = 7 * 24 * 3600


def end(redis: Redis, id: str, status: Status = Status.FINISHED, kept: int | None = WEEK) -> None:
    known = {"task": "t", "queue": "default", "created_at": 1}
    redis.hset(f"rq:job:{id}", "status", status)
    store.transition(redis, id, {"status": Status.STARTED}, owner="me", fallback=known)
    store.transition(redis, id, {"status": status} | ({} if kept is None else {"kept": kept}))


def found(vanished: Vanished) -> list[str]:
    return sorted(difference.id for part in vanished.look() for difference in part)


def test_a_worker_says_how_long_rq_keeps_what_ended(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    processes.worker()
    state = ended(jobs, id).state
    assert redis.hget(f"headway:job:{id}", "kept") == str(WEEK).encode()
    assert 0 <= WEEK - int(redis.ttl(f"rq:job:{id}")) < 60
    assert not has_vanished(redis, id)
    redis.delete(f"rq:job:{id}")
    assert has_vanished(redis, id) and detail.read(redis, state, jobs.tasks).result is None
    assert store.load(redis, id) is None, "who looks at it is the first to know"


@pytest.mark.parametrize("status", [Status.FINISHED, Status.FAILED, Status.STOPPED, Status.CANCELED])
def test_what_rq_still_has_or_may_have_dropped_by_itself_is_left_alone(status: Status, redis: Redis) -> None:
    end(redis, "deleted", status)
    end(redis, "for-good", status, -1)
    end(redis, "kept", status)
    end(redis, "expired", status, SLACK)
    end(redis, "of-the-release-before", status, None)
    for id in ("deleted", "for-good", "expired", "of-the-release-before"):
        redis.delete(f"rq:job:{id}")
    assert found(Vanished(redis)) == ["deleted", "for-good"]
    assert [has_vanished(redis, id) for id in ("deleted", "kept", "expired", "nobody")] == [True, False, False, False]


def test_the_newest_are_looked_at_each_time_and_the_others_by_turns(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SLICE", 2), ("NEWEST", 2), ("OTHERS", 4)):
        monkeypatch.setattr(f"workers.vanished.{name}", value)
    ids = [f"j{number}" for number in range(10)]
    for id in ids:
        end(redis, id)
    redis.delete(*[f"rq:job:{id}" for id in ids])
    vanished = Vanished(redis)
    rounds = [found(vanished) for _ in range(4)]
    newest = ["j8", "j9"]
    assert rounds == [
        ["j4", "j5", "j6", "j7", *newest],
        ["j0", "j1", "j2", "j3", *newest],
        newest,
        ["j4", "j5", "j6", "j7", *newest],
    ]
