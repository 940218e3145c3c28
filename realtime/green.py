"""What we need of eventlet beyond its patches: a WSGI server that hands connections over, and a hub that calls back."""

import logging
import socket
from collections.abc import Callable
from http.client import HTTPMessage
from typing import Any

import eventlet
import eventlet.hubs
import eventlet.websocket
import eventlet.wsgi
from eventlet import hubs
from eventlet.greenio import GreenSocket
from eventlet.websocket import WebSocketWSGI

from realtime.body import STREAMS, Body
from realtime.caller import Then
from realtime.door import FULL
from realtime.edge import Hands
from realtime.framing import Head
from realtime.lobby import IDLE_TIME
from realtime.stream import Outgoing
from workers import addresses
from workers.errors import SettingsError
from workers.settings import Settings

LET_GO = "headway.let_go"
BACKLOG = 1024
SEND_BUFFER = 128 * 1024  # bytes of one connection in the kernel, which doubles it
UNSENT = 32 * 1024  # bytes of them that the network has not taken: what waits there is old when it is read
METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"  # that some path has
KEEPALIVE = int(IDLE_TIME)  # seconds; said to clients of HTTP/1.0

log = logging.getLogger("headway.http")


class Protocol(eventlet.wsgi.HttpProtocol):  # type: ignore[misc]  # eventlet has no types
    """One request, from its whole head to its answer; the answerer may keep the connection.

    eventlet's makes the environ and writes the answer. Reading, which it does without deadlines or bounds, is ours.
    """

    def __init__(self, wire: Any, address: Any, head: Head, body: Body, server: Any) -> None:
        # in place of the base's, which reads and answers all requests of a connection
        self.request = self.connection = wire
        self.client_address = address
        self.conn_state = [address, wire, eventlet.wsgi.STATE_REQUEST]
        self.server = server
        self.rfile, self.wfile = None, Outgoing(wire)
        self.command, self.path, self.request_version = head.method, head.target, head.version
        self.requestline = f"{head.method} {head.target} {head.version}"
        self.headers = HTTPMessage()
        for name, value in head.headers:
            self.headers.set_raw(name, value)
        self.close_connection = not head.keeps
        self.kept = False
        self._body = body

    def get_environ(self) -> Any:
        environ = super().get_environ()
        environ[LET_GO] = self.let_go
        environ["SERVER_PROTOCOL"] = self.request_version  # eventlet says 1.0 of all
        environ["wsgi.input"] = environ["eventlet.input"] = self._body
        environ["wsgi.input_terminated"] = True
        environ[STREAMS] = self._body.let_stream
        return environ

    def answer(self) -> Then:
        """Answer the request. Raises nothing: what goes wrong ends the connection."""
        self.environ = self.get_environ()
        self.application = self._answered
        try:
            self.handle_one_response()
        except OSError:
            self.close_connection = True  # nobody is there to read it
        except Exception:
            log.exception("a request could not be answered")
            self.close_connection = True
        del self.environ, self.application  # they know us: else the garbage collector would have to find us
        if self.kept:
            return Then.KEPT
        return Then.LEAVES if self.close_connection or self._body.failed else Then.STAYS

    def _answered(self, environ: dict[str, Any], start_response: Any) -> Any:
        def start(*args: Any) -> Any:
            if self._body.failed or self._body.is_much:
                self.close_connection = True  # nobody reads it, so no other request can be found behind it
            return start_response(*args)

        if environ["PATH_INFO"] == "*":  # OPTIONS, of the server as such (RFC 9110 §9.3.7)
            start("204 No Content", [("Allow", METHODS)])
            return []
        return self.server.app(environ, start)

    def let_go(self) -> bytes:
        """The connection is somebody else's from now on: it is not closed at the end of the request.

        Returns what the client has sent behind it.
        """
        self.kept = True
        return self._body.let_go()


def open_port(settings: Settings) -> Any:
    """The socket of HOST and PORT.

    Raises `SettingsError` where it can't be had, and OSError where the system lacks something else, such as files.
    """
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        # eventlet would share the port by default: a second server would take half of the connections unseen
        listening = eventlet.listen(address, family, backlog=BACKLOG, reuse_port=settings.processes > 1)
    except OSError as error:
        if error.errno in FULL:
            raise
        where = addresses.url(settings.host, settings.port, "")
        raise SettingsError(f"{where} can't be listened on: {error}. Set PORT or HOST.") from error
    # inherited by each connection: the kernel would keep up to 4 MB for a reader that has stopped
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # not on every system
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return listening


def server(listening: Any, app: Any) -> Any:
    """What `Protocol` needs to know of its server."""
    return eventlet.wsgi.Server(
        listening, listening.getsockname(), app, protocol=Protocol, log_output=False, debug=False, keepalive=KEEPALIVE
    )


def hands(server: Any) -> Hands:
    """What the edge needs of eventlet, to have requests answered by this server."""

    def answer(wire: Any, address: Any, head: Head, body: Body) -> Then:
        return Protocol(wire, address, head, body, server).answer()

    return Hands(accept=accept, listen=listen, spawn=spawn, give_way=eventlet.sleep, answer=answer)


def accept(listening: Any) -> tuple[Any, Any]:
    """A connection that waits, as a socket of eventlet, and where it comes from. Raises `OSError`, never waits."""
    wire, address = listening.fd.accept()
    # else the hub may still know the file that had this number before
    hubs.notify_opened(wire.fileno())
    return GreenSocket(wire), address


class Upgraded:
    """What eventlet makes of an opening handshake that it has answered: the socket, for somebody to keep."""

    def __init__(self, socket: Any, environ: dict[str, Any], *_: Any, **__: Any) -> None:
        self.socket = socket
        self.let_go: Callable[[], bytes] = environ[LET_GO]

    def _send_closing_frame(self, ignore_send_errors: bool = False) -> None:
        """Called when its handler returns, which has kept the socket."""


def install() -> None:
    eventlet.websocket.RFC6455WebSocket = Upgraded
    # every browser offers it and eventlet has no switch: 100-170 KB more per client, 60 % more CPU per delivery
    WebSocketWSGI._negotiate_permessage_deflate = lambda self, extensions: None


def spawn(task: Callable[[], None]) -> None:
    """Run `task`, of which nobody waits for the end, in a green thread: half the cost of one that can be waited for."""
    eventlet.spawn_n(task)


def later(seconds: float, task: Callable[[], None]) -> Callable[[], None]:
    """Have the hub call `task` then; returns what takes that back."""
    cancel: Callable[[], None] = eventlet.hubs.get_hub().schedule_call_global(seconds, task).cancel
    return cancel


def listen(file: int, callback: Callable[[int], None]) -> Callable[[], None]:
    """Have the hub itself call `callback(file)` whenever there is something to read; returns what ends that."""
    hub = eventlet.hubs.get_hub()
    listener = hub.add(hub.READ, file, callback, lambda error: None, lambda: None)
    listener.greenlet = hub.greenlet  # else it would keep the green thread alive that happens to call
    return lambda: hub.remove(listener)
