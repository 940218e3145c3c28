"""What one request may cost: whatever is sent, the answer is short and everybody else is served meanwhile."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
import websocket

from bench.machine import worked
from realtime.meter import BURST, BYTES_A_UNIT, RATE
from realtime.topics import TOPIC_LIMIT
from tests.conftest import DEADLINE, Stack
from tests.realtime.clients import connected

ANSWER_LIMIT = 16 * 1024  # bytes
OTHERS = 1.0  # seconds of its core that the server may take while anybody else waits; without bounds it was 7 to 18


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
def bystander(stack: Stack) -> Iterator[Callable[[], float]]:
    """Asks for /healthz all the time; what it yields tells the most that the server worked in one wait, in seconds."""
    longest, done, server = [0.0], threading.Event(), stack.processes.running[0].pid
    assert worked(server) > 0

    def ask() -> None:
        with requests.Session() as session:
            while not done.wait(0.005):  # else it would take the core that the server needs
                before = worked(server)
                session.get(f"{stack.url}/healthz", timeout=DEADLINE).raise_for_status()
                longest[0] = max(longest[0], worked(server) - before)

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
    with bystander(stack) as waited:
        answer = requests.post(f"{stack.url}{path}", data=body.encode(), headers=stack.operator, timeout=60)
    assert answer.status_code in (400, 401) and len(answer.content) <= ANSWER_LIMIT
    assert set(answer.json()["error"]) <= {"code", "message", "fields"} if answer.text[0] == "{" else path[1] == "p"
    assert waited() < OTHERS


def test_a_large_bulk_is_taken_while_others_are_served(stack: Stack) -> None:
    body = json.dumps({"task": "sum_numbers", "args": [{"text": "1" * 500}] * 2_000})
    with bystander(stack) as waited:
        answer = requests.post(f"{stack.url}/api/jobs/bulk", data=body, headers=stack.operator, timeout=120)
    assert answer.status_code == 202 and len(set(answer.json()["ids"])) == 2_000
    assert waited() < OTHERS


def websocket_from(address: str, url: str) -> websocket.WebSocket:
    """A connection of somebody at that address of this machine."""
    port = int(url.rpartition(":")[2])
    plain = socket.create_connection(("127.0.0.1", port), DEADLINE, (address, 0))
    opened = websocket.create_connection(
        f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket", DEADLINE, socket=plain
    )
    opened.send("40")
    answer_of(opened, "40")
    return opened


def answer_of(opened: websocket.WebSocket, packet: str) -> None:
    while not str(opened.recv()).startswith(packet):
        pass


def test_who_sends_very_much_is_answered_later_and_nobody_else(stack: Stack) -> None:
    """All connections of one address together: with more of them one gets no more."""
    # a long message that is cheap in truth: were it not for its size, all of them would be answered in no time
    message = f'["watch",{{"topics":["{"x" * 60_000}"]}}]'
    count = 3 * int((BURST + 3 * RATE) / (len(message) / BYTES_A_UNIT) / 3)
    greedy = [websocket_from("127.0.0.3", stack.url) for _ in range(3)]
    longest, began, server = 0.0, time.monotonic(), stack.processes.running[0].pid
    try:
        with connected(stack.url, stack.session()) as honest:
            for number in range(count):
                greedy[number % 3].send(f"42{number}{message}")
            hearing = [threading.Thread(target=hear, args=(one, count // 3)) for one in greedy]
            for thread in hearing:
                thread.start()
            while any(thread.is_alive() for thread in hearing):
                before = worked(server)
                assert honest.watch("mine")["ok"] is True
                longest = max(longest, worked(server) - before)
                next((thread for thread in hearing if thread.is_alive()), hearing[0]).join(0.05)
            took = time.monotonic() - began
    finally:
        for one in greedy:
            one.close()
    assert took > 2.0, "it was answered as fast as it asked"
    assert 0 < longest < OTHERS


def hear(opened: websocket.WebSocket, count: int) -> None:
    opened.settimeout(60)
    for _ in range(count):
        answer_of(opened, "43")


def test_a_page_that_watches_all_it_may_is_answered_at_once(stack: Stack) -> None:
    with connected(stack.url, stack.session()) as page:
        began = time.monotonic()
        assert len(page.watch(*(f"job:{number}" for number in range(TOPIC_LIMIT)))["topics"]) == TOPIC_LIMIT
        assert time.monotonic() - began < 5
