"""What RQ keeps of a job, and what becomes of it when it is rubbish."""

import base64
import pickle
from collections.abc import Callable

import pytest
from redis import Redis

from tests.conftest import Processes, ended
from workers import detail
from workers.queue import Jobs

PICKLE = pickle.dumps(("os.system", None, ["true"], {}))


def test_a_job_that_failed_twice_is_told_whole(jobs: Jobs, processes: Processes) -> None:
    processes.worker()
    id = jobs.submit("count_words", {"url": "http://127.0.0.1:1/"}, owner="me").state.id
    ended(jobs, id)
    jobs.requeue(id)
    state = ended(jobs, id).state
    told = detail.read(jobs.redis, state, jobs.tasks)
    assert told.args == {"url": "http://127.0.0.1:1/"} and told.traceback is not None and told.sentence is None
    assert [(one["attempt"], one["status"]) for one in told.attempts] == [(1, "failed"), (2, "failed")]


Spoil = Callable[[Redis, str], object]

SPOILT: dict[str, tuple[Spoil, str]] = {
    "pickled arguments": (lambda redis, id: redis.hset(f"rq:job:{id}", "data", PICKLE), "arguments"),
    "arguments cut off": (lambda redis, id: redis.hset(f"rq:job:{id}", "data", b"\x78\x9c\x01"), "arguments"),
    "a list of arguments": (lambda redis, id: redis.hset(f"rq:job:{id}", "data", b'["f",null,[],[1]]'), "arguments"),
    "NaN": (lambda redis, id: redis.hset(f"rq:job:{id}", "data", b'["f",null,[],{"a":NaN}]'), "arguments"),
    "no time": (lambda redis, id: redis.hset(f"rq:job:{id}", "created_at", "now"), "record in RQ"),
    "no hash": (lambda redis, id: redis.delete(f"rq:job:{id}") and redis.set(f"rq:job:{id}", "1"), "record in RQ"),
    "a pickled result": (
        lambda redis, id: redis.xadd(f"rq:results:{id}", {"type": 1, "return_value": base64.b64encode(PICKLE)}),
        "result",
    ),
    "a result without a type": (lambda redis, id: redis.xadd(f"rq:results:{id}", {"a": "b"}), "result"),
    "a traceback of rubbish": (
        lambda redis, id: redis.xadd(f"rq:results:{id}", {"type": 2, "exc_string": "?"}),
        "result",
    ),
    "results of another type": (lambda redis, id: redis.set(f"rq:results:{id}", "1"), "result"),
    "an attempt cut off": (lambda redis, id: redis.rpush(f"headway:job:{id}:attempts", '{"attempt":'), "attempts"),
    "an attempt of other types": (
        lambda redis, id: redis.rpush(
            f"headway:job:{id}:attempts", '{"attempt":1,"status":"x","started_at":"y","ended_at":null,"error":null}'
        ),
        "attempts",
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_can_not_be_read_says_so_and_the_rest_is_told(what: str, jobs: Jobs) -> None:
    state = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state
    spoil, name = SPOILT[what]
    spoil(jobs.redis, state.id)
    told = detail.read(jobs.redis, state, jobs.tasks)
    assert told.sentence == f"Headway can't read this job's {name}"
    assert (told.args is None) == (name in ("arguments", "record in RQ"))
    assert [one["attempt"] for one in told.attempts] == [1]


def test_several_are_named_in_one_sentence(jobs: Jobs) -> None:
    state = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state
    for what in ("pickled arguments", "a result without a type", "an attempt cut off"):
        SPOILT[what][0](jobs.redis, state.id)
    assert (
        detail.read(jobs.redis, state, jobs.tasks).sentence
        == "Headway can't read this job's arguments, result and attempts"
    )


def test_a_job_that_rq_has_forgotten_is_no_rubbish(jobs: Jobs) -> None:
    state = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state
    jobs.redis.delete(f"rq:job:{state.id}")
    told = detail.read(jobs.redis, state, jobs.tasks)
    assert told.args is None and told.sentence is None
