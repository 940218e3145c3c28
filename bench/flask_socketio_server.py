"""Flask-SocketIO as its documentation has it: a room for each job, states emitted by another process over Redis."""

import warnings

# as realtime/server.py does, and for the same reasons
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

import eventlet  # noqa: E402

eventlet.monkey_patch()

import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402

from flask import Flask  # noqa: E402
from flask_socketio import SocketIO, join_room  # noqa: E402


def create_app(url: str) -> tuple[Flask, SocketIO]:
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="eventlet", message_queue=url)

    @socketio.on("join")
    def join(room: str) -> None:
        join_room(room)

    return app, socketio


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    app, socketio = create_app(os.environ["REDIS_URL"])
    # its own limit is 1,024 connections
    socketio.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_output=False, max_size=20_000)
    sys.exit(0)
