"""An installation below another one: whatever begins with its prefix is ours, as if it stood at the root."""

import json
from collections.abc import Callable, Iterable
from typing import Any

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Prefix:
    """`app` below `prefix` ("/jobs"); what is not below it is not found."""

    def __init__(self, app: WSGI, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == self._prefix:
            start_response("308 Permanent Redirect", [("Location", f"{self._prefix}/"), ("Content-Length", "0")])
            return []
        if not path.startswith(f"{self._prefix}/"):
            return self._refuse(environ, start_response)
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
        environ["PATH_INFO"] = path[len(self._prefix) :]
        return self._app(environ, start_response)

    def _refuse(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Say where it is, to pages of every origin: clients of Socket.IO look for it at the root."""
        message = f"Nothing is here: this installation lies below {self._prefix}/"
        if environ.get("PATH_INFO", "").startswith("/socket.io"):
            message += f'; io(url, {{path: "{self._prefix}/socket.io", transports: ["websocket"]}})'
        content = json.dumps({"error": {"code": "not_found", "message": message}}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        headers += [("Access-Control-Allow-Origin", "*"), ("Cross-Origin-Resource-Policy", "cross-origin")]
        start_response("404 Not Found", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]
