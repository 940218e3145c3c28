"""The channel, heard from a real Redis."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis, ResponseError

from tests.conftest import until
from tests.ears import Ears
from tests.faults.proxy import Proxy
from workers import channel, store
from workers.channel import Channel, Gap
from workers.wire import CHANNEL, Message, Probe, Status, Update

Heard = list[Message | Gap]


def listening(ears: Ears, url: str = "") -> tuple[Channel, Heard]:
    """A listener, and all that it hears from now on."""
    heard: Heard = []
    listener = Channel(ears.connect(url))

    def listen() -> None:
        for said in listener.listen():
            heard.extend([said] if isinstance(said, Gap) else said)

    ears.start(listen)
    until(lambda: heard == [Gap(True)], "the channel")
    return listener, heard


@pytest.fixture
def line(redis_url: str) -> Iterator[Proxy]:
    """A way to Redis that faults can befall."""
    proxy = Proxy(Path(redis_url.removeprefix("unix://")))
    yield proxy
    proxy.close()


def through(line: Proxy) -> str:
    return f"redis://127.0.0.1:{line.port}"


def test_a_listener_says_when_it_lost_the_channel_and_when_it_holds_it(redis: Redis, ears: Ears) -> None:
    _, heard = listening(ears)
    redis.client_kill_filter(_type="pubsub")
    until(lambda: heard == [Gap(True), Gap(False), Gap(True)], "the channel, again")
    redis.publish(CHANNEL, "rubbish")
    known = {"task": "t", "queue": "default", "created_at": 1}
    store.transition(redis, "a", {"status": Status.QUEUED}, owner="me", fallback=known)
    channel.probe(redis, "p", 7)
    until(lambda: len(heard) == 5, "the update and the probe, and no rubbish")
    assert isinstance(heard[3], Update) and isinstance(heard[4], Probe)
    assert (heard[4].process, heard[4].number) == ("p", 7)


def test_who_waits_for_the_rest_of_a_message_can_be_told_to_come_anew(redis: Redis, ears: Ears, line: Proxy) -> None:
    listener, heard = listening(ears, through(line))
    line.trickle()
    channel.probe(redis, "p", 1)
    listener.drop()
    until(lambda: heard[1:2] == [Gap(False)], "the loss")
    line.mend()
    until(lambda: heard[2:] == [Gap(True)], "the channel, again")
    listener.drop()
    listener.drop()
    until(lambda: heard[3:] == [Gap(False), Gap(True)], "the channel, once more")


def test_a_server_that_is_away_for_2_000_tries_is_found_again(
    redis: Redis, ears: Ears, line: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def draw(least: float, longest: float) -> float:
        pauses.append(longest)
        return 0.0

    listener, heard = listening(ears, through(line))
    monkeypatch.setattr("workers.channel.random", SimpleNamespace(uniform=draw))  # for nobody else in this process
    line.cut()
    until(lambda: len(pauses) > 2000, "the tries", within=30)
    assert pauses[:3] == [1.0, 2.0, 2.0] and max(pauses) == 2.0
    line.mend()
    until(lambda: heard == [Gap(True), Gap(False), Gap(True)], "the channel, again")
    listener.drop()
    until(lambda: heard[3:] == [Gap(False), Gap(True)], "the channel, once more")


def test_a_probe_carries_the_mark_of_the_data(redis: Redis, ears: Ears) -> None:
    _, heard = listening(ears)
    channel.probe(redis, "p", 1)
    channel.probe(redis, "p", 2)
    redis.flushall()
    channel.probe(redis, "p", 3)
    until(lambda: len(heard) == 4, "three probes")
    born = [probe.born for probe in heard if isinstance(probe, Probe)]
    assert born[0] and born[0] == born[1] != born[2]


def test_a_probe_gets_through_where_nothing_can_be_written_and_says_so(redis: Redis, ears: Ears) -> None:
    _, heard = listening(ears)
    channel.probe(redis, "p", 1)
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(ResponseError, match="OOM"):
            channel.probe(redis, "p", 2)
    finally:
        redis.config_set("maxmemory", 0)
    until(lambda: len(heard) == 3, "two probes")
