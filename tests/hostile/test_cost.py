"""What one request may cost: whatever is sent, the answer is short and everybody else is served meanwhile."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.conftest import DEADLINE, Stack

ANSWER_LIMIT = 16 * 1024  # bytes
OTHERS = 1.0  # seconds that anybody else may wait; without bounds it was 7 to 18


def keys(count: int, letter: str = "") -> str:
    return ",".join(f'"{letter}{number}":0' for number in range(count))


BODIES = {
    "a bulk with 600,000 unknown fields": ("/api/jobs/bulk", f'{{"task":"x","args":[],{keys(600_000)}}}'),
    "a bulk with 600,000 unknown arguments": (
        "/api/jobs/bulk",
        f'{{"task":"sum_numbers","args":[{{{keys(600_000)}}}]}}',
    ),
    "a bulk of 2,700,000": ("/api/jobs/bulk", '{"task":"sum_numbers","args":[' + ",".join(["{}"] * 2_700_000) + "]}"),
    "a bulk of numbers": ("/api/jobs/bulk", '{"task":"sum_numbers","args":[' + ",".join(["1"] * 2_700_000) + "]}"),
    "a submit with 80,000 unknown fields": ("/api/jobs", f'{{"task":"x",{keys(80_000)}}}'),
    "a submit with 80,000 unknown arguments": ("/api/jobs", f'{{"task":"sum_numbers","args":{{{keys(80_000)}}}}}'),
    "a submit with long names": ("/api/jobs", f'{{"task":"x",{keys(20, "name" * 10_000)}}}'),
    "a submit with wide names": ("/api/jobs", f'{{"task":"x",{keys(20, chr(0x1F600) * 2_000)}}}'),
    "a wish with unknown fields": ("/api/jobs", f'{{"task":"background_work","notify":{{{keys(80_000)}}}}}'),
    "a deep one": ("/api/jobs", "[" * 1_000_000),
    "a deep bulk": ("/api/jobs/bulk", '{"task":"sum_numbers","args":' + '[{"text":' * 800_000),
    "books that are none": ("/parseGoodreadsLinks", "[" + ",".join(["1"] * 500_000) + "]"),
    "an action on nothing": ("/api/actions", '{"verb":"stop","ids":[' + ",".join(["1"] * 30_000) + "]}"),
    "an action with unknown fields": ("/api/actions", f'{{"verb":"stop",{keys(6_000)}}}'),
    "a login": ("/login", f"{{{keys(80_000)}}}"),
}


@contextmanager
def bystander(url: str) -> Iterator[Callable[[], float]]:
    """Somebody who asks for /healthz all the time; what it yields tells the longest wait, in seconds."""
    longest, done = [0.0], threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            while not done.wait(0.005):  # else it would take the core that the server needs
                began = time.monotonic()
                session.get(f"{url}/healthz", timeout=DEADLINE).raise_for_status()
                longest[0] = max(longest[0], time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield lambda: longest[0]
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("name", BODIES)
def test_a_wrong_body_is_refused_in_few_words_while_others_are_served(name: str, stack: Stack) -> None:
    path, body = BODIES[name]
    with bystander(stack.url) as waited:
        answer = requests.post(f"{stack.url}{path}", data=body.encode(), headers=stack.operator, timeout=60)
    assert answer.status_code in (400, 401) and len(answer.content) <= ANSWER_LIMIT
    assert set(answer.json()["error"]) <= {"code", "message", "fields"} if answer.text[0] == "{" else path[1] == "p"
    assert waited() < OTHERS


def test_a_large_bulk_is_taken_while_others_are_served(stack: Stack) -> None:
    body = json.dumps({"task": "sum_numbers", "args": [{"text": "1" * 500}] * 2_000})
    with bystander(stack.url) as waited:
        answer = requests.post(f"{stack.url}/api/jobs/bulk", data=body, headers=stack.operator, timeout=120)
    assert answer.status_code == 202 and len(set(answer.json()["ids"])) == 2_000
    assert waited() < OTHERS
