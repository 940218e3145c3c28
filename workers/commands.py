"""Commands to a worker beside its queue: stop a job, shut down. RQ's own, made safe against loss and mix-up."""

import functools
from typing import Any, Final, cast

from redis import Redis
from redis.client import Pipeline
from redis.commands.core import Script
from rq import Worker
from rq.command import parse_payload, send_command

from workers.database import number_of
from workers.wire import state_key

STOP_TTL: Final = 2 * 86_400  # seconds; a worker may be silent for a day at the most, and then take the stop
SHUTDOWN: Final = "headway_shutdown"  # a field of a worker's record in RQ, which a later worker of its name begins anew

# KEYS[1]  RQ's record of a worker
# ARGV[1]  the field to set
# Writes it where there is such a worker: a record of nothing else would stay for ever.
WISH: Final = """
if redis.call('TYPE', KEYS[1]).ok == 'hash' then redis.call('HSET', KEYS[1], ARGV[1], '1') end
"""


@functools.cache
def _wish() -> Script:
    return Script(cast(Any, None), WISH.encode())


def stop(pipeline: Pipeline, worker: str, id: str, attempt: int) -> None:
    """Have `worker` stop this attempt of the job `id`.

    RQ publishes the command: it is lost where the worker has just lost that connection. So the wish is kept as well,
    for the worker's next heartbeat, until the attempt has ended.
    """
    pipeline.set(f"{state_key(id)}:stop", attempt, ex=STOP_TTL)
    send_command(pipeline, worker, "stop-job", job_id=id)


def shut_down(pipeline: Pipeline, worker: str) -> None:
    """Ask `worker` to end when its job has. As with a stop, the wish is kept as well, in the worker's record."""
    _wish()([f"{Worker.redis_worker_namespace_prefix}{worker}"], [SHUTDOWN], client=pipeline)
    send_command(pipeline, worker, "shutdown", database=number_of(pipeline))


def concerns(redis: Redis, message: dict[str, Any]) -> bool:
    """Whether a command is meant for the worker that heard it.

    It goes by the worker's name, and another installation on another database of the server may have one of that
    name. Commands of RQ's own tools name no database.
    """
    return parse_payload(message).get("database") in (None, number_of(redis))
