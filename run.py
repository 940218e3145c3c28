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

It ends with 0 where it was asked to end, with 2 where a setting or the command line is wrong, with 75 where Redis is
not there, and with 1 upon any other error.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

if sys.flags.safe_path:  # else Python does it itself
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from workers import addresses, append_log, embedded, environment, process, strength, variables
from workers.errors import HeadwayError, SettingsError
from workers.output import Output
from workers.settings import Secrets, Settings
from workers.supervisor import Supervisor
from workers.watchdog import Watchdog

ROOT = Path(__file__).resolve().parent
SPARE = 5.0  # seconds beyond a running job's grace for the parts to end; a second Ctrl-C cuts it short
PATIENCE = 10.0  # seconds after which, and again and again, it is said that a server has not come up yet
NAME_LIMIT = 100  # characters of a worker's name


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", nargs="?", default="all", choices=["all", "web", "worker", "scheduler", "cron", "redis", "channel"]
    )
    parser.add_argument("--queue", help="with worker: one worker for this queue instead of all")
    parser.add_argument("--name", help="with worker --queue: the worker's name")
    parser.add_argument("--new-key", action="store_true", help="with web or all: SECRET_KEY is another one from now on")
    options = parser.parse_args(arguments)
    if options.name is not None:
        check_name(parser, options)
    process.open_standard_streams()
    out = Output.of(sys.stdout)
    try:
        return start(options, Settings.from_environment(os.environ, ROOT), out)
    except (HeadwayError, OSError) as error:
        print(f"headway: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, HeadwayError) else 1
    finally:
        out.close()


def check_name(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ends the process where no one worker is meant, or its name could not be shown, or found again."""
    if options.part != "worker" or not options.queue:
        parser.error("--name: expected with worker and --queue, since a name is one worker's")
    if not options.name.isprintable() or not 0 < len(options.name.strip()) <= NAME_LIMIT:
        parser.error(f"--name: expected 1 to {NAME_LIMIT} characters that can be shown, got {options.name!r}")


def start(options: argparse.Namespace, settings: Settings, out: Output) -> int:
    if options.part == "channel":
        given = environment.of_parts({**os.environ, "REDIS_URL": settings.redis_url}, ROOT)
        return subprocess.call(python("workers.main", "channel"), cwd=ROOT, env=environment.of_worker(given))
    with ExitStack() as held:
        secrets = None
        if options.part in ("all", "web"):
            secrets = Secrets.from_environment(os.environ, settings.home)
            strength.judge(settings, secrets)  # what it only warns of, the web process says
            port = held.enter_context(take_port(settings))
            settings = replace(settings, port=port.getsockname()[1])
            if sys.platform != "linux":
                port.close()  # the web server could not listen there as long as it is held
        given = environment.of_parts(
            {
                **os.environ,
                "HEADWAY_HOME": str(settings.home),
                "REDIS_URL": settings.redis_url,
                "PORT": str(settings.port),
            },
            ROOT,
        )
        supervisor = Supervisor(ROOT, environment.of_worker(given), out, grace=settings.grace + SPARE)
        for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if caught != signal.SIGHUP or signal.getsignal(caught) != signal.SIG_IGN:  # nohup has it ignored
                signal.signal(caught, supervisor.stop)
        for warning in variables.misspelt(os.environ):
            supervisor.say(f"WARNING {warning}")
        if options.part == "redis" or (options.part == "all" and settings.embedded):
            lock = held.enter_context(embedded.claim(settings.home))
            if not add_server(supervisor, settings, given, lock.fileno()):
                return supervisor.run()
        elif code := subprocess.call(python("workers.main", "ping"), cwd=ROOT, env=environment.of_worker(given)):
            return code  # the child has said what is wrong
        add_parts(supervisor, options, settings, given, secrets)
        return supervisor.run()


def add_server(supervisor: Supervisor, settings: Settings, given: Mapping[str, str], lock: int) -> bool:
    """Start the embedded server; whether it has come up. What a power loss has left in its files is mended, or told."""
    command, data = embedded.command(settings), embedded.data(settings)
    if trimmed := append_log.trim(data):
        supervisor.say(trimmed)
    # the server holds the lock too: while it lives, no other may write to its files
    supervisor.add("redis", command, (lock,), environment.of_server(given), outlasts=True)
    while not supervisor.wait_until(lambda: embedded.answers(settings), PATIENCE):
        if supervisor.has_failed and (damage := append_log.damage(data, command[0])):
            supervisor.say(damage)
        if supervisor.is_stopping:
            return False
        supervisor.say("the embedded server has not come up yet: it may have much to read")
    return True


def add_parts(
    supervisor: Supervisor,
    options: argparse.Namespace,
    settings: Settings,
    given: Mapping[str, str],
    secrets: Secrets | None,
) -> None:
    """All parts but the embedded server. `secrets`: the web server's; None: there is none."""
    watchdogs = add_web(supervisor, options, settings, given) if secrets else []
    if options.part in ("all", "scheduler"):
        supervisor.add("scheduler", python("workers.main", "scheduler"))
    if options.part == "cron" or (options.part == "all" and settings.cron):
        supervisor.add("cron", python("workers.main", "cron"))
    if options.part in ("all", "worker"):
        add_workers(supervisor, options, settings, given)
    if secrets:
        announce(supervisor, watchdogs, settings, secrets)


def add_web(
    supervisor: Supervisor, options: argparse.Namespace, settings: Settings, given: Mapping[str, str]
) -> list[Watchdog]:
    watchdogs = [Watchdog(f"{settings.prefix}/healthz") for _ in range(settings.processes)]
    more = ["--new-key"] if options.new_key else []
    for number, watchdog in enumerate(watchdogs):
        supervisor.add(
            "web" if settings.processes == 1 else f"web.{number + 1}",
            [*python("realtime.server"), "--watch", str(watchdog.fileno()), *more],
            keep=(watchdog.fileno(),),
            environment=environment.of_web(given, settings.notices),
            watchdog=watchdog,
        )
    return watchdogs


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


def announce(supervisor: Supervisor, watchdogs: list[Watchdog], settings: Settings, secrets: Secrets) -> None:
    """Print the address once the web server answers, and the operator's link where its token was made here."""
    while not supervisor.wait_until(lambda: any(watchdog.heard for watchdog in watchdogs), PATIENCE):
        if supervisor.is_stopping:
            return
        supervisor.say("the web server has not come up yet; its address is printed as soon as it has")
    url = addresses.url(settings.host, settings.port, f"{settings.prefix}/")
    supervisor.say(f"open {url}")
    if addresses.is_wildcard(settings.host):
        supervisor.say("it listens on every address of this machine")
    if secrets.made_up:
        supervisor.say(f"operators log in at {url}login#token={secrets.operator_token}")


def python(*module: str) -> list[str]:
    return [sys.executable, "-m", *module]


def take_port(settings: Settings) -> socket.socket:
    """The port as the web server will have it, held until then: 0 becomes one that is free.

    Raises `SettingsError` where the port can't be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SettingsError(f"HOST: expected an address of this machine, got {settings.host!r}: {error}") from error
    probe = socket.socket(family, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(address)
    except OSError as error:
        probe.close()
        where = addresses.url(settings.host, settings.port, "")
        raise SettingsError(
            f"{where} can't be had ({error.strerror}); set PORT to a free one, as in PORT=5001"
        ) from error
    return probe


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
