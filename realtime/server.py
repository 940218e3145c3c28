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

from realtime import green, handlers  # noqa: E402
from realtime.access import Access, Visitor  # noqa: E402
from realtime.app import Services, create_app  # noqa: E402
from realtime.aside import Aside  # noqa: E402
from realtime.connection import NAMELESS, Connection, ending_the_sender  # noqa: E402
from realtime.door import TICK, Door  # noqa: E402
from realtime.edge import Edge  # noqa: E402
from realtime.hardening import Hardened  # noqa: E402
from realtime.hosts import Hosts  # noqa: E402
from realtime.logins import Logins  # noqa: E402
from realtime.meter import Meter  # noqa: E402
from realtime.metrics import Metrics  # noqa: E402
from realtime.packet import StrictPacket  # noqa: E402
from realtime.prefix import Prefix  # noqa: E402
from realtime.relay import Relay  # noqa: E402
from realtime.rights import Rights  # noqa: E402
from realtime.sessions import Session  # noqa: E402
from realtime.stats import Stats  # noqa: E402
from realtime.transport import SocketTransport  # noqa: E402
from workers import chores, embedded, jobs, lifecycle, store, strength  # noqa: E402
from workers import server as redis_server  # noqa: E402
from workers.errors import HeadwayError  # noqa: E402
from workers.settings import Secrets, Settings  # noqa: E402
from workers.tasks import Tasks  # noqa: E402

FRAME_LIMIT = 64 * 1024  # bytes of one message of a client
BACKLOG = 1024
SEND_BUFFER = 128 * 1024  # bytes of one connection in the kernel, which doubles it
UNSENT = 32 * 1024  # bytes of them that the network has not taken: what waits there is old when it is read
PING_INTERVAL = 20  # seconds
PING_TIMEOUT = 10  # seconds
WATCH_INTERVAL = 1  # seconds
DRAIN = 4.0  # seconds over which pages are sent away when the process ends
GOODBYE = 0.5  # seconds for the last of them

log = logging.getLogger("headway.server")


class Requests:
    """Counts the HTTP requests under way, for the drain to wait for."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.under_way = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.under_way += 1
        try:
            return self._app(environ, start_response)
        finally:
            self.under_way -= 1


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
                connection.end("it never connected to a namespace")
            else:
                connection.mind_ping()


def build(settings: Settings, secrets: Secrets) -> tuple[Flask, SocketIO, Relay, Rights, Requests]:
    engineio.socket.Socket = Connection
    Connection.direct = settings.direct
    Connection.listen, Connection.spawn = staticmethod(green.listen), staticmethod(green.spawn)
    green.install()
    redis = store.connect(settings.redis_url, shared=True)
    access = Access(settings, secrets)
    socketio = SocketIO(
        async_mode="eventlet",
        transports=["websocket"],
        cors_allowed_origins=lambda origin, environ: access.is_own_origin(
            origin, environ["wsgi.url_scheme"], environ.get("HTTP_HOST", "")
        ),
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

    meter = Meter()
    Connection.payer_of = staticmethod(meter.of_address(settings.trusted_proxies))
    handlers.register(socketio.server, relay, access, rights, visitors(app), meter)
    engine, manager = socketio.server.eio, socketio.server.manager

    def has_joined(eio_sid: str) -> bool:
        return manager.sid_from_eio_sid(eio_sid, "/") is not None

    engine.handlers["message"] = ending_the_sender(engine, engine.handlers["message"], has_joined)
    return app, socketio, relay, rights, requests


def visitors(app: Flask) -> Callable[[dict[str, Any]], Visitor]:
    """What tells from an opening request who it is from. Raises RedisError where only Redis knows."""
    here: Services = app.extensions["headway"]

    def visitor_of(environ: dict[str, Any]) -> Visitor:
        session = Session()
        if "HTTP_COOKIE" in environ:
            session = here.sessions.open_session(app, app.request_class(environ))
        said = here.logins.read(session)
        who = here.access.visitor(said, environ.get("HTTP_AUTHORIZATION"))
        return replace(who, login=str(session.get("login", "")))

    return visitor_of


def listen(settings: Settings) -> Any:
    family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    # eventlet would share the port by default: a second server would take half of the connections unseen
    listening = eventlet.listen(address, family, backlog=BACKLOG, reuse_port=settings.processes > 1)
    # inherited by each connection: the kernel would keep up to 4 MB for a reader that has stopped
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # not on every system
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return listening


def open_door(settings: Settings, server: Any, listening: Any, watch: int | None) -> Door:
    """Take connections from now on, and have `server` answer their requests."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    door = Edge(settings, files, green.hands(server)).door
    door.open(listening)
    if watch is not None:
        door.open(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=watch), counted=False)
    return door


def serve(settings: Settings, secrets: Secrets, watch: int | None = None) -> None:
    """Until the process is asked to end. `watch`: a listening socket by which its supervisor asks how it is."""
    app, socketio, relay, rights, requests = build(settings, secrets)
    listening = listen(settings)
    housekeeping = store.connect(settings.redis_url)
    history = app.extensions["headway"].history
    names, transport = settings.queue_names, SocketTransport(socketio)
    stats = Stats(housekeeping, names, relay.topics, transport, history, relay.moved, naming=settings.naming)
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
        partial(watch_connections, socketio, relay.metrics),
        sweeper.run,
        stats.run,
        partial(chores.tidy, housekeeping),
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
    log.info("listening on http://%s:%d", settings.host, settings.port)
    while True:
        eventlet.sleep(TICK)
        door.tick()


def _end_in_peace(goodbye: Callable[[], object]) -> None:
    """Upon SIGTERM or SIGINT: `goodbye()`, and the end."""

    def leave() -> None:
        goodbye()
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.hubs.get_hub().schedule_call_global(0, eventlet.spawn, leave))


def drain(relay: Relay, socketio: SocketIO, requests: Requests) -> None:
    """Send the pages away, spread over time so that they don't all come back at once, and close who stays."""
    connections = socketio.server.eio.sockets
    transport = SocketTransport(socketio)
    packet = relay.pulse.drain(DRAIN)
    for sid in transport.connections():
        transport.send(sid, packet())
    ends = time.monotonic() + DRAIN + GOODBYE
    while (transport.connections() or requests.under_way) and time.monotonic() < ends:
        eventlet.sleep(0.05)
    for connection in list(connections.values()):
        connection.close(wait=False, reason="server shutdown")
    eventlet.sleep(GOODBYE if connections else 0)


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
    watch = parser.parse_args().watch
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    lifecycle.install()
    prepare_process()
    try:
        settings = Settings.from_environment(os.environ, Path.cwd())
        if settings.embedded:
            embedded.listens_at(settings)
        with suppress(RedisError):  # it is away: pages are told so
            redis_server.check(store.connect(settings.redis_url))
        secrets = Secrets.from_environment(os.environ, settings.home)
        for warning in strength.judge(settings, secrets):
            log.warning(warning)
        serve(settings, secrets, watch)
        return 0  # asked to end, and all connections have gone before `goodbye` looked
    except HeadwayError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{settings.host}:{settings.port} can't be listened on: {error}. Set PORT or HOST.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
