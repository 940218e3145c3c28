"""A web process that speaks TLS with Redis."""

import os
import signal
from pathlib import Path

import requests

from tests.conftest import Processes, free_port, is_ready, start_redis, until
from tests.tls import Tls, certificate


def test_over_tls_a_redis_that_hangs_ends_nothing_and_pages_are_live_again(
    base_environment: dict[str, str], tmp_path: Path
) -> None:
    redis, url = start_redis(tmp_path)
    certificate(tmp_path, "127.0.0.1")
    tls = Tls(tmp_path, url.removeprefix("unix://"))
    address = f"rediss://127.0.0.1:{tls.port}/0?ssl_ca_certs={tmp_path}/127.0.0.1.pem"
    port = free_port()
    processes = Processes({**base_environment, "REDIS_URL": address, "PORT": str(port)}, tmp_path)
    page = f"http://127.0.0.1:{port}"
    try:
        web, worker = processes.start("-m", "realtime.server"), processes.worker()
        until(lambda: is_ready(page), f"the web server ({processes.log()})")
        os.kill(redis.pid, signal.SIGSTOP)
        until(lambda: "the channel is lost" in processes.log(), "the word that pages are stale")
        os.kill(redis.pid, signal.SIGCONT)
        until(lambda: is_ready(page), "its being live again")
        assert web.poll() is None and worker.poll() is None
        job = requests.post(f"{page}/api/jobs", json={"task": "sum_numbers", "args": {"text": "12"}}, timeout=5).json()
        until(lambda: requests.get(f"{page}/api/jobs/{job['id']}", timeout=5).json()["result"] == 3, "its result")
    finally:
        os.kill(redis.pid, signal.SIGCONT)
        processes.stop()
        tls.close()
        redis.kill()
        redis.wait()
