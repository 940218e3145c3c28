"""`make bench`: starts servers, measures, prints one table; `python -m bench stuck`: a part of it; `outage`: more."""

import argparse
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import requests

from bench import latency, outage, progress_cost, stuck_reader
from workers import embedded, jobs, store
from workers.queue import Jobs
from workers.settings import Settings
from workers.tasks import Tasks

ROOT = Path(__file__).parent.parent
SECONDS = 10.0  # of the latency run
READY_WITHIN = 15.0  # seconds
BULK = 10_000  # jobs


def main(part: str) -> int:
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        environment = {**os.environ, "HEADWAY_HOME": folder, "PORT": str(probe.getsockname()[1])}
        environment.pop("REDIS_URL", None)
        probe.close()
        settings = Settings.from_environment(environment, ROOT)
        url = f"http://127.0.0.1:{settings.port}"
        processes = [subprocess.Popen(embedded.command(settings), stdout=subprocess.DEVNULL)]
        try:
            _until(lambda: embedded.answers(settings))
            processes.append(subprocess.Popen([sys.executable, "-m", "realtime.server"], cwd=ROOT, env=environment))
            _until(lambda: _ready(url))
            print(f"{date.today()}  Python {platform.python_version()}  {os.cpu_count()} cores  {platform.system()}")
            if part == "outage":
                outage.report(settings, environment, processes)
            if part == "all":
                _report(settings, url)
            if part in ("all", "stuck"):
                _report_stuck(settings, processes[-1].pid)
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
                process.wait()
    return 0


def _report(settings: Settings, url: str) -> None:
    redis = store.connect(settings.redis_url)
    print(f"progress(), nothing due      {progress_cost.measure(redis, settings):8.2f} µs a call, median")
    lags = latency.measure(url, redis, SECONDS)
    for kind, values in lags.items():
        middle, late = values[len(values) // 2], values[int(len(values) * 0.99)]
        print(
            f"publish → client, {kind:6}     {middle:8.1f} ms p50  {late:8.1f} ms p99  ({len(values):,} updates seen)"
        )
    ratio = lags["polled"][len(lags["polled"]) // 2] / lags["pushed"][len(lags["pushed"]) // 2]
    print(
        f"pushed is fresher            {ratio:8.0f} ×, {latency.RATE} updates/s, {latency.CLIENTS} clients of each kind"
    )
    began = time.perf_counter()
    submitter = Jobs(redis, Tasks.collect(jobs), settings.queue_names)
    submitter.submit_many("sum_numbers", [{"text": "1"}] * BULK, owner="bench")
    print(f"submit {BULK:,} jobs           {time.perf_counter() - began:8.2f} s")


def _report_stuck(settings: Settings, web: int) -> None:
    redis = store.connect(settings.redis_url)
    stuck_reader.report(stuck_reader.measure(settings.port, web, redis))


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=1).status_code == 200
    except requests.RequestException:
        return False


def _until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit("a server did not come up; its own words stand above")
        time.sleep(0.05)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=["all", "stuck", "outage"], default="all")
    sys.exit(main(parser.parse_args().part))
