"""The application without its server: Flask's test client on a real Redis. And a server that nobody may hurt."""

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from realtime.app import create_app
from realtime.gate import Gate, Room
from realtime.metrics import Metrics
from realtime.pulse import Pulse
from realtime.relay import Relay
from tests.conftest import Stack, until
from tests.contract.promise import KeptClient
from tests.ears import Ears
from tests.realtime.clients import connected, connections
from tests.realtime.hall import Hall
from tests.workers.conftest import Clock
from workers.settings import Secrets, Settings

TOKEN = "the token"
VIEWER_TOKEN = "the viewers' token"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_app(settings: Settings, redis: Redis) -> Callable[..., Flask]:
    def make(*, redis: Redis = redis, live: bool = True, read_only: bool = False, **changes: Any) -> Flask:
        pulse = Pulse(lambda packet: None, state="live" if live else "stale")
        settings_ = replace(settings, read_only=read_only, **changes)
        app = create_app(settings_, Secrets("a key", TOKEN, False, VIEWER_TOKEN), redis, pulse=pulse, metrics=Metrics())
        app.test_client_class = KeptClient
        return app

    return make


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def me(app: Flask) -> FlaskClient:
    """A browser, with cookies of its own."""
    return app.test_client()


@pytest.fixture
def you(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def operator(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """A server that a test has not hurt: afterwards others go on, nothing is left, no traceback has been logged."""
    said = len(stack.processes.log(0))
    with connected(stack.url, stack.session()) as bystander:
        before = connections(stack)
        yield stack.url
        assert bystander.watch("mine")["ok"] is True
        until(lambda: connections(stack) <= before, "the end of the test's connections", within=5)
    assert "Traceback" not in stack.processes.log(0)[said:]


@pytest.fixture
def viewer(app: Flask) -> FlaskClient:
    """A browser that has logged in as a viewer."""
    client = app.test_client()
    assert client.post("/login", json={"token": VIEWER_TOKEN}).status_code == 200
    return client


class Sockets:
    """Keeps the packets that were sent to each connection."""

    def __init__(self) -> None:
        self.packets: dict[str, list[Any]] = {}
        self.full: set[str] = set()

    def connect(self, sid: str) -> list[Any]:
        return self.packets.setdefault(sid, [])

    def send(self, sid: str, packet: str) -> bool:
        if sid in self.full:
            return False
        if sid in self.packets:
            self.packets[sid].append(json.loads(packet[1:]))
        return True

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def is_idle(self, sid: str) -> bool:
        return sid not in self.full

    def connections(self) -> Collection[str]:
        return tuple(self.packets)


@pytest.fixture
def sockets() -> Sockets:
    return Sockets()


@pytest.fixture
def relay(redis: Redis, ears: Ears, sockets: Sockets) -> Iterator[Relay]:
    made = Relay(redis, ears.connect(), sockets)
    for part in (made.listen, made.pump, made.catch_up, made.logs.run):
        ears.start(part)
    until(lambda: made.pulse.live, "live")
    yield made
    for sid in sockets.connections():
        made.forget(sid)  # it goes on, and would read beside the next one


@pytest.fixture
def make_hall(clock: Clock) -> Iterator[Callable[..., Hall]]:
    """Makes doors without a hub."""
    halls = []

    def make(
        most: int = 100, most_of_one: int = 100, unfinished: int = 100, trusted: str = "", room: int = 10**8
    ) -> Hall:
        halls.append(Hall(Gate(most, most_of_one), Room(room, room), unfinished, trusted, clock))
        return halls[-1]

    yield make
    for hall in halls:
        hall.end()
