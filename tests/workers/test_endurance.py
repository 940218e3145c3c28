"""Workers wait for a Redis that is away, or takes no writes."""

import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from redis import ConnectionError as RedisConnectionError
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, ResponseError, WatchError

from workers import endurance
from workers.endurance import Endurance

COMMAND = "Command # 1 (HSET a b c) of pipeline caused error: "  # which may say what nobody else is to read


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited."""
    found: list[float] = []
    monkeypatch.setattr(endurance, "time", SimpleNamespace(sleep=found.append))  # of this module alone
    return found


def failing(*errors: Exception) -> Callable[[], str]:
    """Fails with each of `errors` once, and is fine then."""
    left = list(errors)

    def do() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return do


@pytest.mark.parametrize(
    "error",
    [
        RedisConnectionError("away"),
        ReadOnlyError("a replica"),
        OutOfMemoryError("full"),
        MasterDownError("a replica without its master"),
        ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"),
        ResponseError(f"{COMMAND}MISCONF Errors writing to the AOF file"),
        ResponseError("NOREPLICAS Not enough good replicas to write."),
    ],
)
def test_it_tries_until_it_succeeds_and_says_once_why_it_waits(
    error: Exception, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "headway.redis"):
        assert Endurance().call_with_retry(failing(error, error, error), lambda error: None) == "done"
    assert pauses == [endurance.PAUSE] * 3
    assert [record.getMessage() for record in caplog.records] == [
        f"Redis: {str(error).removeprefix(COMMAND)}; waiting until it answers and takes writes"
    ]


def test_what_no_waiting_mends_is_an_error() -> None:
    with pytest.raises(ResponseError):
        Endurance().call_with_retry(failing(ResponseError("wrong MISCONF")), lambda error: None)


def test_a_watching_transaction_that_its_caller_repeats_waits_too(pauses: list[float]) -> None:
    def fail(error: Exception) -> None:
        raise WatchError("it watched")

    with pytest.raises(WatchError):
        Endurance().call_with_retry(failing(ReadOnlyError("a replica")), fail)
    assert pauses == [endurance.PAUSE]
