"""All of Headway on each of the servers."""

import os
from collections.abc import Iterator

import pytest
from redis import Redis, RedisError, ResponseError

from tests.conftest import Processes, Stack, free_port, is_ready, start_redis, until
from tests.servers.binaries import SERVERS, environment
from workers import permissions, store
from workers.database import channel_of
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


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def with_least_rights(url: str) -> str:
    """The address of the server's second database for a user who may do what the documentation lists, and no more."""
    limited = url.replace("unix://", "unix://headway:word@") + "?db=1"
    with store.connect(url) as redis:
        until(lambda: answers(redis), "the server")
        for rule in ["reset", "on", ">word", *permissions.rules(channel_of(store.connect(limited)))]:
            try:
                redis.execute_command("ACL", "SETUSER", "headway", rule)
            except ResponseError:
                assert rule == "+client|setinfo", "an older server does not know it, and Headway does without"
        redis.config_resetstat()
    return limited


@pytest.fixture(scope="module", params=SERVERS)
def any_stack(
    request: pytest.FixtureRequest, base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    binary = server_binary(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    server, redis_url = start_redis(folder, binary=binary, environment=environment(binary))
    limited = with_least_rights(redis_url)
    started = Processes({**base_environment, "REDIS_URL": limited, "PORT": str(free_port())}, folder)
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
