"""RQ's cron, while Redis is away."""

import signal
from pathlib import Path

import pytest

from tests.conftest import DEADLINE, Processes, start_redis, until
from workers import store

REGISTER = """
from rq import cron
from workers.jobs.text import sum_numbers
cron.register(sum_numbers, "default", kwargs={"text": "1"}, interval=1)
"""


def test_it_goes_on_when_redis_was_away_and_ends_while_it_is(
    processes: Processes, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "cron.py").write_text(REGISTER)
    folder = tmp_path_factory.mktemp("away")
    server, url = start_redis(folder)
    processes.environment |= {"REDIS_URL": url, "HEADWAY_CRON": str(tmp_path / "cron.py")}

    def queued() -> int:
        with store.connect(url) as redis:
            return int(redis.llen("rq:queue:headway.default"))

    cron = processes.start("-m", "workers.main", "cron")
    until(queued, f"the first ({processes.log()})")
    server.kill()
    server.wait()
    until(lambda: "waiting until it answers" in processes.log(), "it to notice")
    server, _ = start_redis(folder, path=url.removeprefix("unix://"))
    try:
        until(lambda: Path(url.removeprefix("unix://")).exists() and queued(), f"the next ({processes.log()})")
        server.kill()
        server.wait()
        cron.send_signal(signal.SIGTERM)
        assert cron.wait(DEADLINE) == 0 and "Traceback" not in processes.log()
    finally:
        server.kill()
        server.wait()
