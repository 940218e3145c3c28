"""How old an update is when a client has it: pushed by the relay, and polled once a second, in the same run."""

import json
import random
import selectors
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

import requests
import websocket
from redis import Redis

from workers import store
from workers.wire import Status

CLIENTS = 50  # of each kind
JOBS = 10
RATE = 100  # updates a second, over all jobs
POLL_INTERVAL = 1.0  # seconds
WARM_UP = 1.0  # seconds


@dataclass
class Published:
    """When each step of each job was published (s, monotonic)."""

    at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class Viewer:
    """One client's view of its job; `lags`: ms from each publish until that update, or a newer one, was in view."""

    id: str
    seen: int = 0
    lags: list[float] = field(default_factory=list)

    def take(self, completed: int | None, published: Published) -> None:
        now = time.monotonic()
        times = published.at[self.id]
        for step in range(self.seen, min(completed or 0, len(times))):
            self.lags.append((now - times[step]) * 1000)
        self.seen = max(self.seen, completed or 0)


def measure(url: str, redis: Redis, seconds: float) -> dict[str, list[float]]:
    """{pushed: [ms], polled: [ms]}."""
    ids = [f"bench{number}" for number in range(JOBS)]
    for id in ids:
        redis.hset(f"rq:job:{id}", "status", "started")  # else the sweeper would take them for jobs that are gone
        known = {"task": "bench", "queue": "default", "created_at": 1}
        store.transition(redis, id, {"status": Status.STARTED}, owner="bench", fallback=known)
    published = Published()
    stop = threading.Event()
    pushed = [Viewer(ids[number % JOBS]) for number in range(CLIENTS)]
    polled = [Viewer(ids[number % JOBS]) for number in range(CLIENTS)]
    threads = [threading.Thread(target=_listen, args=(url, pushed, published, stop), daemon=True)]
    threads += [threading.Thread(target=_poll, args=(url, viewer, published, stop), daemon=True) for viewer in polled]
    for thread in threads:
        thread.start()
    time.sleep(WARM_UP)
    _publish(redis, ids, published, seconds)
    time.sleep(POLL_INTERVAL * 1.5)
    stop.set()
    for thread in threads:
        thread.join(5)
    return {
        kind: sorted(lag for viewer in viewers for lag in viewer.lags)
        for kind, viewers in (("pushed", pushed), ("polled", polled))
    }


def _publish(redis: Redis, ids: list[str], published: Published, seconds: float) -> None:
    began = time.monotonic()
    for step in range(int(seconds * RATE)):
        time.sleep(max(0.0, began + step / RATE - time.monotonic()))
        id = ids[step % len(ids)]
        published.at[id].append(time.monotonic())
        store.report(redis, id, 1, {"completed": len(published.at[id]), "total": None, "unit": ""})


def _listen(url: str, viewers: list[Viewer], published: Published, stop: threading.Event) -> None:
    """All pushed clients on one thread: Socket.IO v5 over bare WebSockets."""
    selector = selectors.DefaultSelector()
    for viewer in viewers:
        socket = websocket.create_connection(f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket")
        socket.send("40")
        socket.send("420" + json.dumps(["watch", {"topics": [f"job:{viewer.id}"]}]))
        assert socket.sock is not None
        selector.register(socket.sock, selectors.EVENT_READ, (socket, viewer))
    while not stop.is_set():
        for key, _ in selector.select(0.1):
            socket, viewer = key.data
            text = socket.recv()
            if text == "2":
                socket.send("3")
            elif text.startswith('42["jobs"'):
                for state in json.loads(text[2:])[1]["jobs"]:
                    viewer.take(state["completed"], published)


def _poll(url: str, viewer: Viewer, published: Published, stop: threading.Event) -> None:
    """What the tutorials' pages do, each second, each for itself."""
    session = requests.Session()
    session.trust_env = False
    stop.wait(random.uniform(0, POLL_INTERVAL))
    while not stop.is_set():
        viewer.take(session.get(f"{url}/api/jobs/{viewer.id}").json()["completed"], published)
        stop.wait(POLL_INTERVAL)
