"""How fresh what we show is."""

import json
import threading
import time
from functools import partial
from typing import Any

import pytest
from redis import Redis

from realtime.pulse import LOOK, PROBE_INTERVAL, SILENCE, Pulse
from tests.conftest import until
from tests.ears import Ears
from tests.troubles import TROUBLES, in_trouble
from workers import scheduler_heartbeat, store
from workers.channel import Channel, Gap
from workers.wire import Probe


class Echo:
    """Gives a pulse its probes back."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self.delay = 0.0  # seconds
        self.heard = 0
        self.dropped = threading.Event()

    def listen(self, channel: Channel) -> None:
        for said in channel.listen():
            for probe in () if isinstance(said, Gap) else said:
                if isinstance(probe, Probe) and probe.process == self._pulse.process:
                    threading.Timer(self.delay, self._hear, [probe]).start() if self.delay else self._hear(probe)

    def _hear(self, probe: Probe) -> None:
        self._pulse.hear(probe)
        self.heard += 1


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def pulse(told: list[Any]) -> Pulse:
    return Pulse(lambda packet: told.append(json.loads(packet[1:])))


def test_it_begins_stale_and_tells_each_change_once(pulse: Pulse, told: list[Any]) -> None:
    assert not pulse.live
    for live in (False, True, True, False, False, True):
        pulse.change(live)
    assert [word["state"] for _, word in told] == ["live", "stale", "live"]
    assert all(event == "relay" and word["since"] > 0 for event, word in told)
    assert pulse.gaps == 1


def test_who_drains_says_nothing_else_any_more(pulse: Pulse, told: list[Any]) -> None:
    packet = pulse.drain(4.0)
    times = [json.loads(packet()[1:])[1]["retry_in"] for _ in range(200)]
    assert all(0 <= time <= 4000 for time in times) and len(set(times)) > 100, "spread, so that not all come at once"
    pulse.change(live=True)
    assert told == [] and json.loads(pulse.packet()[1:])[1]["state"] == "draining"
    assert not pulse.live


def test_another_mark_means_other_data(pulse: Pulse) -> None:
    assert pulse.hear(Probe("somebody", 1, "a"))
    assert pulse.hear(Probe(pulse.process, 1, "a"))
    assert not pulse.hear(Probe("somebody", 2, "b"))
    assert pulse.hear(Probe(pulse.process, 2, "b"))
    assert pulse.hear(Probe("somebody", 3, "")), "Redis could not be asked for it"
    assert not pulse.hear(Probe("somebody", 4, "c"))


@pytest.fixture
def echo(pulse: Pulse, redis: Redis, ears: Ears) -> Echo:
    """The probes of `pulse`, on their way through Redis; it is minded."""
    echo = Echo(pulse)
    ears.start(pulse.probe, ears.connect())
    ears.start(pulse.look_around, ears.connect(), ["headway.default"])
    ears.start(echo.listen, Channel(ears.connect()))
    ears.start(pulse.mind, echo.dropped.set)
    return echo


def test_probes_that_come_back_keep_it_live(pulse: Pulse, echo: Echo) -> None:
    pulse.change(live=True)
    until(lambda: pulse.probe_age is not None, "a probe")
    until(lambda: echo.heard >= 5, "more than SILENCE of them")
    assert pulse.live and not echo.dropped.is_set() and pulse.probe_age is not None
    assert pulse.probe_age < PROBE_INTERVAL + 0.5


def test_the_time_is_redis_s_and_a_scheduler_is_looked_for(pulse: Pulse, echo: Echo, redis: Redis) -> None:
    until(lambda: pulse.scheduler is False, "a look")
    until(lambda: echo.heard >= 1, "a probe")
    said = json.loads(pulse.packet()[1:])[1]
    assert abs(said["at"] - store.now(redis) / 1000) < 1000 and said["scheduler"] is False
    beat = partial(scheduler_heartbeat.beat, redis, "one", ["default"])
    until(lambda: beat() and pulse.scheduler, "the scheduler")


def test_while_redis_takes_no_writes_what_we_show_stands_still(
    pulse: Pulse, echo: Echo, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.pulse.PROBE_INTERVAL", 0.05)
    pulse.change(live=True)
    for trouble, sentence in TROUBLES.items():
        until(lambda: pulse.live and pulse.refusal == "", "live")
        with in_trouble(trouble, redis):
            until(lambda: not pulse.live, f"{trouble.__name__} to be noticed")
            assert pulse.refusal.startswith(sentence)
    until(lambda: pulse.live, "live, once more")
    assert pulse.gaps == len(TROUBLES)


def test_what_is_written_again_is_not_live_before_the_channel_is_held(pulse: Pulse, told: list[Any]) -> None:
    pulse.refuse("its disk is full")
    pulse.change(live=True)
    assert not pulse.live and told == []
    pulse.refuse("")
    assert pulse.live
    pulse.refuse("its disk is full")
    pulse.change(live=False)
    pulse.refuse("")
    assert not pulse.live
    assert [word["state"] for _, word in told] == ["live", "stale"]


@pytest.mark.parametrize("late", [False, True], ids=["lost", "late"])
def test_probes_that_are_lost_or_late_make_it_stale_in_time(late: bool, pulse: Pulse, echo: Echo) -> None:
    pulse.change(live=True)
    until(lambda: pulse.probe_age is not None, "a probe")
    began = time.monotonic()
    echo.delay = SILENCE + PROBE_INTERVAL if late else 3600
    until(echo.dropped.is_set, "the drop", within=5)
    assert not pulse.live and time.monotonic() - began < SILENCE + 2 * LOOK + 0.5
    assert pulse.probe_age is not None and pulse.probe_age > SILENCE
