"""How a worker ends when it is asked to: its job has its grace, and then goes back to its queue. It does not fail."""

import os
import signal
import threading
from datetime import timedelta
from enum import Enum
from typing import Any

from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Worker
from rq.utils import now

from workers.process import die_with_parent, outlast_requests_to_end, unasked
from workers.settings import Settings

LAST_WORDS = 4  # seconds beyond the grace for a worker to say what became of its job
SAME_REQUEST = timedelta(seconds=2)  # in which a second SIGTERM asks for nothing more


class Outcome(Enum):
    """How a running job ends."""

    OWN = "by itself"
    RETURNED = "ended because its worker must end; it goes back to its queue"
    SUPERSEDED = "ended because another attempt runs; nothing is said of it"


class Ending(Worker):
    """A worker and its horse, as for their end."""

    def __init__(self, *args: Any, settings: Settings, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = settings
        self._outcome = Outcome.OWN  # how the running job is to end

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
            signal.signal(signal.SIGHUP, self.request_stop)

    def handle_warm_shutdown_request(self) -> None:
        """Asked to end: the running job has its grace to end by itself; then it goes back to its queue."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        # with Redis gone for good there is nobody to hand the job back to, and no reason to wait for ever
        for after, then in ((0, self._end_horse_for_shutdown), (LAST_WORDS, self._leave)):
            timer = threading.Timer(self._settings.grace + after, then)
            timer.daemon = True
            timer.start()

    def request_force_stop(self, signum: int, frame: Any) -> None:
        """Asked again: the grace is over, and the job is not lost for that.

        At once it is the same request: sent to all processes of a group, and by its supervisor, which got it too.
        """
        asked_at = self._shutdown_requested_date
        if asked_at is None or now() - asked_at > SAME_REQUEST:
            self._end_horse_for_shutdown()

    def teardown(self) -> None:
        """Sign off. A worker that was asked to end does not wait for Redis any more."""
        self.connection.set_retry(Retry(NoBackoff(), 0))
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except RedisError as error:
            self.log.warning("Worker %s could not sign off: %s", self.name, error)

    def _end_horse_for_shutdown(self) -> None:
        self._end_horse(Outcome.RETURNED)

    def _leave(self) -> None:
        self.log.error("Worker %s was asked to end %d s ago, and leaves", self.name, self._settings.grace + LAST_WORDS)
        os._exit(1)

    def _end_horse(self, outcome: Outcome) -> None:
        if self.horse_pid:
            self._outcome = outcome
            self.kill_horse()

    def fork_work_horse(self, *args: Any) -> None:
        """RQ calls this to fork the horse, which would take a request to end for its own until it is set up."""
        with unasked():
            super().fork_work_horse(*args)

    def setup_work_horse_signals(self) -> None:
        """RQ calls this first of all in the horse; its own would be ended by a SIGTERM to the whole process group."""
        outlast_requests_to_end()
        die_with_parent(signal.SIGKILL)
