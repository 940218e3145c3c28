"""What waits is counted, in a real Redis, by the script that tells the states."""

import threading
from typing import cast

import pytest
from redis import Redis

from tests.conftest import Processes, ended
from workers import limits, store, waiting
from workers.errors import TooMany
from workers.lifecycle import fetch_job
from workers.limits import ACTIONS, BYTES_KEY, STRANGERS, Limit, Payer, waiting_key
from workers.queue import Jobs
from workers.wire import Status

ME = Payer("me", "0a")


def submit(jobs: Jobs, payer: Payer = ME, text: str = "12" * 1_000) -> str:
    return jobs.submit("sum_numbers", {"text": text}, owner=payer.owner, payer=payer).state.id


def submit_many(jobs: Jobs, count: int, payer: Payer = ME) -> list[str]:
    return jobs.submit_many("sum_numbers", [{"text": "1"}] * count, owner=payer.owner, payer=payer)


def counts(redis: Redis, *accounts: str) -> list[int]:
    return [int(redis.scard(waiting_key(account))) for account in accounts]


def bytes_of(redis: Redis) -> dict[str, int]:
    found = cast(dict[bytes, bytes], redis.hgetall(BYTES_KEY))
    return {account.decode(): int(size) for account, size in found.items()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can reach."""
    monkeypatch.setattr(waiting, "JOBS", Limit(3, 5, 7))


def test_a_job_counts_for_as_long_as_it_waits(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    ids = [submit(jobs), submit(jobs, Payer("me")), submit(jobs, Payer("you", "0b"))]
    assert counts(redis, "owner:me", "address:0a", "address:0b", "owner:you", STRANGERS) == [2, 1, 1, 1, 3]
    assert set(bytes_of(redis)) == {"owner:me", "address:0a", "address:0b", "owner:you", STRANGERS}
    jobs.cancel(ids[0])
    assert counts(redis, "owner:me", "address:0a", STRANGERS) == [1, 0, 2]
    jobs.requeue(ids[0])
    assert counts(redis, "owner:me", "address:0a", STRANGERS) == [2, 1, 3]
    jobs.delete(ids[1])
    assert counts(redis, "owner:me", STRANGERS) == [1, 2]
    processes.worker()
    for id in (ids[0], ids[2]):
        ended(jobs, id)
    assert not redis.keys("headway:waiting:*"), "nothing is left of what does not wait"


def test_of_small_jobs_only_the_number_counts(jobs: Jobs, redis: Redis) -> None:
    submit(jobs, text="1" * 500)
    assert counts(redis, "owner:me", STRANGERS) == [1, 1] and bytes_of(redis) == {}


def test_whoever_counts_for_nobody_leaves_no_trace(jobs: Jobs, redis: Redis) -> None:
    jobs.submit("sum_numbers", {"text": "1"}, owner="me")
    assert not redis.keys("headway:waiting:*")


def test_nothing_of_it_is_sent(jobs: Jobs) -> None:
    assert '"from"' not in jobs.load(submit(jobs)).body and "0a" not in jobs.load(submit(jobs)).body.split('"id"')[0]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("payers", "whose"),
    [
        ([ME] * 4, "one owner"),
        ([Payer(str(number), "0a") for number in range(6)], "one address"),
        ([Payer(str(number), f"{number}") for number in range(8)], "all visitors"),
        ([Payer("me", stranger=False)] * 4, "one owner"),
    ],
)
def test_each_limit_is_held_and_the_sentence_names_it(jobs: Jobs, payers: list[Payer], whose: str) -> None:
    *fine, last = payers
    for payer in fine:
        submit(jobs, payer)
    with pytest.raises(TooMany, match=whose) as refused:
        submit(jobs, last)
    assert refused.value.retry_after > 0
    jobs.submit("sum_numbers", {"text": "1"}, owner="an operator")


@pytest.mark.usefixtures("small")
def test_a_bulk_counts_each_of_its_jobs_and_is_refused_as_a_whole(jobs: Jobs, redis: Redis) -> None:
    ids = submit_many(jobs, 2)
    with pytest.raises(TooMany):
        submit_many(jobs, 2)
    assert counts(redis, "owner:me") == [2] and redis.llen("rq:queue:headway.default") == 2
    for id in ids:
        jobs.cancel(id)
    submit_many(jobs, 3)
    assert not redis.keys("headway:coming:*"), "no room is taken that nobody needs"


def test_room_that_a_dead_process_took_is_free_again(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "JOBS", Limit(10, None, None))
    since = store.now(redis) // 1_000_000
    redis.hset("headway:coming:owner:me", mapping={"dead": f"8 {since - waiting.TAKEN_TTL - 1}", "alive": f"8 {since}"})
    with pytest.raises(TooMany):
        waiting.check(redis, ME, 3, 0)
    waiting.check(redis, ME, 2, 0)
    assert redis.hkeys("headway:coming:owner:me") == [b"alive"]


def test_bulks_at_once_do_not_find_the_same_room(jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "JOBS", Limit(None, 1_000, None))
    together = threading.Barrier(4)
    refused: list[TooMany] = []

    def bulk(number: int) -> None:
        together.wait(10)
        try:
            submit_many(jobs, 1_000, Payer(str(number), "0a"))
        except TooMany as error:
            refused.append(error)

    threads = [threading.Thread(target=bulk, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 3 and redis.llen("rq:queue:headway.default") == 1_000


def test_bytes_are_limited_too(jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BYTES", Limit(5_000, 9_000, 9_000))
    submit(jobs, text="1" * 4_000)
    with pytest.raises(TooMany, match="arguments"):
        submit(jobs, text="1" * 4_000)
    submit(jobs, Payer("you", "0a"), text="1" * 4_000)
    with pytest.raises(TooMany, match="one address"):
        submit(jobs, Payer("they", "0a"), text="1" * 4_000)
    assert 8_000 < bytes_of(redis)[STRANGERS] < 9_000


@pytest.mark.usefixtures("small")
def test_what_is_counted_and_is_no_more_is_forgotten_when_somebody_is_refused(jobs: Jobs, redis: Redis) -> None:
    ids = [submit(jobs) for _ in range(3)]
    redis.delete(*(f"headway:job:{id}" for id in ids))  # as a person with a Redis client might
    with pytest.raises(TooMany):
        submit(jobs)
    submit(jobs)
    assert counts(redis, "owner:me") == [1] and 2_000 < bytes_of(redis)["owner:me"] < 3_000


def test_what_the_record_says_is_counted_again_where_the_state_was_lost(jobs: Jobs, redis: Redis) -> None:
    id = submit(jobs)
    before = bytes_of(redis)
    redis.delete(f"headway:job:{id}", *redis.keys("headway:waiting:*"))
    assert store.load(redis, id) is None
    tracked = fetch_job(id, redis)
    assert tracked is not None
    tracked.publish_again()
    stored = store.load(redis, id)
    assert stored is not None and stored.state.status == Status.QUEUED
    assert counts(redis, "owner:me", "address:0a", STRANGERS) == [1, 1, 1] and bytes_of(redis) == before


def test_actions_are_counted_apart(jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ACTIONS", Limit(1, 1, 1))
    assert ACTIONS.owner is not None and ACTIONS.owner < (limits.JOBS.owner or 0)
    waiting.check(redis, ME, 1, 100, action=True)
    redis.sadd(waiting_key("owner:me", action=True), "x 100")
    with pytest.raises(TooMany, match="At most 1 actions of one owner"):
        waiting.check(redis, ME, 1, 100, action=True)
    waiting.check(redis, ME, 1, 0)
