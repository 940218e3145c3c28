"""All of Headway on each of the servers."""

import os
from collections.abc import Iterator

import pytest

from tests.conftest import Processes, Stack, free_port, is_ready, start_redis, until
from tests.servers.binaries import SERVERS, environment
from workers.wire import INTERNAL_QUEUES

CRON = """
from rq import cron
from workers.jobs.text import sum_numbers
cron.register(sum_numbers, "default", kwargs={"text": "1"}, interval=3600)
"""


def server_binary(name: str) -> str:
    """Skips the test where the server is not installed; with CI set, fails it."""
    binary = SERVERS[name].binary()
    if binary is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not installed: see tests/servers/binaries.py")
    if binary is None:
        pytest.skip(f"{name} is not installed")
    return binary


@pytest.fixture(scope="module", params=SERVERS)
def any_stack(
    request: pytest.FixtureRequest, base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    binary = server_binary(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    server, redis_url = start_redis(folder, binary=binary, environment=environment(binary))
    started = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(free_port())}, folder)
    started.start("-m", "realtime.server")
    for queue in ("default", "bookInfoParser", *INTERNAL_QUEUES):
        started.worker(queue)
    started.start("-m", "workers.main", "scheduler")
    cron = folder / "cron.py"
    cron.write_text(CRON)
    started.start("-m", "workers.main", "cron", HEADWAY_CRON=str(cron))
    url = f"http://127.0.0.1:{started.environment['PORT']}"
    until(lambda: is_ready(url), f"the web server ({started.log()})")
    yield Stack(url, redis_url, started, base_environment["HEADWAY_OPERATOR_TOKEN"])
    started.stop()
    server.terminate()
    server.wait()
