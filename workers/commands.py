"""Commands to a worker beside its queue: stop a job, shut down. RQ's own, made safe against loss and mix-up."""

from typing import Any, Final

from redis import Redis
from redis.client import Pipeline
from rq.command import parse_payload, send_command

from workers.database import number_of
from workers.wire import state_key

STOP_TTL: Final = 2 * 86_400  # seconds; a worker may be silent for a day at the most, and then take the stop


def stop(pipeline: Pipeline, worker: str, id: str, attempt: int) -> None:
    """Have `worker` stop this attempt of the job `id`.

    RQ publishes the command: it is lost where the worker has just lost that connection. So the wish is kept as well,
    for the worker's next heartbeat, until the attempt has ended.
    """
    pipeline.set(f"{state_key(id)}:stop", attempt, ex=STOP_TTL)
    send_command(pipeline, worker, "stop-job", job_id=id)


def shut_down(redis: Redis, worker: str) -> None:
    """Ask `worker` to end when its job has."""
    send_command(redis, worker, "shutdown", database=number_of(redis))


def concerns(redis: Redis, message: dict[str, Any]) -> bool:
    """Whether a command is meant for the worker that heard it.

    It goes by the worker's name, and another installation on another database of the server may have one of that
    name. Commands of RQ's own tools name no database.
    """
    return parse_payload(message).get("database") in (None, number_of(redis))
