"""Idempotency-Keys."""

import pytest
from redis import Redis

from workers import once
from workers.errors import Conflict, TooMany
from workers.limits import Limit, Payer
from workers.queue import Jobs


def submit(jobs: Jobs, key: str, text: str = "1", payer: Payer | None = None) -> str:
    return jobs.submit("sum_numbers", {"text": text}, owner="me", key=key, payer=payer).state.id


def test_the_same_key_and_request_are_one_job(jobs: Jobs) -> None:
    assert submit(jobs, "a") == submit(jobs, "a") != submit(jobs, "b")
    with pytest.raises(Conflict, match="another request"):
        submit(jobs, "a", "2")


def test_a_job_that_was_deleted_is_submitted_afresh(jobs: Jobs, redis: Redis) -> None:
    first = submit(jobs, "a")
    jobs.delete(first)
    second = submit(jobs, "a")
    assert second != first and submit(jobs, "a") == second and redis.llen("rq:queue:headway.default") == 1


def test_who_may_submit_no_more_still_learns_what_became_of_it(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "KEYS", Limit(2, None, None))
    payer = Payer("me")
    first = submit(jobs, "a", payer=payer)
    submit(jobs, "b", payer=payer)
    with pytest.raises(TooMany) as refused:
        submit(jobs, "c", payer=payer)
    assert 0 < refused.value.retry_after <= 24 * 3600
    assert submit(jobs, "a", payer=payer) == first
