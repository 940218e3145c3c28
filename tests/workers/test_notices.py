"""What is due is queued, once, by one process. The jobs that it is queued as are run in jobs/test_notices.py."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from tests.push_service import Browser
from tests.workers.conftest import Clock
from tests.workers.test_webpush import subscription_of
from workers import allowance, inbox, store, subscriptions
from workers.lifecycle import fetch_jobs
from workers.notices import Notices
from workers.script import NOTIFY_DELAY, PUSH_DELAY
from workers.sweeper import LOCK, Sweeper
from workers.wire import DUE, NEWS_QUEUE, Status, index_key

KNOWN = {"task": "t", "queue": "default", "created_at": 1}
WISH = {"webhook": "https://hook.example/secret", "email": "me@shop.example", "by": "operator"}


def end(redis: Redis, id: str, status: Status = Status.FINISHED, *, owner: str = "me", **known: Any) -> None:
    store.transition(redis, id, {"status": status}, owner=owner, fallback={**KNOWN, **known})


def subscribe(redis: Redis, owner: str = "me", name: str = "1", **wishes: Any) -> str:
    """The digest of a new subscription."""
    subscription = subscription_of(Browser(f"https://push.example/{name}"), **wishes)
    subscriptions.put(redis, owner, subscription)
    return subscription.digest


def due(redis: Redis) -> dict[str, int]:
    found = cast(list[tuple[bytes, float]], redis.zrange(DUE, 0, -1, withscores=True))
    return {member.decode(): int(score) for member, score in found}


def pass_time(redis: Redis) -> None:
    """All that is to be told is due by now."""
    for member in due(redis):
        redis.zadd(DUE, {member: 0}, xx=True)


def queued(redis: Redis) -> list[tuple[str, dict[str, Any]]]:
    """(task, arguments) of what waits to be sent, in its order."""
    ids = [id.decode() for id in cast(list[bytes], redis.lrange(f"rq:queue:{NEWS_QUEUE}", 0, -1))]
    return [(job.task_name, job.kwargs) for job in fetch_jobs(ids, redis) if job is not None]


@pytest.fixture
def holder(redis: Redis) -> Sweeper:
    """Who holds the lock."""
    sweeper = Sweeper(redis, [])
    assert sweeper._holds_lock()
    redis.persist(LOCK)  # however long a test takes
    return sweeper


@pytest.fixture
def look(redis: Redis, holder: Sweeper, clock: Clock) -> Callable[[], None]:
    """One look, once all is due."""
    notices = Notices(redis, clock=clock)

    def look_now() -> None:
        pass_time(redis)
        clock.now += 1
        notices.look(holder.hold)

    return look_now


# -- pushes


def test_an_end_is_pushed_to_each_browser_that_wants_it(redis: Redis, look: Callable[[], None]) -> None:
    wants = {subscribe(redis, name="1"), subscribe(redis, name="2", ends="failures")}
    subscribe(redis, name="3", ends="off")
    subscribe(redis, name="4", longer_than=1)
    subscribe(redis, "you")
    end(redis, "a", Status.FAILED)
    look()
    assert {task for task, _ in queued(redis)} == {"send_push"}
    assert {arguments["digest"] for _, arguments in queued(redis)} == wants
    assert all(arguments["owner"] == "me" and arguments["ends"] == ["a 1"] for _, arguments in queued(redis))
    look()
    assert len(queued(redis)) == 2, "and that once"


def test_it_waits_for_its_time(redis: Redis, holder: Sweeper, clock: Clock) -> None:
    subscribe(redis)
    end(redis, "a")
    notices = Notices(redis, clock=clock)
    notices.look(holder.hold)
    assert queued(redis) == [] and len(due(redis)) == 1
    pass_time(redis)
    clock.now += 0.5
    notices.look(holder.hold)
    assert queued(redis) == [], "it looks once a second"
    clock.now += 0.5
    notices.look(holder.hold)
    assert len(queued(redis)) == 1


def test_what_a_page_has_shown_is_not_pushed(redis: Redis, look: Callable[[], None]) -> None:
    subscribe(redis)
    end(redis, "a")
    end(redis, "b")
    inbox.forget(redis, "me", [("a", 1)])
    look()
    assert [arguments["ends"] for _, arguments in queued(redis)] == [["b 1"]] and not due(redis)


@pytest.mark.parametrize(("number", "messages"), [(3, 3), (4, 1), (10, 1)])
def test_more_than_three_at_once_are_one_message(
    number: int, messages: int, redis: Redis, look: Callable[[], None]
) -> None:
    subscribe(redis)
    for count in range(number):
        end(redis, f"a{count}")
    look()
    told = [arguments["ends"] for _, arguments in queued(redis)]
    assert len(told) == messages and sum(map(len, told)) == number


def test_they_are_counted_by_what_a_browser_wants(redis: Redis, look: Callable[[], None]) -> None:
    """Of ten ends one failed: who wants failures is told of that one, and not that one job ended."""
    subscribe(redis, ends="failures")
    for count in range(9):
        end(redis, f"a{count}")
    end(redis, "b", Status.FAILED)
    look()
    assert [arguments["ends"] for _, arguments in queued(redis)] == [["b 1"]]


def test_each_owner_is_told_of_their_own(redis: Redis, look: Callable[[], None]) -> None:
    mine, yours = subscribe(redis, "me"), subscribe(redis, "you", "2")
    for count in range(5):
        end(redis, f"a{count}", owner="me")
    end(redis, "b", owner="you")
    look()
    told = {arguments["digest"]: arguments["ends"] for _, arguments in queued(redis)}
    assert told == {mine: [f"a{count} 1" for count in range(5)], yours: ["b 1"]}


def test_an_end_outlives_its_job(redis: Redis, look: Callable[[], None]) -> None:
    subscribe(redis)
    end(redis, "a", notify=WISH)
    store.bury(redis, "a")
    look()
    assert sorted(task for task, _ in queued(redis)) == ["send_mail", "send_push", "send_webhook"]


# -- webhooks and mail


def test_what_was_asked_for_is_sent_and_arguments_name_no_address(redis: Redis, look: Callable[[], None]) -> None:
    end(redis, "a", notify=WISH)
    end(redis, "b", notify={"email": "me@shop.example", "by": "operator"})
    look()
    assert queued(redis) == [
        ("send_webhook", {"id": "a", "attempt": 1}),
        ("send_mail", {"id": "a", "attempt": 1}),
        ("send_mail", {"id": "b", "attempt": 1}),
    ]
    assert not [key for key in redis.keys("rq:job:*") if b"secret" in (redis.hget(key, "data") or b"")]


def test_further_ends_of_a_job_count_too(
    redis: Redis, look: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(allowance.MOST - 1):
        allowance.spend_notice(redis, "operator")
    end(redis, "a", notify=WISH)
    look()
    for _ in range(2):
        end(redis, "a", Status.QUEUED)
        end(redis, "a")
        look()
    attempts = [arguments["attempt"] for task, arguments in queued(redis) if task == "send_mail"]
    assert attempts == [1, 2], "the first was counted when it was submitted"
    assert "its end is not told" in caplog.text and "secret" not in caplog.text and not due(redis)


# -- whatever happens


def test_what_can_not_be_read_holds_nobody_up(
    redis: Redis, look: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    subscribe(redis)
    end(redis, "a")
    redis.set("headway:notice:b:1", "no JSON")
    redis.zadd(DUE, dict.fromkeys(["", "push", "push me", "notify", "notify me b 1", "notify me c 1", "a b c d e"], 0))
    look()
    assert len(queued(redis)) == 1 and not due(redis) and "dropped" in caplog.text


class Dying:
    """A client whose process dies as it sends, or as it waits for the answer of, its n-th command."""

    def __init__(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        self.after = False
        send = redis.connection_pool.connection_class.send_packed_command

        def send_or_die(connection: Any, command: Any, *args: Any, **kwargs: Any) -> None:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise RedisConnectionError("killed")
            send(connection, command, *args, **kwargs)
            if self.left == 0:
                connection.read_response()  # done, and nobody has heard of it
                raise RedisConnectionError("killed")

        monkeypatch.setattr(redis.connection_pool.connection_class, "send_packed_command", send_or_die)


@pytest.mark.parametrize("after", [False, True], ids=["before it is sent", "before its answer"])
def test_whenever_its_process_dies_nothing_is_lost_or_doubled(
    after: bool, redis: Redis, redis_url: str, holder: Sweeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = subscribe(redis)
    dying = Dying(redis, monkeypatch)
    dying.after = after
    deaths = 0
    for number in range(1, 40):
        redis.delete(f"rq:queue:{NEWS_QUEUE}", "headway:inbox:me", "headway:inbox:me:states")
        id = f"job{number}"
        end(redis, id, notify=WISH)
        pass_time(redis)
        dying.left = number
        with suppress(RedisError):
            Notices(redis, clock=clock).look(holder.hold)
        lived, dying.left = dying.left > 0, -1
        deaths += not lived
        Notices(redis, clock=clock).look(holder.hold)  # whoever takes over
        assert sorted(queued(redis), key=str) == [
            ("send_mail", {"id": id, "attempt": 1}),
            ("send_push", {"owner": "me", "digest": digest, "ends": [f"{id} 1"]}),
            ("send_webhook", {"id": id, "attempt": 1}),
        ]
        if lived:
            break
    else:
        pytest.fail("it never came through")
    assert deaths >= 8


def test_who_has_lost_the_lock_queues_nothing(redis: Redis, holder: Sweeper, clock: Clock) -> None:
    subscribe(redis)
    end(redis, "a")
    pass_time(redis)

    def hold_for_a_moment(pipeline: Pipeline) -> bool:
        held = holder.hold(pipeline)
        redis.set(LOCK, "somebody else")  # took over, between our look at the lock and what we do
        return held

    notices = Notices(redis, clock=clock)
    notices.look(hold_for_a_moment)
    assert queued(redis) == [] and len(due(redis)) == 1
    clock.now += 1
    notices.look(holder.hold)
    assert queued(redis) == [] and len(due(redis)) == 1


# -- what the script puts there


def test_nothing_is_due_where_nobody_has_asked(redis: Redis) -> None:
    end(redis, "a")
    assert not redis.exists(DUE)


def test_it_is_due_when_pages_and_rq_have_had_their_time(redis: Redis) -> None:
    subscribe(redis)
    now = store.now(redis) // 1000
    end(redis, "a", notify=WISH)
    end(redis, "b", Status.QUEUED, notify=WISH)
    found = due(redis)
    assert set(found) == {"push me a 1", "notify me a 1"}
    assert found["push me a 1"] - now == pytest.approx(PUSH_DELAY, abs=1000)
    assert found["notify me a 1"] - now == pytest.approx(NOTIFY_DELAY, abs=500)


def test_a_second_word_about_an_end_changes_what_is_told_and_not_when(redis: Redis) -> None:
    end(redis, "a", Status.FAILED, notify=WISH)
    redis.zadd(DUE, {"notify me a 1": 5}, xx=True)
    end(redis, "a", Status.FINISHED)
    assert due(redis) == {"notify me a 1": 5}
    kept = json.loads(redis.get("headway:notice:a:1") or b"")
    assert kept["notify"] == WISH and kept["state"]["status"] == "finished"


def test_each_attempt_has_news_of_its_own(redis: Redis) -> None:
    end(redis, "a", Status.FAILED, notify=WISH)
    end(redis, "a", Status.QUEUED)
    end(redis, "a")
    assert set(due(redis)) == {"notify me a 1", "notify me a 2"}


def test_whatever_stands_in_their_way_the_end_itself_is_told(redis: Redis) -> None:
    subscribe(redis)
    redis.set(DUE, "no sorted set")
    redis.hset("headway:notice:a:1", "no", "text")
    end(redis, "a", notify=WISH)
    stored = store.load(redis, "a")
    assert stored is not None and stored.state.status == Status.FINISHED and inbox.read(redis, "me")


def test_who_is_to_be_told_is_kept_and_never_sent(redis: Redis) -> None:
    end(redis, "a", notify=WISH)
    stored = store.load(redis, "a")
    assert stored is not None and "hook.example" not in stored.body
    assert json.loads(redis.hget("headway:job:a", "notify") or b"") == WISH


def test_what_has_been_sent_is_gone_within_the_hour_and_out_of_everybodys_list(redis: Redis) -> None:
    end(redis, "a", owner="", queue="headway")
    end(redis, "b", owner="", queue="headway", status=Status.QUEUED)
    end(redis, "c")
    assert 0 < int(redis.ttl("headway:job:a")) <= 3600 < int(redis.ttl("headway:job:c"))
    assert redis.zrange(index_key("all", "finished"), 0, -1) == [b"c"]
    assert redis.zrange(index_key("all", "queued"), 0, -1) == [b"b"]
    assert redis.zrange(index_key("queue:headway", "finished"), 0, -1) == [b"a"]
