"""Who moves jobs, for each kind of server in its own way, at a given rate and from a process of its own."""

import json
import pickle
import re
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection as Pipe
from typing import Any

from flask_socketio import SocketIO
from redis import Redis
from rq.job import Job, JobStatus

from bench.stock_task import sum_digits
from workers import store
from workers.database import channel_of
from workers.wire import Status

HEADWAY, FLASK_SOCKETIO, POLLING = "headway", "flask-socketio", "polling"
REPORTS = "reports"  # Headway, but by the script that workers run; messages made ready take Redis less
REST = 0.001  # seconds between two looks at what is due
MOST = 500  # updates sent in one go
FIRST = 50  # step of a job; those before it have been used to see what is published
PARTS = re.compile(rb'(\{"owner":"bench","state":\{"id":")[^"]+(","version":)\d+(,.*"completed":)\d+(,.*)')

Moves = Sequence[tuple[str, int, int]]  # (job, version in µs, step)
Published = dict[str, list[int]]  # job → the versions it was given: when each was published, in µs


class Publisher:
    def __init__(self, url: str) -> None:
        self._redis = store.connect(url)
        self._socketio = SocketIO(message_queue=url, async_mode="threading")
        self._template: tuple[bytes, ...] = ()
        self._room: str | None = None
        self._step = FIRST
        self._ways: dict[str, Callable[[Moves], None]] = {
            HEADWAY: self._publish,
            REPORTS: self._report,
            FLASK_SOCKETIO: self._emit,
            POLLING: self._save,
        }

    def wait(self, orders: Pipe) -> None:
        """There is nothing to be done meanwhile."""

    def prepare(self, kind: str, ids: Sequence[str], room: str | None = None) -> None:
        """Make the jobs. With `room` every state goes to that one room of Flask-SocketIO, not to its job's."""
        self._room = room
        if kind == POLLING:
            for id in ids:
                job = Job.create(sum_digits, args=("1",), id=id, connection=self._redis, origin="bench")
                job.set_status(JobStatus.STARTED)
                job.save()
            self._save([(id, 0, 0) for id in ids])
            return
        with self._redis.pipeline(transaction=False) as pipeline:
            for id in ids:
                start(pipeline, id)
            pipeline.execute()
        self._template = _template(self._redis, ids[0])

    def run(self, kind: str, ids: Sequence[str], rate: float, seconds: float) -> Published:
        """Move the jobs by turns, at `rate` updates a second over all of them."""
        send = self._ways[kind]
        published: Published = {id: [] for id in ids}
        began, done, total = time.monotonic(), 0, int(rate * seconds)
        while done < total and time.monotonic() - began < 2 * seconds:  # a rate beyond us ends at some time, too
            due = min(total, int((time.monotonic() - began) * rate) + 1, done + MOST)
            if due == done:
                time.sleep(max(REST, began + done / rate - time.monotonic()))
                continue
            version = time.time_ns() // 1000
            # one version may not be given twice to a job
            moves = [(ids[n % len(ids)], version + place, self._step + n) for place, n in enumerate(range(done, due))]
            for id, given, _ in moves:
                published[id].append(given)
            send(moves)
            done = due
        self._step += done
        return published

    def _publish(self, moves: Moves) -> None:
        """The bytes that the script publishes for a state."""
        channel, (before, middle, last, end) = channel_of(self._redis), self._template
        with self._redis.pipeline(transaction=False) as pipeline:
            for id, version, step in moves:
                pipeline.publish(channel, b"%s%s%s%d%s%d%s" % (before, id.encode(), middle, version, last, step, end))
            pipeline.execute()

    def _report(self, moves: Moves) -> None:
        for id, _, step in moves:
            store.report(self._redis, id, 1, {"completed": step, "total": None, "unit": ""})

    def _emit(self, moves: Moves) -> None:
        state: dict[str, Any] = json.loads(b"%s%s0%s0%s" % self._template)["state"]
        for id, version, step in moves:
            changed = {**state, "id": id, "version": version, "completed": step}
            self._socketio.emit("jobs", changed, to=self._room or id)

    def _save(self, moves: Moves) -> None:
        """What `job.meta["progress"] = …; job.save_meta()` sends."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for id, version, _ in moves:
                meta = pickle.dumps({"progress": {"id": id, "version": version}})
                pipeline.hset(f"rq:job:{id}", "meta", meta)
            pipeline.execute()


def start(redis: Redis, id: str) -> None:
    """A job that is started, and that nothing touches."""
    redis.hset(f"rq:job:{id}", "status", "started")  # else the sweeper would take it for one that is gone
    known = {"task": "bench", "queue": "default", "created_at": 1}
    store.transition(redis, id, {"status": Status.STARTED}, owner="bench", fallback=known)


def _template(redis: Redis, id: str) -> tuple[bytes, ...]:
    """What the script publishes for a state, in four parts: between them stand the id, version and completed."""
    with redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(channel_of(redis))
        for step in range(1, FIRST):  # again, until the subscription has come first
            store.report(redis, id, 1, {"completed": step, "total": None, "unit": ""})
            message = listener.get_message(timeout=0.2)
            found = PARTS.fullmatch(message["data"]) if message else None
            if found:
                return found.groups()
    raise SystemExit("the script has published nothing")
