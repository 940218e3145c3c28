"""Opening requests of Socket.IO: a handshake goes on; all else below its path learns in a sentence what would be one.

Most clients begin with long-polling, which would need sessions that all web processes share. To browsers that may not
read an answer it says nothing, so all may read these, which tell of no one.
"""

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from realtime.access import Access

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]
Headers = list[tuple[str, str]]

HERE = "/socket.io/"
HANDSHAKE = "EIO=4&transport=websocket"  # all that a query can say to us
METHODS = "GET, OPTIONS"
NO_TRANSPORT, NO_SESSION, NO_METHOD, NO_REQUEST, FORBIDDEN, NO_VERSION = range(6)  # Engine.IO's own codes
RETRY_AFTER = "1"  # second
LOGGED = 100  # origins of which the log has a line each; a hostile client can make up any number

KEY_BYTES = 16
ORIGIN = re.compile(r"https?://([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?")
FIELDS = re.compile(r"[A-Za-z0-9-]+(, ?[A-Za-z0-9-]+){0,50}")

WEBSOCKET_ONLY = (
    'This server speaks WebSocket only: io(url, {transports: ["websocket"]}); '
    'in Python connect(url, transports=["websocket"])'
)
NO_FILE = (
    "No file is here: load Socket.IO's client from %s/vendor/socket.io.js (an ES module) or from npm, and call "
    'io(url, {transports: ["websocket"]})'
)
OLD = (
    "This server speaks Engine.IO 4 (Socket.IO 5): use socket.io-client 3 or newer, in Python python-socketio 5 or "
    'newer, and io(url, {transports: ["websocket"]})'
)
LEAVING = "The server restarts; come again in a moment"
ELSEWHERE = "No WebSocket is here: Socket.IO's is at %s/socket.io/"
NO_HANDSHAKE = "Expected the opening handshake of a WebSocket of version 13 (RFC 6455)"

log = logging.getLogger("headway.opening")


@dataclass(frozen=True, slots=True)
class No:
    """Why a request is no opening handshake that we take."""

    status: str
    number: int  # by which Engine.IO calls it
    code: str  # by which the contract does
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class Opening:
    """The middleware in front of Socket.IO's own. It checks what that, and eventlet, are lenient about."""

    def __init__(self, app: WSGI, access: Access, is_leaving: Callable[[], bool]) -> None:
        """`is_leaving`: whether this process ends, so that another is to take the connection."""
        self._app = app
        self._access = access
        self._is_leaving = is_leaving
        self._logged: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not f"{path}/".startswith(HERE):
            if not _wants_websocket(environ):
                return self._app(environ, start_response)
            no: No | None = _bad(NO_REQUEST, ELSEWHERE % environ.get("SCRIPT_NAME", ""))
        elif environ["REQUEST_METHOD"] == "OPTIONS":
            start_response("204 No Content", [*self._sharing(environ), ("Allow", METHODS)])
            return []
        else:
            no = self._refusal(environ, path)
        if no is None:
            # clients may leave the slash out, and name the protocol among others
            environ |= {"PATH_INFO": HERE, "QUERY_STRING": HANDSHAKE, "HTTP_UPGRADE": "websocket"}
            return self._app(environ, start_response)
        said = {"code": no.number, "message": no.message, "error": {"code": no.code, "message": no.message}}
        content = json.dumps(said, ensure_ascii=False).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        start_response(no.status, [*headers, *self._sharing(environ), *no.headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]

    def _refusal(self, environ: dict[str, Any], path: str) -> No | None:
        if path not in (HERE, HERE[:-1]):
            return No("404 Not Found", NO_REQUEST, "not_found", NO_FILE % environ.get("SCRIPT_NAME", ""))
        query = parse_qs(environ.get("QUERY_STRING", ""))
        foreign = "" if self._is_ours(environ) else self._note(environ["HTTP_ORIGIN"])
        polls, version = query.get("transport", ["polling"])[0] != "websocket", query.get("EIO")
        if version != ["4"] and (version or not polls):
            return _bad(NO_VERSION, f"{OLD}{foreign and f'. {foreign}'}")
        if polls:
            return _bad(NO_TRANSPORT, f"{WEBSOCKET_ONLY}{foreign and f'. {foreign}'}")
        if environ["REQUEST_METHOD"] != "GET":
            return No("405 Method Not Allowed", NO_METHOD, "bad_request", NO_HANDSHAKE, (("Allow", METHODS),))
        if "sid" in query:
            return _bad(NO_SESSION, "A session begins with its WebSocket: open it without sid")
        if not _is_handshake(environ):
            return _bad(NO_REQUEST, NO_HANDSHAKE, ("Sec-WebSocket-Version", "13"))
        if foreign:
            return No("403 Forbidden", FORBIDDEN, "forbidden", foreign)
        if self._is_leaving():
            return No("503 Service Unavailable", NO_REQUEST, "unavailable", LEAVING, (("Retry-After", RETRY_AFTER),))
        return None

    def _is_ours(self, environ: Mapping[str, Any]) -> bool:
        return self._access.is_own_origin(
            environ.get("HTTP_ORIGIN"), environ["wsgi.url_scheme"], environ.get("HTTP_HOST", "")
        )

    def _note(self, origin: str) -> str:
        """Why pages of this origin can't connect; also a line of the log, once for each of up to LOGGED origins."""
        named = ORIGIN.fullmatch(origin) is not None
        shown = origin if named else re.sub(r"[^A-Za-z0-9._:/\[\]-]", "?", origin)[:200]
        help_ = f"; if they should be, set HEADWAY_ORIGINS={origin}" if named else ""
        if shown not in self._logged and len(self._logged) < LOGGED:
            self._logged.add(shown)
            log.warning("refused a connection from a page of %s%s", shown, help_.replace("they", "it"))
            if len(self._logged) == LOGGED:
                log.warning("refused connections from pages of %d origins; more of them are not logged", LOGGED)
        return f"Pages of {shown} are not let in{help_}"

    def _sharing(self, environ: Mapping[str, Any]) -> Headers:
        """Headers by which pages of every origin may read our answer."""
        headers = [("Vary", "Origin"), ("Cross-Origin-Resource-Policy", "cross-origin")]
        if "HTTP_ORIGIN" not in environ:
            return headers
        if self._is_ours(environ):  # it may send cookies too, and then no "*" will do
            origin = environ["HTTP_ORIGIN"]
            headers += [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
        else:
            headers += [("Access-Control-Allow-Origin", "*")]
        if environ["REQUEST_METHOD"] == "OPTIONS":
            asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
            headers += [("Access-Control-Allow-Methods", "GET, POST")]
            headers += [("Access-Control-Allow-Headers", asked)] if FIELDS.fullmatch(asked) else []
        return headers


def _bad(number: int, message: str, *headers: tuple[str, str]) -> No:
    return No("400 Bad Request", number, "bad_request", message, headers)


def _is_handshake(environ: Mapping[str, Any]) -> bool:
    """As RFC 6455 §4.2.1 has it; eventlet would take the drafts before it too, whose messages it does not bound."""
    return (
        environ.get("SERVER_PROTOCOL") == "HTTP/1.1"
        and _wants_websocket(environ)
        and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == "13"
        and _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""))
        and environ.get("CONTENT_LENGTH", "0").strip("0") == ""
        and "HTTP_TRANSFER_ENCODING" not in environ
    )


def _wants_websocket(environ: Mapping[str, Any]) -> bool:
    return "upgrade" in _words(environ, "HTTP_CONNECTION") and "websocket" in _words(environ, "HTTP_UPGRADE")


def _words(environ: Mapping[str, Any], name: str) -> list[str]:
    return [word.strip() for word in environ.get(name, "").lower().split(",")]


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False
