"""The web process: all that knows eventlet. Run as `python -m realtime.server`."""

import warnings

# before anything else: redis.retry does `from time import sleep`, which would block the hub if it were imported
# unpatched; and eventlet, which says at each import that it is deprecated, would say so to every operator
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

import eventlet  # noqa: E402

eventlet.monkey_patch()

import argparse  # noqa: E402
import gc  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from contextlib import suppress  # noqa: E402
from dataclasses import replace  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import engineio.socket  # noqa: E402
from flask import Flask  # noqa: E402
from flask_socketio import SocketIO  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402
from wsproto.frame_protocol import CloseReason  # noqa: E402

from realtime import green, handlers  # noqa: E402
from realtime.access import Access, Visitor  # noqa: E402
from realtime.app import Services, create_app  # noqa: E402
from realtime.aside import Aside  # noqa: E402
from realtime.connection import NAMELESS, Connection, ending_the_sender  # noqa: E402
from realtime.door import TICK, Door  # noqa: E402
from realtime.drain import Requests, drain  # noqa: E402
from realtime.edge import Edge  # noqa: E402
from realtime.hardening import Hardened  # noqa: E402
from realtime.hosts import Hosts  # noqa: E402
from realtime.logins import Logins  # noqa: E402
from realtime.meter import Meter  # noqa: E402
from realtime.metrics import Metrics  # noqa: E402
from realtime.opening import Opening  # noqa: E402
from realtime.packet import StrictPacket  # noqa: E402
from realtime.prefix import Prefix  # noqa: E402
from realtime.relay import Relay  # noqa: E402
from realtime.rights import Rights  # noqa: E402
from realtime.sessions import Session  # noqa: E402
from realtime.stats import Stats  # noqa: E402
from realtime.transport import SocketTransport  # noqa: E402
from workers import addresses, chores, embedded, jobs, lifecycle, store, strength  # noqa: E402
from workers import server as redis_server  # noqa: E402
from workers.errors import HeadwayError  # noqa: E402
from workers.process import asked_to_end  # noqa: E402
from workers.settings import Secrets, Settings  # noqa: E402
from workers.tasks import Tasks  # noqa: E402

FRAME_LIMIT = 64 * 1024  # bytes of one message of a client
PING_INTERVAL = 20  # seconds
PING_TIMEOUT = 10  # seconds
WATCH_INTERVAL = 1  # seconds

log = logging.getLogger("headway.server")


def watch_connections(socketio: SocketIO, metrics: Metrics) -> None:
    """End connections that don't read, and those that never said who they are; for ever."""
    server = socketio.server
    while True:
        eventlet.sleep(WATCH_INTERVAL)
        now = time.monotonic()
        for eio_sid, connection in list(server.eio.sockets.items()):
            if not isinstance(connection, Connection) or connection.closed:
                continue
            if connection.is_slow:
                metrics.slow_closes.inc()
                connection.end("it does not read")
            elif now - connection.opened_at > NAMELESS and server.manager.sid_from_eio_sid(eio_sid, "/") is None:
                connection.refuse(CloseReason.POLICY_VIOLATION, f"expected CONNECT within {NAMELESS:g} s")
            else:
                connection.mind_ping()


def build(settings: Settings, secrets: Secrets) -> tuple[Flask, SocketIO, Relay, Rights, Requests]:
    engineio.socket.Socket = Connection
    Connection.direct = settings.direct
    Connection.listen, Connection.spawn = staticmethod(green.listen), staticmethod(green.spawn)
    Connection.later = staticmethod(green.later)
    green.install()
    redis = store.connect(settings.redis_url, shared=True)
    access = Access(settings, secrets)
    socketio = SocketIO(
        async_mode="eventlet",
        transports=["websocket"],
        cors_allowed_origins=[],  # it does not look: `Opening` does
        max_http_buffer_size=FRAME_LIMIT,
        async_handlers=False,  # a client's watch and unwatch stay in order
        manage_session=False,
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_TIMEOUT,
        json=handlers.WireJSON,
        serializer=StrictPacket,
    )
    subscriber = store.connect(settings.redis_url)
    transport = SocketTransport(socketio)
    relay = Relay(redis, subscriber, transport, conflate=settings.conflate)
    rights = Rights(relay, access, transport, Logins(redis))
    relay.on_recheck = rights.recheck
    aside = Aside(Tasks.collect(jobs))
    app = create_app(settings, secrets, redis, pulse=relay.pulse, metrics=relay.metrics, read_aside=aside.read)
    app.wsgi_app = requests = Requests(app.wsgi_app)  # type: ignore[method-assign]
    socketio.init_app(app)
    opening = Opening(app.wsgi_app, access, lambda: relay.pulse.state == "draining")
    app.wsgi_app = opening  # type: ignore[method-assign]

    meter = Meter()
    Connection.payer_of = staticmethod(meter.of_address(settings.trusted_proxies))
    handlers.register(socketio.server, relay, access, rights, visitors(app), meter)
    engine, manager = socketio.server.eio, socketio.server.manager

    def has_joined(eio_sid: str) -> bool:
        return manager.sid_from_eio_sid(eio_sid, "/") is not None

    engine.handlers["message"] = ending_the_sender(engine, engine.handlers["message"], has_joined)
    return app, socketio, relay, rights, requests


def visitors(app: Flask) -> Callable[[dict[str, Any], str | None], Visitor]:
    """What tells from an opening request and `Authorization` who it is from.

    Raises RedisError where only Redis knows.
    """
    here: Services = app.extensions["headway"]

    def visitor_of(environ: dict[str, Any], authorization: str | None) -> Visitor:
        session = Session()
        if "HTTP_COOKIE" in environ:
            session = here.sessions.open_session(app, app.request_class(environ))
        said = here.logins.read(session)
        who = here.access.visitor(said, authorization)
        by_token = here.access.visitor({}, authorization).sees  # such a right does not end with a logout
        return replace(who, login="" if by_token else str(session.get("login", "")))

    return visitor_of


def open_door(settings: Settings, server: Any, listening: Any, watch: int | None) -> Door:
    """Take connections from now on, and have `server` answer their requests."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    door = Edge(settings, files, green.hands(server)).door
    door.open(listening)
    if watch is not None:
        door.open(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=watch), counted=False)
    return door


def serve(settings: Settings, secrets: Secrets, watch: int | None = None, new_key: bool = False) -> None:
    """Until the process is asked to end. `watch`: a listening socket by which its supervisor asks how it is; `new_key`:
    SECRET_KEY is another one from now on. Raises `SettingsError`."""
    housekeeping = store.connect(settings.redis_url)
    membership = chores.Membership(housekeeping, settings, secrets.secret_key, new_key=new_key)
    membership.renew()
    app, socketio, relay, rights, requests = build(settings, secrets)
    listening = green.open_port(settings)
    history = app.extensions["headway"].history
    names, transport = settings.queue_names, SocketTransport(socketio)
    moved, now = relay.moved, relay.pulse.now
    stats = Stats(housekeeping, names, relay.topics, transport, history, moved, naming=settings.naming, now=now)
    sweeper = chores.sweeper(settings, housekeeping, relay.metrics.lost_workers.inc)
    for task in (
        relay.listen,
        relay.pump,
        relay.catch_up,
        relay.logs.run,
        rights.expire,
        rights.review,
        relay.pulse.beat,
        partial(relay.pulse.mind, relay.channel.drop),
        partial(relay.pulse.probe, store.connect(settings.redis_url)),
        partial(relay.pulse.look_around, housekeeping, [settings.naming.in_rq(name) for name in names]),
        partial(watch_connections, socketio, relay.metrics),
        sweeper.run,
        stats.run,
        partial(chores.tidy, housekeeping, membership.renew),
    ):
        socketio.start_background_task(_forever, task)

    below = Prefix(app, settings.prefix) if settings.prefix else app
    server = green.server(listening, Hardened(Hosts(below, settings)))
    door = open_door(settings, server, listening, watch)

    def goodbye() -> None:
        door.close()
        server.keepalive = False
        drain(relay, socketio, requests)

    _end_in_peace(goodbye)
    log.info("listening on %s", addresses.url(settings.host, listening.getsockname()[1], ""))
    while True:
        eventlet.sleep(TICK)
        door.tick()


def _end_in_peace(goodbye: Callable[[], object]) -> None:
    """Upon SIGTERM, SIGINT or SIGHUP: `goodbye()`, and the end."""

    def leave() -> None:
        goodbye()
        os._exit(0)

    for number in asked_to_end():
        signal.signal(number, lambda *_: eventlet.hubs.get_hub().schedule_call_global(0, eventlet.spawn, leave))


def _forever(task: Any) -> None:
    """A part of the relay that ends, whatever the reason, must not leave a server that looks alive and is deaf."""
    try:
        task()
    except Exception:
        log.critical("%s ended; the process ends with it", task, exc_info=True)
    os._exit(1)


def prepare_process() -> None:
    """Make room for as many connections as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # each connection is some fifty objects that stay: looking through all of them over and over was a third of what
    # a connect cost
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def main() -> int:
    parser = argparse.ArgumentParser(prog="realtime.server", description="The web process.")
    parser.add_argument("--watch", type=int, help="a listening socket that it inherits: its supervisor asks there")
    parser.add_argument("--new-key", action="store_true", help="SECRET_KEY is another one from now on")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    lifecycle.install()
    prepare_process()
    try:
        settings = Settings.from_environment(os.environ, Path.cwd())
        if settings.embedded:
            embedded.listens_at(settings)
        with suppress(RedisError):  # Redis is away: pages say so
            redis_server.check(store.connect(settings.redis_url))
        secrets = Secrets.from_environment(os.environ, settings.home)
        for warning in strength.judge(settings, secrets):
            log.warning(warning)
        serve(settings, secrets, options.watch, options.new_key)
        return 0  # asked to end, and all connections have gone before `goodbye` looked
    except HeadwayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"the web server has to end: {error.strerror or error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
