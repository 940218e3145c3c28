"""Jobs, two workers, a sweeper and people who act, in steps that may follow each other in any order; and what of it all
must hold after each step. The steps are the product's own code on a real Redis; only processes are not forked."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis import Redis
from rq.command import handle_stop_job_command
from rq.exceptions import InvalidJobOperation
from rq.job import JobStatus
from rq.utils import now

from tests.workers.conftest import Clock
from workers import acts, claim, ending, store, worker
from workers.errors import Conflict, NotFound
from workers.lifecycle import TrackedJob, restore_job
from workers.popped import look_at
from workers.queue import Jobs
from workers.settings import Settings
from workers.sweeper import COMPARE_INTERVAL, SILENCE, VERDICT, Sweeper
from workers.taking import WorkQueue
from workers.tasks import Task, Tasks
from workers.verbs import Verb
from workers.whereabouts import whereabouts
from workers.wire import ENDED, Status
from workers.worker import TrackedWorker

TASKS = Tasks({"run": Task("run", lambda: None, "default", 60)})
NAME = "headway.default"
QUEUE, BETWEEN, WIP = f"rq:queue:{NAME}", f"rq:queue:{NAME}:intermediate", f"rq:wip:{NAME}"
STEPS = 25  # of an interleaving, at the most
ROUNDS = 12  # of sweeping and working off, after which nothing may be left
VERBS = [Verb.CANCEL, Verb.REQUEUE, Verb.DELETE]
SWEEPS = int((VERDICT + 4 * COMPARE_INTERVAL) / COMPARE_INTERVAL)


class Hand(TrackedWorker):
    """A worker whose process for a job is played by the model."""

    killed = False
    in_horse = False

    @property
    def is_horse(self) -> bool:
        return self.in_horse

    @property
    def horse_pid(self) -> int:
        return 1

    def kill_horse(self, *_: Any) -> None:
        self.killed = True

    def procline(self, message: str) -> None:
        """No process changes its name here."""


@dataclass
class Held:
    """What a worker is at."""

    hand: Hand
    queue: WorkQueue
    id: str = ""
    job: TrackedJob | None = None
    step: str = "idle"


class Races(RuleBasedStateMachine):
    redis: ClassVar[Redis]
    settings_: ClassVar[Settings]
    steps: ClassVar[int] = 0  # taken by workers, in all

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushall()
        self.clock = Clock()
        self.jobs = Jobs(self.redis, TASKS, ["default"])
        self.sweeper = Sweeper(self.redis, ["default"], clock=self.clock, tasks=TASKS)
        self.ids: list[str] = []
        self.held = [self._worker(number) for number in range(2)]
        self.workers = len(self.held)
        self.begun: Counter[tuple[str, int]] = Counter()
        self.taken_back: set[tuple[str, int]] = set()
        self.deleted: set[str] = set()

    def _worker(self, number: int) -> Held:
        hand = Hand(NAME, settings=self.settings_, tasks=TASKS, connection=self.redis, name=f"worker-{number}")
        hand._prompt = self.redis
        hand.register_birth()  # type: ignore[no-untyped-call]
        (queue,) = hand.queues
        assert isinstance(queue, WorkQueue)
        return Held(hand, queue)

    # -- what people do

    @rule(retries=st.integers(0, 1))
    @precondition(lambda self: len(self.ids) < 3)
    def submit(self, retries: int) -> None:
        id = self.jobs.submit("run", {}, owner="me").state.id
        if retries:
            self.redis.hset(f"rq:job:{id}", "retries_left", retries)
        self.ids.append(id)

    @rule(verb=st.sampled_from(VERBS), which=st.integers(0, 2), during=st.booleans())
    @precondition(lambda self: self.ids)
    def act(self, verb: Verb, which: int, during: bool) -> None:
        """`during`: between the look and the writing of the act the job's worker takes its next step."""
        id = self.ids[which % len(self.ids)]
        write, steps = acts._write, [held for held in self.held if during and held.id == id][:1]

        def interrupted(*args: Any) -> None:
            if steps:
                self._step(steps.pop())
            write(*args)

        acts._write = interrupted  # type: ignore[assignment]
        try:
            before = self._attempt(id)
            self.jobs.act(verb, id)
        except (Conflict, NotFound):
            return
        finally:
            acts._write = write
        if verb is Verb.CANCEL:
            canceled = (id, self._attempt(id) or before or 0)
            assert not self.begun[canceled], "what has begun is not told as canceled"
            self.taken_back.add(canceled)
        elif verb is Verb.DELETE:
            registered = {entry.decode() for entry in cast(list[bytes], self.redis.zrange(WIP, 0, -1))}
            running = [held for held in self.held if held.id == id and held.step == "started"]
            assert not [held for held in running if f"{id}:{held.hand._execution_id}" in registered], "what runs stays"
            self.deleted.add(id)

    @rule(which=st.integers(0, 2))
    @precondition(lambda self: self.ids)
    def stop(self, which: int) -> None:
        id = self.ids[which % len(self.ids)]
        try:
            self.jobs.stop(id)
        except (Conflict, NotFound):
            return
        name = self.redis.hget(f"rq:job:{id}", "worker_name")
        for held in self.held:
            if held.hand.name.encode() == name and held.step in ("registered", "started"):
                handle_stop_job_command(held.hand, {"job_id": id})
                if held.hand.killed:
                    self._bury_horse(held)

    @rule()
    def empty(self) -> None:
        waiting = {id.decode() for id in cast(list[bytes], self.redis.lrange(QUEUE, 0, -1))}
        self.jobs.empty("default")
        self.deleted |= {id for id in waiting if store.load(self.redis, id) is None}

    # -- what workers do

    @rule(number=st.integers(0, 1), verb=st.sampled_from([None, *VERBS]), steps=st.integers(1, 3))
    def work(self, number: int, verb: Verb | None, steps: int) -> None:
        """A worker takes its next steps; somebody acts on its job between its look and its writing of a start."""
        for _ in range(steps):
            self._step(self.held[number], verb)

    @rule(number=st.integers(0, 1))
    def end(self, number: int) -> None:
        held = self.held[number]
        if held.step == "started":
            self._step(held, fails=True)

    @rule(number=st.integers(0, 1))
    def lose_horse(self, number: int) -> None:
        held = self.held[number]
        if held.step in ("registered", "started"):
            self._bury_horse(held)

    @rule(number=st.integers(0, 1))
    def die(self, number: int) -> None:
        """With all that it has; another one takes its place."""
        self.held[number] = self._worker(self.workers)
        self.workers += 1

    def _step(self, held: Held, verb: Verb | None = None, *, fails: bool = False) -> None:
        type(self).steps += 1
        getattr(self, f"_from_{held.step}")(held, verb, fails)

    def _from_idle(self, held: Held, verb: Verb | None, fails: bool) -> None:
        taken = held.queue.take(None)
        if taken is not None:
            held.id, held.step = taken[0].id, "popped"

    def _from_popped(self, held: Held, verb: Verb | None, fails: bool) -> None:
        taken = look_at(self.redis, NAME, held.id, TASKS)
        if taken is None:
            held.step = "idle"
            return
        held.hand._attempt = taken.attempt
        held.hand._outcome, held.hand.killed = ending.Outcome.OWN, False
        held.job, held.step = restore_job(held.id, taken.record, self.redis), "looked"

    def _from_looked(self, held: Held, verb: Verb | None, fails: bool) -> None:
        assert held.job is not None
        held.hand.prepare_execution(held.job)
        held.step = "registered"

    def _from_registered(self, held: Held, verb: Verb | None, fails: bool) -> None:
        job, once = held.job, [verb] if verb else []
        assert job is not None

        def interrupted(*args: Any) -> None:
            if once:
                self.act(once.pop(), self.ids.index(held.id), False)
            claim.write_start(*args)

        worker.write_start = interrupted  # type: ignore[attr-defined,assignment]
        held.hand.in_horse = True
        try:
            started = held.hand._start(job, held.queue)
        finally:
            held.hand.in_horse = False
            worker.write_start = claim.write_start  # type: ignore[attr-defined]
        held.step = "started" if started else "idle"
        if started:
            begun = (held.id, self._attempt(held.id) or 0)
            self.begun[begun] += 1
            assert self.begun[begun] == 1, "a job is begun once in an attempt"
            assert begun not in self.taken_back, "a canceled job never begins"
            assert held.id not in self.deleted, "a deleted job never begins"

    def _from_started(self, held: Held, verb: Verb | None, fails: bool) -> None:
        job = held.job
        assert job is not None
        held.hand.in_horse, job.started_at, job.ended_at = True, job.started_at or now(), now()
        if fails:
            job._status = JobStatus.FAILED
            held.hand.handle_job_failure(job, held.queue, exc_string="ValueError: no")
        else:
            job._status, job._result = JobStatus.FINISHED, 1
            held.hand.handle_job_success(job, held.queue, held.queue.started_job_registry)
        held.hand.in_horse, held.step = False, "idle"
        held.hand.execution = None

    def _bury_horse(self, held: Held) -> None:
        """The process for the job has ended without a word: what RQ's `monitor_work_horse` does then."""
        job, held.step = held.job, "idle"
        assert job is not None
        try:
            status = job.get_status()
        except InvalidJobOperation:
            return
        job.ended_at = now()
        if held.hand._stopped_job_id == job.id:
            held.hand.handle_job_failure(job, held.queue, exc_string="Job stopped by user, work-horse terminated.")
        elif status not in (JobStatus.FINISHED, JobStatus.FAILED):
            held.hand.handle_work_horse_killed(job, 1, 9, None)
            held.hand.handle_job_failure(job, held.queue, exc_string="Work-horse terminated unexpectedly; ")
        held.hand.execution = None

    # -- what time does

    @rule(silent=st.booleans())
    def pass_time(self, silent: bool) -> None:
        """Enough for the sweeper to judge whom it does not hear; `silent`: not even those who live are heard."""
        for _ in range(3):
            self.clock.now += SILENCE * 1.1
            self._sweep([] if silent else self.held)

    def _sweep(self, heard: Sequence[Held]) -> None:
        alive = {held.hand._execution_id for held in heard if held.step in ("registered", "started")}
        for entry in cast(list[bytes], self.redis.zrange(WIP, 0, -1)):
            if entry.decode().rpartition(":")[2] not in alive:
                self.redis.zadd(WIP, {entry: 1.0})  # its time has run out
        for held in heard:
            if held.step in ("registered", "started"):
                self._beat(held)
        self.sweeper.sweep()

    def _beat(self, held: Held) -> None:
        assert held.job is not None
        held.hand.maintain_heartbeats(held.job)
        if self.redis.zscore(WIP, f"{held.id}:{held.hand._execution_id}") is not None:
            self.redis.zadd(WIP, {f"{held.id}:{held.hand._execution_id}": time.time() + self.clock.now})
        if held.hand.killed:
            self._bury_horse(held)

    # -- what must hold

    @invariant()
    def what_is_shown_is_what_rq_says(self) -> None:
        for id in self.ids:
            stored, status = store.load(self.redis, id), cast(bytes | None, self.redis.hget(f"rq:job:{id}", "status"))
            shown = stored.state.status if stored else None
            if shown == Status.LOST:
                shown = Status.STARTED
            assert (shown and str(shown)) == (status and status.decode()), id
            if status == b"started":
                assert self.begun[id, self._attempt(id) or 0], "what is started has begun"

    @invariant()
    def no_step_leaves_a_job_that_nothing_would_move(self) -> None:
        """The sweeper would judge it, or put it back: that is for what others do to Redis, not for what we do."""
        for id in self.ids:
            assert not whereabouts(self.redis, id, in_queue=True).is_orphaned, id

    def teardown(self) -> None:
        """Whatever has happened, all comes to an end when workers work and time goes by."""
        for _ in range(ROUNDS):
            for held in self.held:
                for _ in range(6 * len(self.ids)):
                    self._step(held)
            for _ in range(SWEEPS):
                self.clock.now += COMPARE_INTERVAL
                self._sweep(self.held)
            if self._is_over():
                return
        raise AssertionError({id: self._seen(id) for id in self.ids})

    def _is_over(self) -> bool:
        states = [stored.state.status for stored in store.load_many(self.redis, self.ids) if stored]
        return all(status in ENDED for status in states) and not self.redis.exists(QUEUE, BETWEEN, WIP)

    def _seen(self, id: str) -> tuple[Any, ...]:
        stored = store.load(self.redis, id)
        return stored and stored.state.status, *self.redis.hmget(f"rq:job:{id}", "status", "origin")

    def _attempt(self, id: str) -> int | None:
        return store.attempt_of(self.redis, id)


def options(count: int, *, derandomize: bool) -> settings:
    """`count` interleavings; `derandomize`: the same ones each time."""
    return settings(
        max_examples=count,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )


def machine(redis: Redis, chosen: Settings) -> type[Races]:
    """Makes the model on this Redis, anew for each interleaving."""

    class On(Races):
        pass

    On.redis, On.settings_ = redis, chosen
    return On
