"""The application without its server: Flask's test client on a real Redis. And a server that nobody may hurt."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from realtime.app import create_app
from realtime.metrics import Metrics
from realtime.pulse import Pulse
from tests.conftest import Stack, until
from tests.realtime.clients import connected, connections
from workers.settings import Secrets, Settings

TOKEN = "the token"


@pytest.fixture
def make_app(settings: Settings, redis: Redis) -> Callable[..., Flask]:
    def make(*, redis: Redis = redis, live: bool = True, origins: tuple[str, ...] = ()) -> Flask:
        pulse = Pulse(lambda packet: None, state="live" if live else "stale")
        settings_ = replace(settings, origins=origins)
        return create_app(settings_, Secrets("a key", TOKEN, False), redis, pulse=pulse, metrics=Metrics())

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
