"""The end of a web process: its requests are answered, its pages sent away, and the other clients closed."""

import time
from typing import Any

from flask_socketio import SocketIO

from realtime.connection import RESTART, Connection
from realtime.relay import Relay
from realtime.transport import SocketTransport

DRAIN = 4.0  # seconds over which pages are sent away
GOODBYE = 0.5  # seconds for the last of them


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


def drain(relay: Relay, socketio: SocketIO, requests: Requests) -> None:
    """Send the pages away, spread over time so that they don't all come back at once, and close who stays."""
    connections = socketio.server.eio.sockets
    transport = SocketTransport(socketio)
    packet = relay.pulse.drain(DRAIN)
    for sid in transport.connections():
        transport.send(sid, packet())
    ends = time.monotonic() + DRAIN + GOODBYE
    while (transport.connections() or requests.under_way) and time.monotonic() < ends:
        time.sleep(0.05)
    leaving = [connection for connection in connections.values() if isinstance(connection, Connection)]
    for connection in leaving:
        connection.close(wait=False, reason=RESTART)
    ends = time.monotonic() + GOODBYE
    while not all(connection.has_ended for connection in leaving) and time.monotonic() < ends:
        time.sleep(0.05)
