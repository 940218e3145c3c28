#!/usr/bin/env python3
"""The one command: starts all of Headway, or one part of it, and ends it cleanly.

    python run.py                 everything
    python run.py web             the web server
    python run.py worker          the workers of every queue; with --queue NAME [--name NAME] one worker
    python run.py scheduler       what queues retries and scheduled jobs when their time has come
    python run.py cron            what queues the tasks of HEADWAY_CRON again and again: one in all
    python run.py redis           the embedded server
    python run.py channel         prints the name of the Redis channel that updates travel on

The only place that starts processes, by workers/supervisor.py. It imports neither eventlet nor redis.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from workers import append_log, embedded, environment, strength
from workers.errors import HeadwayError, SettingsError
from workers.settings import Secrets, Settings
from workers.supervisor import Supervisor
from workers.watchdog import Watchdog

ROOT = Path(__file__).resolve().parent
SPARE = 5.0  # seconds beyond a running job's grace for the parts to end; a second Ctrl-C cuts it short
READY_WITHIN = 10.0  # seconds for the embedded server to answer
LOADED_WITHIN = 3600.0  # seconds for it to load its data


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", nargs="?", default="all", choices=["all", "web", "worker", "scheduler", "cron", "redis", "channel"]
    )
    parser.add_argument("--queue", help="with worker: one worker for this queue instead of all")
    parser.add_argument("--name", help="with worker --queue: the worker's name")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ, ROOT)
        return start(options, settings)
    except (HeadwayError, OSError) as error:
        print(f"headway: {error}", file=sys.stderr)
        return 1


def start(options: argparse.Namespace, settings: Settings) -> int:
    given = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "HEADWAY_HOME": str(settings.home),
        "REDIS_URL": settings.redis_url,
    }
    if options.part == "channel":
        return subprocess.call(python("workers.main", "channel"), cwd=ROOT, env=environment.of_worker(given))
    supervisor = Supervisor(ROOT, environment.of_worker(given), sys.stdout, grace=settings.grace + SPARE)
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, supervisor.stop)
    secrets = None
    if options.part in ("all", "web"):
        secrets = Secrets.from_environment(os.environ, settings.home)
        strength.judge(settings, secrets)  # what it only warns of, the web process says
        check_port(settings)
    lock = None  # held while the embedded server runs
    if options.part == "redis" or (options.part == "all" and settings.embedded):
        lock = embedded.claim(settings.home)
        if not add_server(supervisor, settings, given, lock.fileno()):
            supervisor.give_up("the embedded server did not come up")
            return supervisor.run()
    elif subprocess.call(python("workers.main", "ping"), cwd=ROOT, env=environment.of_worker(given)) != 0:
        return 1  # the child has said what is wrong
    if secrets:
        add_web(supervisor, settings, given)
    if options.part in ("all", "scheduler"):
        supervisor.add("scheduler", python("workers.main", "scheduler"))
    if options.part == "cron" or (options.part == "all" and settings.cron):
        supervisor.add("cron", python("workers.main", "cron"))
    if options.part in ("all", "worker"):
        add_workers(supervisor, options, settings, given)
    if secrets:
        announce(supervisor, settings, secrets)
    try:
        return supervisor.run()
    finally:
        if lock is not None:
            lock.close()


def add_server(supervisor: Supervisor, settings: Settings, given: Mapping[str, str], lock: int) -> bool:
    """Start the embedded server; whether it comes up. What a power loss has left in its files is mended, or told."""
    command, data = embedded.command(settings), embedded.data(settings)
    if trimmed := append_log.trim(data):
        supervisor.say(trimmed)
    # the server holds the lock too: while it lives, no other may write to its files
    supervisor.add("redis", command, (lock,), environment.of_server(given))
    if comes_up(supervisor, settings):
        return True
    if supervisor.has_failed and (damage := append_log.damage(data, command[0])):
        supervisor.say(damage)
    return False


def comes_up(supervisor: Supervisor, settings: Settings) -> bool:
    """Whether the embedded server does, however long it takes to load what it has."""

    def answers() -> bool:
        return embedded.answers(settings)

    if supervisor.wait_until(answers, READY_WITHIN):
        return True
    return embedded.is_loading(settings) and supervisor.wait_until(answers, LOADED_WITHIN)


def add_web(supervisor: Supervisor, settings: Settings, given: Mapping[str, str]) -> None:
    for number in range(settings.processes):
        watchdog = Watchdog(f"{settings.prefix}/healthz")
        supervisor.add(
            "web" if settings.processes == 1 else f"web.{number + 1}",
            [*python("realtime.server"), "--watch", str(watchdog.fileno())],
            keep=(watchdog.fileno(),),
            environment=environment.of_web(given, settings.notices),
            watchdog=watchdog,
        )


def add_workers(
    supervisor: Supervisor, options: argparse.Namespace, settings: Settings, given: Mapping[str, str]
) -> None:
    def add(name: str, queue: str, *more: str) -> None:
        command = python("workers.main", "worker", "--queue", queue, *more)
        supervisor.add(name, command, environment=environment.of_worker(given, queue))

    if options.queue:
        add(options.name or options.queue, options.queue, *(["--name", options.name] if options.name else []))
        return
    for queue in settings.queues:
        for number in range(queue.workers):
            add(f"{queue.name}.{number + 1}", queue.name)


def announce(supervisor: Supervisor, settings: Settings, secrets: Secrets) -> None:
    """Print the address once the web server answers, and the operator's link where its token was made here."""
    address = (settings.host, settings.port)
    if not supervisor.wait_until(lambda: connects(address), READY_WITHIN):
        return
    url = f"http://{settings.host}:{settings.port}{settings.prefix}/"
    supervisor.say(f"open {url}")
    if secrets.made_up:
        supervisor.say(f"operators log in at {url}login#token={secrets.operator_token}")


def python(*module: str) -> list[str]:
    return [sys.executable, "-m", *module]


def check_port(settings: Settings) -> None:
    """Raises `SettingsError` where the port can't be had."""
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SettingsError(f"HOST: expected an address of this machine, got {settings.host!r}: {error}") from error
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise SettingsError(
                f"{where} can't be had ({error.strerror}); set PORT to a free one, as in PORT=5001"
            ) from error


def connects(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
