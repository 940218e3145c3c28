"""How fresh what we show is."""

import json
from typing import Any

import pytest

from realtime.pulse import Pulse
from workers.wire import Probe


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
    assert pulse.probe_age is None
    assert pulse.hear(Probe(pulse.process, 1, "a"))
    assert pulse.probe_age is not None and pulse.probe_age < 1
    assert not pulse.hear(Probe("somebody", 2, "b"))
    assert pulse.hear(Probe(pulse.process, 2, "b"))
