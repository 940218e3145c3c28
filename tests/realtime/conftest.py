"""The application without its server: Flask's test client on a real Redis."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from realtime.app import create_app
from realtime.metrics import Metrics
from realtime.pulse import Pulse
from workers.settings import Secrets, Settings

TOKEN = "the token"


@pytest.fixture
def make_app(settings: Settings, redis: Redis) -> Callable[..., Flask]:
    def make(*, redis: Redis = redis, live: bool = True) -> Flask:
        pulse = Pulse(lambda packet: None, state="live" if live else "stale")
        return create_app(settings, Secrets("a key", TOKEN, False), redis, pulse=pulse, metrics=Metrics())

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
