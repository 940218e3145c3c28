"""Each trouble has its sentence, however it comes to light; none repeats a command."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.troubles import TROUBLES, Trouble, in_trouble
from workers import store, trouble
from workers.wire import Status


def one_command(redis: Redis) -> None:
    redis.set("headway:x", "a secret")


def a_pipeline(redis: Redis) -> None:
    with redis.pipeline() as pipeline:
        pipeline.set("headway:x", "a secret")
        pipeline.set("headway:y", "a secret of pipeline caused error: OOM of a kind")
        pipeline.execute()


def a_script(redis: Redis) -> None:
    store.transition(
        redis, str(uuid4()), {"status": Status.QUEUED}, owner="me", fallback={"queue": "default", "task": "t"}
    )


WAYS: list[Callable[[Redis], None]] = [one_command, a_pipeline, a_script]


@pytest.mark.parametrize("what", TROUBLES, ids=lambda what: what.__name__)
def test_a_server_in_trouble_is_told_by_a_sentence(what: Trouble, redis: Redis) -> None:
    with in_trouble(what, redis):
        for way in WAYS:
            with pytest.raises(RedisError) as caught:
                way(redis)
            told = trouble.sentence(caught.value)
            assert told is not None and told.startswith(TROUBLES[what]), (way.__name__, caught.value)
            assert trouble.refusal(caught.value) == told
            assert "secret" not in told + trouble.words_of(caught.value)
    for way in WAYS:
        way(redis)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed"), "UNBLOCKED"),
        (ResponseError("Error running script (call to f_1): @user_script:3: -READONLY You can't write"), "READONLY"),
        (ResponseError("@user_script: 12: -OOM command not allowed"), "OOM"),
        (ResponseError("@user_script: 3: The user executing the script can't run this command"), "NOPERM"),
        (RedisConnectionError("max number of clients reached"), "MAXCLIENTS"),
        (ResponseError("CLUSTERDOWN Hash slot not served", status_code="CLUSTERDOWN"), "CLUSTERDOWN"),
        (ResponseError("Command # 1 (SET a MISCONF b) of pipeline caused error: WRONGTYPE of a key"), ""),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value: MISCONFIGURED"), ""),
        (ResponseError("wrong MISCONF"), ""),
    ],
)
def test_what_older_servers_and_pipelines_say_is_known_too(error: Exception, code: str) -> None:
    assert trouble.code_of(error) == code
    assert trouble.is_passing(error) is (code not in ("", "NOPERM", "MAXCLIENTS"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RedisConnectionError("Error 111 connecting to h:1. Connection refused."), trouble.AWAY),
        (RedisTimeoutError("Timeout reading from socket"), trouble.AWAY),
        (MaxConnectionsError("No connection available."), "Redis can't be asked: all connections to it are in use"),
        (ResponseError("WRONGTYPE Operation"), None),
        (ResponseError("unknown command"), None),
        (ValueError("no trouble of Redis"), None),
    ],
)
def test_what_is_no_answer_is_away_and_what_is_no_trouble_has_no_sentence(error: Exception, told: str | None) -> None:
    assert trouble.sentence(error) == told
