"""Counts for Prometheus."""

import requests
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from realtime.metrics import Metrics
from tests.conftest import Stack
from tests.realtime.clients import connected


def values(text: str) -> dict[str, float]:
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def test_two_processes_count_for_themselves() -> None:
    one, other = Metrics(), Metrics()
    one.frames.inc()
    assert values(one.text().decode())["headway_frames_total"] == 1
    assert values(other.text().decode())["headway_frames_total"] == 0


def test_they_are_for_operators(me: FlaskClient, operator: FlaskClient) -> None:
    assert me.get("/metrics").status_code == 401
    answer = operator.get("/metrics")
    assert answer.status_code == 200 and answer.mimetype == "text/plain"


def test_they_count_what_goes_on(stack: Stack) -> None:
    def look() -> dict[str, float]:
        return values(requests.get(f"{stack.url}/metrics", headers=stack.operator).text)

    before = look()
    session = stack.session()
    with connected(stack.url, session) as client:
        client.watch("mine")
        stack.submit(session, "sum_numbers", text="1")
        client.hear("ended")
        after = look()
        assert after["headway_connections"] >= 1
    for name in ("headway_frames_total", "headway_ends_told_total", "headway_lag_seconds_count"):
        assert after[name] > before[name], name
    assert after["headway_reloads_total"] >= 1
