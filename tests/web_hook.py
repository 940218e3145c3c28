"""A receiver of webhooks on loopback, which verifies them as any other would: with the library of the standard."""

import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


class Request(BaseHTTPRequestHandler):
    server: "WebHook"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): text for name, text in self.headers.items()}
        self.server.heads.append(headers)
        self.server.ids.append(headers["webhook-id"])
        self.server.bodies.append(body)
        status, more = self.server.answers.popleft() if self.server.answers else (204, {})
        try:
            self.server.events.append(self.server.verifier.verify(body, headers))
        except Exception as error:
            self.server.wrong.append(repr(error))
            status = 401
        self.send_response(status)
        for name, text in {"Content-Length": "0", **more}.items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass  # the tests read `events`


class WebHook(ThreadingHTTPServer):
    """Takes what is signed with `secret`; `answers` are the next ones it gives, then 204."""

    daemon_threads = True

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.verifier = Webhook(secret)
        self.url = f"http://127.0.0.1:{self.server_port}/hook/a-secret-path"
        self.answers: deque[tuple[int, dict[str, str]]] = deque()
        self.heads: list[dict[str, str]] = []
        self.ids: list[str] = []
        self.bodies: list[bytes] = []
        self.events: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
