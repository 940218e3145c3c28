"""What we need of eventlet beyond its patches: a WSGI server that hands connections over, and a hub that calls back."""

from collections.abc import Callable
from typing import Any

import eventlet
import eventlet.hubs
import eventlet.websocket
import eventlet.wsgi
from eventlet.websocket import WebSocketWSGI

LET_GO = "headway.let_go"


class Protocol(eventlet.wsgi.HttpProtocol):  # type: ignore[misc]  # eventlet has no types
    """One HTTP connection; whoever answers a request may keep it."""

    def get_environ(self) -> Any:
        environ = super().get_environ()
        environ[LET_GO] = self.let_go
        return environ

    def let_go(self) -> None:
        """The connection is somebody else's from now on: it is not closed at the end of the request."""
        # the server closes what it finds here
        self.connection = self.conn_state[1] = _Nothing()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            # else it stays open, and with it the connection's file, where the last bytes could not be written
            self.rfile.close()


class _Nothing:
    """In the place of a socket that was handed over."""

    def shutdown(self, how: int) -> None: ...

    def close(self) -> None: ...


class Upgraded:
    """What eventlet makes of an opening handshake that it has answered: the socket, for somebody to keep."""

    def __init__(self, socket: Any, environ: dict[str, Any], *_: Any, **__: Any) -> None:
        self.socket = socket
        self.let_go: Callable[[], None] = environ[LET_GO]

    def _send_closing_frame(self, ignore_send_errors: bool = False) -> None:
        """Called when its handler returns, which has kept the socket."""


def install() -> None:
    eventlet.websocket.RFC6455WebSocket = Upgraded
    # every browser offers it and eventlet has no switch: 100-170 KB more per client, 60 % more CPU per delivery
    WebSocketWSGI._negotiate_permessage_deflate = lambda self, extensions: None


def spawn(task: Callable[[], None]) -> None:
    """Run `task`, of which nobody waits for the end, in a green thread: half the cost of one that can be waited for."""
    eventlet.spawn_n(task)


def listen(file: int, callback: Callable[[int], None]) -> Callable[[], None]:
    """Have the hub itself call `callback(file)` whenever there is something to read; returns what ends that."""
    hub = eventlet.hubs.get_hub()
    listener = hub.add(hub.READ, file, callback, lambda error: None, lambda: None)
    listener.greenlet = hub.greenlet  # else it would keep the green thread alive that happens to call
    return lambda: hub.remove(listener)
