"""A server that strangers' tools may do anything to: it has no workers, so nothing they submit runs."""

import os
from collections.abc import Iterator

import pytest

from tests.conftest import Processes, Stack, free_port, is_ready, start_redis, until


def missing(what: str) -> None:
    """Skips the test for want of a package; with CI set, fails it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed: run `make contract`")
    pytest.skip(f"{what} is not installed: run `make contract`")


@pytest.fixture(scope="session")
def idle(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("contract")
    server, redis_url = start_redis(folder)
    started = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(free_port())}, folder)
    started.start("-m", "realtime.server")
    url = f"http://127.0.0.1:{started.environment['PORT']}"
    until(lambda: is_ready(url), f"the web server ({started.log()})")
    yield Stack(url, redis_url, started, base_environment["HEADWAY_OPERATOR_TOKEN"])
    started.stop()
    server.terminate()
    server.wait()
