"""An installation below another one: whatever begins with its prefix is ours, as if it stood at the root."""

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
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return []
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
        environ["PATH_INFO"] = path[len(self._prefix) :]
        return self._app(environ, start_response)
