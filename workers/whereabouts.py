"""Where RQ has a job at this moment, seen in one step: code that changes a job decides by it whether it still may."""

import functools
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.client import Pipeline
from redis.commands.core import Script
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job

from workers.wire import state_key

# KEYS     RQ's record of the job, our state of it
# ARGV[1]  the job's id
# ARGV[2]  whether to look for it in its queue, which takes longer the longer that is
# Returns {RQ's status, the queue's name in RQ, our attempt, whether it is popped, whether it is listed, whether this
# attempt shall be stopped, execution, …}.
# It writes nothing.
SCRIPT: Final = """
local id = ARGV[1]
local status, origin = unpack(redis.call('HMGET', KEYS[1], 'status', 'origin'))
local found = {status or '', origin or '', redis.call('HGET', KEYS[2], 'attempt') or '', 0, 0, 0}
if not origin then return found end
local queue = 'rq:queue:' .. origin
if redis.call('LPOS', queue .. ':intermediate', id) then found[4] = 1 end
if ARGV[2] == '1' and redis.call('LPOS', queue, id) then found[5] = 1 end
if redis.call('GET', KEYS[2] .. ':stop') == found[3] then found[6] = 1 end
for _, entry in ipairs(redis.call('ZRANGE', 'rq:wip:' .. origin, 0, -1)) do
  if string.sub(entry, 1, #id + 1) == id .. ':' then found[#found + 1] = string.sub(entry, #id + 2) end
end
return found
"""


# KEYS[1]  RQ's record of a job
# ARGV[1]  when its worker was last heard, as RQ writes it
# Writes that where there still is such a job: a record of nothing else would stay for ever.
HEARTBEAT: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'last_heartbeat', ARGV[1]) end
"""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    status: str  # RQ's; '' where it has no such job
    queue: str  # its name in RQ
    attempt: int | None  # ours; None: we know nothing of it yet
    is_popped: bool  # whether a worker has taken it from its queue and not begun it
    is_listed: bool  # whether it waits in its queue; False where nobody asked
    executions: frozenset[str]  # those registered: a worker runs it, or is about to
    is_to_stop: bool = False  # whether somebody wants this attempt stopped, and its worker has not heard of it yet

    @property
    def is_orphaned(self) -> bool:
        """Whether nothing will ever move it: started with nobody to run it, or queued where nobody takes it."""
        if self.status == "started":
            return not self.executions
        return self.status == "queued" and not (self.executions or self.is_popped or self.is_listed)


@functools.cache
def _script(text: str) -> Script:
    return Script(cast(Any, None), text.encode())


class Executions(ExecutionRegistry):
    """A job's executions, without those whose record RQ would stumble over in a delete.

    It has expired, or it is nothing but a heartbeat that came after its end and will expire.
    """

    def get_executions(self, start: int = 0, end: int = -1) -> list[Execution]:
        found = []
        for id in self.get_execution_ids(start, end):
            with suppress(ValueError, KeyError):  # RQ's: no such execution; no time at which it was made
                found.append(Execution.fetch(id, self.job_id, self.connection))
        return found


def whereabouts(connection: Redis | Pipeline, id: str, *, in_queue: bool = False) -> Whereabouts:
    """Of the job `id`. A pipeline must have begun to WATCH, and no MULTI."""
    reply = _script(SCRIPT)([Job.key_for(id), state_key(id)], [id, int(in_queue)], client=connection)
    status, queue, attempt, popped, listed, to_stop, *executions = cast(list[Any], reply)
    return Whereabouts(
        status.decode(errors="replace"),
        queue.decode(errors="replace"),
        int(attempt) if attempt else None,
        bool(popped),
        bool(listed),
        frozenset(execution.decode(errors="replace") for execution in executions),
        bool(to_stop),
    )


def note_heartbeat(connection: Redis | Pipeline, id: str, at: str) -> None:
    """That the worker of the job `id` is alive, where nobody has deleted the job while the worker was silent."""
    _script(HEARTBEAT)([Job.key_for(id)], [at], client=connection)
