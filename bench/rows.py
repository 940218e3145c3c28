"""A list of 10,000 rows in a browser: frames a second while it is scrolled and updated, and the memory of its page."""

import random
import statistics
import subprocess
import sys
import threading
import time
from itertools import pairwise

import requests
from playwright.sync_api import Page, sync_playwright

from bench.lab import Lab
from bench.machine import ROOT
from tests import browsers
from tests.conftest import free_port, is_ready, until
from workers import store, sweeper
from workers.wire import Status

ROWS = 10_000
UPDATES = 200  # a second, over all jobs
SCROLL = """(seconds) => new Promise((done) => {
  const times = [];
  const ends = performance.now() + seconds * 1000;
  let step = 60; // px a frame: 3,600 a second
  const turn = (now) => {
    times.push(now);
    scrollBy(0, step);
    if (scrollY <= 0 || scrollY + innerHeight >= document.documentElement.scrollHeight - 1) step = -step;
    if (now < ends) requestAnimationFrame(turn);
    else done(times);
  };
  requestAnimationFrame(turn);
})"""


def report(lab: Lab, seconds: float) -> None:
    """Print frames a second, the longest frames, and the heap at the beginning and at the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    lab.processes.append(
        subprocess.Popen(
            [sys.executable, "-m", "realtime.server"], cwd=ROOT, env={**lab.environment, "PORT": str(port)}
        )
    )
    until(lambda: is_ready(url), "the server")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=browsers.FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(url)
        page.locator("connection-status[state=live]").wait_for()
        ids = _submit(page, url)
        page.get_by_text(f"{ROWS:,} queued").wait_for(timeout=60_000)
        stop = threading.Event()
        moving = threading.Thread(target=_move, args=(lab, ids, stop))
        moving.start()
        try:
            _measure(page, seconds)
        finally:
            stop.set()
            moving.join()
            browser.close()


def _submit(page: Page, url: str) -> list[str]:
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    body = {"task": "sum_numbers", "args": [{"text": str(number)} for number in range(ROWS)]}
    answer = requests.post(f"{url}/api/jobs/bulk", json=body, cookies=cookies, timeout=60)
    answer.raise_for_status()
    return list(answer.json()["ids"])


def _move(lab: Lab, ids: list[str], stop: threading.Event) -> None:
    redis = store.connect(lab.settings.redis_url)
    redis.set(sweeper.LOCK, "a bench", ex=3600)  # or it would find that RQ knows nothing of these starts
    with redis.pipeline() as pipeline:
        for id in ids[: ROWS // 2]:
            store.transition(pipeline, id, {"status": Status.STARTED})
        pipeline.execute()
    done = 0
    while not stop.wait(1 / UPDATES):
        done += 1
        fields = {"completed": done, "total": 1_000_000, "unit": "rows", "description": f"row {done}", "meta": {}}
        store.report(redis, random.choice(ids[: ROWS // 2]), 1, fields)


def _measure(page: Page, seconds: float) -> None:
    client = page.context.new_cdp_session(page)

    def heap() -> float:
        client.send("HeapProfiler.collectGarbage")
        return float(client.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    began, frames = heap(), []
    heaps = [began]
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        times = page.evaluate(SCROLL, 5)
        frames += [after - before for before, after in pairwise(times)]
        heaps.append(heap())
    rows = page.locator(".job").count()
    print(f"{ROWS:,} rows, {UPDATES} updates a second, scrolled at 60 px a frame for {seconds:.0f} s:")
    print(f"- frames a second: {1000 / statistics.mean(frames):.1f} (mean)")
    print(f"- frame: median {statistics.median(frames):.1f} ms, p99 {statistics.quantiles(frames, n=100)[98]:.1f} ms")
    print(f"- rows in the document: {rows}")
    print(f"- heap, collected: {heaps[1]:.1f} MB after 5 s, {heaps[-1]:.1f} at the end, {max(heaps):.1f} at the most")
