"""`python -m workers.main worker | scheduler | cron | ping`: one process of the workers' side."""

import argparse
import logging
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError
from rq.cron import CronScheduler
from rq.serializers import JSONSerializer

from workers import embedded, environment, jobs, lifecycle, server, store
from workers.errors import HeadwayError, SettingsError
from workers.scheduler import Scheduler
from workers.settings import Settings
from workers.small import BatchingWorker
from workers.tasks import Tasks

LOG_FORMAT = "%(levelname)s %(message)s"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="workers.main", description=__doc__)
    parser.add_argument("part", choices=["worker", "scheduler", "cron", "ping"])
    parser.add_argument("--queue", help="the one queue this worker takes jobs from")
    parser.add_argument("--name", help="the worker's name; unique among those alive")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    try:
        settings = Settings.from_environment(os.environ, Path.cwd())
        if settings.embedded:
            embedded.listens_at(settings)
        connection = _connect(settings)
        if options.part == "worker":
            return _work(settings, connection, options.queue or settings.queue_names[0], options.name)
        if options.part == "scheduler":
            _schedule(settings, connection)
        if options.part == "cron":
            return _cron(settings, connection)
        return 0
    except (RedisError, OSError) as error:
        print(f"Redis can't be reached: {error}. Is REDIS_URL right, and is the server up?", file=sys.stderr)
    except HeadwayError as error:
        print(error, file=sys.stderr)
    return 1


def _connect(settings: Settings) -> Redis:
    """A client whose server is up, and new enough. Raises `SettingsError`, RedisError."""
    try:
        connection = store.connect(settings.redis_url)
        connection.ping()
    except (TypeError, ValueError) as error:  # redis-py's, of an address with options that it does not know
        raise SettingsError(f"REDIS_URL: expected an address that redis-py understands: {error}") from error
    server.check(connection)
    return connection


def _work(settings: Settings, connection: Redis, queue: str, name: str | None) -> int:
    if queue not in settings.queue_names:
        raise SettingsError(f"--queue: expected one of {', '.join(settings.queue_names)}, got {queue!r}")
    lifecycle.install()
    for secret in environment.secrets_kept_from(queue):
        os.environ.pop(secret, None)  # what a task starts would inherit them
    if not environment.sends_news(queue):
        settings = replace(settings, webhook_secrets=(), mail_server=None)
    worker = BatchingWorker(
        settings.naming.in_rq(queue),
        settings=settings,
        tasks=Tasks.collect(jobs),
        # RQ's own blocking read must outlast its time-out
        connection=store.connect(settings.redis_url, enduring=True, socket_timeout=None),
        # everybody who sees a job reads it: which machine that is, only those see who see the workers
        name=name or f"{queue}.{os.getpid()}.{uuid4().hex[:8]}",
    )
    try:
        worker.work(logging_level="WARNING", log_format=LOG_FORMAT)
    except ValueError as error:  # RQ: a worker of this name is alive
        raise SettingsError(f"--name: {error}") from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends: asked once more, Python would end it as if it had crashed
    # RQ also returns, in peace, when it lost Redis or met an error of its own
    return 0 if worker._shutdown_requested_date else 1


def _schedule(settings: Settings, connection: Redis) -> None:
    lifecycle.install()
    scheduler = Scheduler(
        [settings.naming.in_rq(queue) for queue in settings.queue_names],
        connection,
        logging_level="WARNING",
        log_format=LOG_FORMAT,
        serializer=JSONSerializer,
        tasks=Tasks.collect(jobs),
    )
    scheduler.acquire_locks()  # type: ignore[no-untyped-call]
    scheduler.work()  # type: ignore[no-untyped-call]


def _cron(settings: Settings, connection: Redis) -> int:
    """Raises `SettingsError` where what the file registers can't run here."""
    if settings.cron is None or not settings.cron.is_file():
        raise SettingsError(f"HEADWAY_CRON: expected a file that registers tasks, got {str(settings.cron or '')!r}")
    lifecycle.install()
    logging.getLogger("rq.cron").setLevel(logging.WARNING)  # or it says each job that it queues
    scheduler, offered = CronScheduler(connection), list(Tasks.collect(jobs))
    try:
        scheduler.load_config_from_file(str(settings.cron))
    except ImportError:  # whatever the file raises; RQ has logged it
        return 1
    for entry in scheduler.get_jobs():
        if getattr(entry.func, "headway_task", None) not in offered:
            expected = f"one of the tasks {', '.join(task.name for task in offered)}"
            raise SettingsError(f"{settings.cron}: expected {expected}, got {entry.func_name!r}")
        if entry.queue_name not in settings.queue_names:
            expected = f"one of the queues {', '.join(settings.queue_names)}"
            raise SettingsError(f"{settings.cron}: {entry.name}: expected {expected}, got {entry.queue_name!r}")
        entry.queue_name = settings.naming.in_rq(entry.queue_name)
    scheduler.start()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
