"""The web process: all that knows eventlet. Run as `python -m realtime.server`."""

import warnings

# before anything else: redis.retry does `from time import sleep`, which would block the hub if it were imported
# unpatched; and eventlet, which says at each import that it is deprecated, would say so to every operator
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

import eventlet  # noqa: E402

eventlet.monkey_patch()

import logging  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterable  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import engineio.socket  # noqa: E402
import eventlet.wsgi  # noqa: E402
from engineio.exceptions import SocketIsClosedError  # noqa: E402
from engineio.packet import MESSAGE, Packet  # noqa: E402
from eventlet.websocket import WebSocketWSGI  # noqa: E402
from flask import Flask  # noqa: E402
from flask_socketio import SocketIO  # noqa: E402
from redis import Redis  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402

from realtime import handlers  # noqa: E402
from realtime.access import Access  # noqa: E402
from realtime.app import create_app  # noqa: E402
from realtime.relay import Relay  # noqa: E402
from workers import batches, lifecycle, store  # noqa: E402
from workers.errors import HeadwayError  # noqa: E402
from workers.settings import Secrets, Settings  # noqa: E402
from workers.sweeper import Sweeper  # noqa: E402

FRAME_LIMIT = 64 * 1024  # bytes a client may send in one frame
CONNECTION_LIMIT = 20_000  # eventlet's own is 1,024, and the next one would hang
HTTP_TIMEOUT = 30  # seconds for a request to come in; a WebSocket has its own
BACKLOG = 1024
PING_INTERVAL = 20  # seconds
PING_TIMEOUT = 10  # seconds
TIDY_INTERVAL = 30  # seconds
GOODBYE = 0.5  # seconds in which connections are closed before the process ends

log = logging.getLogger("headway.server")


class PromptSocket(engineio.socket.Socket):
    """Sends each packet at once: eventlet's server leaves Nagle's algorithm on, which holds small frames back."""

    def _websocket_handler(self, ws: Any) -> Any:
        ws.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return super()._websocket_handler(ws)


class SocketTransport:
    """The relay's way to its connections. A packet is encoded once, and the same text queued for each."""

    def __init__(self, socketio: SocketIO) -> None:
        self._socketio = socketio
        self._last = ("", Packet(MESSAGE, ""))

    def send(self, sid: str, packet: str) -> None:
        server = self._socketio.server
        eio_sid = server.manager.eio_sid_from_sid(sid, "/")
        connection = server.eio.sockets.get(eio_sid)
        if connection is None or connection.closed:
            return
        if self._last[0] is not packet:
            self._last = (packet, Packet(MESSAGE, packet))
        try:
            connection.send(self._last[1])
        except SocketIsClosedError:
            pass  # it left between the look and the send

    def connections(self) -> Iterable[str]:
        return [sid for sid, _ in self._socketio.server.manager.get_participants("/", None)]


def build(settings: Settings, secrets: Secrets) -> tuple[Flask, SocketIO, Relay]:
    engineio.socket.Socket = PromptSocket
    # every browser offers it and eventlet has no switch: 100-170 KB more per client, 60 % more CPU per delivery
    WebSocketWSGI._negotiate_permessage_deflate = lambda self, extensions: None
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
    )
    relay = Relay(redis, store.connect(settings.redis_url, patient=True), SocketTransport(socketio))
    app = create_app(settings, secrets, redis, is_live=lambda: relay.live)
    handlers.register(socketio, relay, access)
    socketio.init_app(app)
    return app, socketio, relay


def listen(settings: Settings) -> Any:
    family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    # eventlet would share the port by default: a second server would take half of the connections unseen
    return eventlet.listen(address, family, backlog=BACKLOG, reuse_port=settings.processes > 1)


def serve(settings: Settings, secrets: Secrets) -> None:
    app, socketio, relay = build(settings, secrets)
    listening = listen(settings)
    housekeeping = store.connect(settings.redis_url)
    sweeper = Sweeper(housekeeping, settings.queue_names)
    for task in (relay.listen, relay.pump, relay.beat, sweeper.run, partial(tidy, housekeeping)):
        socketio.start_background_task(_forever, task)

    def goodbye() -> None:
        listening.close()
        for connection in list(socketio.server.eio.sockets.values()):
            connection.close(wait=False, reason="server shutdown")
        eventlet.sleep(GOODBYE)
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.hubs.get_hub().schedule_call_global(0, eventlet.spawn, goodbye))
    log.info("listening on http://%s:%d", settings.host, settings.port)
    eventlet.wsgi.server(
        listening,
        app,
        max_size=CONNECTION_LIMIT,
        socket_timeout=HTTP_TIMEOUT,
        keepalive=HTTP_TIMEOUT,
        log_output=False,
        debug=False,
    )


def tidy(redis: Redis) -> None:
    """Take back what dead processes left half done, for ever."""
    while True:
        try:
            batches.take_back_abandoned(redis)
        except RedisError as error:
            log.warning("abandoned submits were not looked for: %s", error)
        eventlet.sleep(TIDY_INTERVAL)


def _forever(task: Any) -> None:
    """A part of the relay that ends, whatever the reason, must not leave a server that looks alive and is deaf."""
    try:
        task()
    except Exception:
        log.critical("%s ended; the process ends with it", task, exc_info=True)
    os._exit(1)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    lifecycle.install()
    try:
        settings = Settings.from_environment(os.environ, Path.cwd())
        serve(settings, Secrets.from_environment(os.environ, settings.home))
    except HeadwayError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{settings.host}:{settings.port} can't be listened on: {error}. Set PORT or HOST.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
