"""What may be done to jobs that are there, and in which statuses. The only place that decides."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workers.errors import Conflict
from workers.wire import RUNNING, Status, Unreadable


class Verb(StrEnum):
    CANCEL = "cancel"  # take back a job that has not started
    STOP = "stop"  # ask the worker to end a started job
    REQUEUE = "requeue"  # run a job again that did not finish
    DELETE = "delete"  # forget a job that is not running
    ENQUEUE = "enqueue"  # run a job now that waits for its time, or for another job


ALLOWED: Final[Mapping[Verb, tuple[Status, ...]]] = {
    Verb.CANCEL: (Status.CREATED, Status.QUEUED, Status.DEFERRED, Status.SCHEDULED),
    Verb.STOP: (Status.STARTED, Status.LOST),
    Verb.REQUEUE: (Status.FAILED, Status.STOPPED, Status.CANCELED),
    Verb.DELETE: tuple(status for status in Status if status not in RUNNING),
    Verb.ENQUEUE: (Status.SCHEDULED, Status.DEFERRED),
}
# where a job may be stranded: nobody runs it or will take it, and nothing but a delete or a requeue helps
STRANDED: Final = RUNNING | {Status.QUEUED}
ADVICE: Final[Mapping[Verb, Mapping[Status, str]]] = {
    Verb.CANCEL: dict.fromkeys(RUNNING, "stop it instead"),
    Verb.STOP: {Status.QUEUED: "cancel it instead"},
    Verb.REQUEUE: {},
    Verb.DELETE: dict.fromkeys(RUNNING, "stop it first"),
    Verb.ENQUEUE: dict.fromkeys(ALLOWED[Verb.REQUEUE], "requeue it instead"),
}


def check(verb: Verb, status: Status | Unreadable) -> None:
    """Raises `Conflict` where `verb` may not be done to a job that is `status`."""
    if isinstance(status, Unreadable):
        if verb is Verb.DELETE:
            return
        raise Conflict(f"Can't {verb} a job whose record can't be read: it can only be deleted")
    if status in ALLOWED[verb]:
        return
    words = "not running" if verb is Verb.DELETE else ", ".join(ALLOWED[verb])
    hint = f": {ADVICE[verb][status]}" if status in ADVICE[verb] else ""
    raise Conflict(f"{verb}: expected a job that is {words}, got one that is {status}{hint}")
