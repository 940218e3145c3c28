"""`python -m workers.main worker | scheduler | cron | ping | check | channel`: one process of the workers' side."""

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

from workers import database, embedded, environment, installation, jobs, lifecycle, server, store, unreachable
from workers.cron import Cron
from workers.errors import AWAY, WRONG, BadArguments, HeadwayError, SettingsError
from workers.fields import with_fields
from workers.redis_url import ENCODE
from workers.scheduler import Scheduler
from workers.settings import Settings
from workers.small import BatchingWorker
from workers.tasks import Tasks

LOG_FORMAT = "%(levelname)s %(message)s"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="workers.main", description=__doc__)
    parser.add_argument("part", choices=["worker", "scheduler", "cron", "ping", "check", "channel"])
    parser.add_argument("--queue", help="the one queue this worker takes jobs from")
    parser.add_argument("--name", help="the worker's name; unique among those alive")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    try:
        settings = Settings.from_environment(os.environ, Path.cwd())
        if options.part == "check":
            return _check(settings)
        if options.part == "channel":
            print(database.channel_of(store.connect(settings.redis_url)))
            return 0
        if settings.embedded:
            embedded.listens_at(settings)
        connection = _connect(settings)
        if options.part == "ping":
            server.check_use(connection)
        if options.part == "worker":
            return _work(settings, connection, options.queue or settings.queue_names[0], options.name)
        if options.part == "scheduler":
            _schedule(settings)
        if options.part == "cron":
            return _cron(settings)
        return 0
    except (RedisError, OSError) as error:
        said = unreachable.why(error, os.environ.get("REDIS_URL", ""))
        print(said, file=sys.stderr)
        return WRONG if said.startswith(unreachable.SETTING) else AWAY
    except HeadwayError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _check(settings: Settings) -> int:
    """Say which tasks would be left out: 1 where there are some."""
    broken = Tasks.collect(jobs, settings.queue_names).broken
    for one in broken:
        print(one, file=sys.stderr)
    return 1 if broken else 0


def _connect(settings: Settings) -> Redis:
    """A client whose server is up, new enough, and not used by a newer release. Raises `SettingsError`, RedisError."""
    try:
        connection = store.connect(settings.redis_url)
        connection.ping()
    except (TypeError, ValueError):  # redis-py's, of options that it does not know: its text has them
        expected = "options that redis-py knows, such as ?ssl_ca_certs=/etc/ca.pem"
        raise SettingsError(f"REDIS_URL: expected {expected}; {ENCODE}") from None
    server.check(connection)
    installation.check(connection)
    return connection


def _work(settings: Settings, connection: Redis, queue: str, name: str | None) -> int:
    if queue not in settings.queue_names:
        raise SettingsError(f"--queue: expected one of {', '.join(settings.queue_names)}, got {queue!r}")
    lifecycle.install()
    for secret in environment.secrets_kept_from(queue):
        os.environ.pop(secret, None)  # what a task starts would inherit them
    if not environment.sends_news(queue):
        settings = replace(settings, webhook_secrets=(), mail_server=None)
    tasks = Tasks.collect(jobs, settings.queue_names)
    tasks.warn()
    worker = BatchingWorker(
        settings.naming.in_rq(queue),
        settings=settings,
        tasks=tasks,
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


def _schedule(settings: Settings) -> None:
    # it outlives Redis, as workers do: retries, schedules and acts that can be undone would stand still after an outage
    connection = store.connect(settings.redis_url, enduring=True)
    queues = [settings.naming.in_rq(queue) for queue in settings.queue_names]
    Scheduler(queues, connection, tasks=Tasks.collect(jobs)).run()


def _cron(settings: Settings) -> int:
    """Raises `SettingsError` where what the file registers can't run here."""
    if settings.cron is None or not settings.cron.is_file():
        raise SettingsError(f"HEADWAY_CRON: expected a file that registers tasks, got {str(settings.cron or '')!r}")
    lifecycle.install()
    logging.getLogger("rq.cron").setLevel(logging.WARNING)  # or it says each job that it queues
    scheduler, offered = Cron(store.connect(settings.redis_url, enduring=True)), list(Tasks.collect(jobs))
    try:
        scheduler.load_config_from_file(str(settings.cron))
    except ImportError:  # whatever the file raises; RQ has logged it
        return 1
    for entry in scheduler.get_jobs():
        task = getattr(entry.func, "headway_task", None)
        if task not in offered:
            expected = f"one of the tasks {', '.join(task.name for task in offered)}"
            raise SettingsError(f"{settings.cron}: expected {expected}, got {entry.func_name!r}")
        if entry.queue_name not in settings.queue_names:
            expected = f"one of the queues {', '.join(settings.queue_names)}"
            raise SettingsError(f"{settings.cron}: {entry.name}: expected {expected}, got {entry.queue_name!r}")
        entry.queue_name = settings.naming.in_rq(entry.queue_name)
        try:
            task.keep(task.bind(entry.args, entry.kwargs))
        except BadArguments as error:
            raise SettingsError(f"{settings.cron}: {entry.name}: {with_fields(error)}") from error
    scheduler.start()  # type: ignore[no-untyped-call]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
