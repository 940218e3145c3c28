"""Takes news of ends that are due, and queues jobs that send them (workers/jobs/notices.py).

The script puts into `headway:due` what somebody has asked for: `push <owner> <id> <attempt>`, due once a page has had
its time to show that end, and `notify <owner> <id> <attempt>` for a webhook or mail. What is taken out and the jobs
made of it are one transaction, of who holds the sweeper's lock: nothing is lost or doubled, whenever a process dies.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError
from rq.job import JobStatus

from workers import allowance, inbox, installation, records, store, subscriptions
from workers.jobs.notices import TIMEOUT, send_mail, send_push, send_webhook
from workers.lifecycle import TrackedQueue
from workers.script import INTERNAL_TTL
from workers.sweeper import Hold
from workers.wire import DUE, NEWS_QUEUE, decode_state, notice_key

INTERVAL = 1.0  # seconds between two looks
LOOK = 1000  # members in one look
BUDGET = 0.5  # seconds of one look, which holds up the sweeper; the rest waits for the next
SEPARATE = 3  # ends of one owner, due at once, that are told one by one; more of them in one push

log = logging.getLogger("headway.notices")


@dataclass
class Batch:
    """Members that leave together, and what is done instead of them."""

    members: Sequence[str]
    jobs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # (task, arguments)
    told: str = ""  # the job of which somebody is told


class Notices:
    def __init__(self, redis: Redis, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._queue = TrackedQueue(NEWS_QUEUE, connection=redis)
        self._looked_at = float("-inf")

    def look(self, hold: Hold) -> None:
        """Queue what is due, once a second. Raises RedisError."""
        began = self._clock()
        if began - self._looked_at < INTERVAL:
            return
        self._looked_at = began
        for owner, members in self._due().items():
            if self._clock() - began > BUDGET:
                return
            if not self._hand_over(self._plan(owner, members), hold):
                return
            time.sleep(0)

    def _due(self) -> dict[str, list[str]]:
        """What is due: pushes by their owner, and each notification by itself, under its own name."""
        now = store.now(self._redis) // 1000
        found = records.ask(lambda: self._redis.zrangebyscore(DUE, "-inf", now, start=0, num=LOOK), [])
        groups: dict[str, list[str]] = {}
        for member in (one.decode(errors="replace") for one in found):
            parts = member.split(" ")
            groups.setdefault(parts[1] if parts[0] == "push" and len(parts) == 4 else member, []).append(member)
        return groups

    def _plan(self, owner: str, members: Sequence[str]) -> Batch:
        try:
            if members[0] != owner:
                return self._pushes(owner, members)
            return self._notifications(owner)
        except Exception as error:  # rubbish: the others are published, and nobody looks at it each second
            if records.is_away(error):
                raise
            log.warning("news that can't be read are dropped: %s: %s", type(error).__name__, error)
            return Batch(members)

    def _pushes(self, owner: str, members: Sequence[str]) -> Batch:
        """A push of each end, or one of them all, for each browser that wants to know; none of what has been seen."""
        batch = Batch(members)
        entries = [member.split(" ", 2)[2] for member in members]
        states = [decode_state(body) for body in inbox.unseen(self._redis, owner, entries)]
        for subscription in subscriptions.load_all(self._redis, owner) if states else ():
            wanted = [f"{state.id} {state.attempt}" for state in states if subscription.wants(state)]
            for ends in [wanted] if len(wanted) > SEPARATE else [[end] for end in wanted]:
                batch.jobs.append((send_push.__name__, {"owner": owner, "digest": subscription.digest, "ends": ends}))
        return batch

    def _notifications(self, member: str) -> Batch:
        """A webhook, a mail or both. The first end of a job was counted when it was submitted; others are now."""
        batch = Batch([member])
        _, _, id, attempt = member.split(" ")
        kept = cast(bytes | None, self._redis.get(notice_key(id, attempt)))
        if kept is None:
            return batch
        notify: Mapping[str, str] = json.loads(kept)["notify"]
        if self._redis.exists(_told_key(id)) and allowance.spend_notice(self._redis, notify["by"]) is not None:
            log.warning("%s: its end is not told: %d an hour are over", id, allowance.MOST)
            return batch
        batch.told = id
        for kind, task in (("webhook", send_webhook), ("email", send_mail)):
            if kind in notify:
                batch.jobs.append((task.__name__, {"id": id, "attempt": int(attempt)}))
        return batch

    def _hand_over(self, batch: Batch, hold: Hold) -> bool:
        """False where somebody else does this by now."""
        with self._redis.pipeline() as pipeline:
            if not hold(pipeline):
                return False
            pipeline.multi()
            pipeline.zrem(DUE, *batch.members)
            if batch.told:
                pipeline.set(_told_key(batch.told), 1, ex=installation.kept_for(self._redis))
            for task, arguments in batch.jobs:
                self._enqueue(task, arguments, pipeline)
            try:
                pipeline.execute()
            except WatchError:
                return False
        return True

    def _enqueue(self, task: str, arguments: Mapping[str, Any], pipeline: Pipeline) -> None:
        job = self._queue.create_job(
            task,
            args=(),
            kwargs=dict(arguments),
            job_id=str(uuid4()),
            timeout=TIMEOUT,
            result_ttl=INTERNAL_TTL,
            failure_ttl=INTERNAL_TTL,
            description=task,
            status=JobStatus.QUEUED,
        )
        job.origin = NEWS_QUEUE
        self._queue.enqueue_job(job, pipeline=pipeline)


def _told_key(id: str) -> str:
    return f"headway:told:{id}"
