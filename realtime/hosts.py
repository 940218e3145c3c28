"""Answers only to host names that are ours: a foreign page could give us a name of its own (DNS rebinding)."""

import base64
import hashlib
import ipaddress
import json
import logging
import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, select_autoescape

from workers.settings import Settings

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

TEMPLATES = Path(__file__).parent.parent / "frontend" / "templates"
SHOWN = 200  # characters of a foreign name
LOGGED = 100  # names of which the log has a line each; a hostile client can make up any number
STATUS = "421 Misdirected Request"

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5})?)?")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")

log = logging.getLogger("headway.hosts")


def split_host(host: str) -> tuple[str, str]:
    """The name, in small letters and without the dot at its end, and the port of a Host header; '' for what is none."""
    match = _HOST.fullmatch(host)
    if match is None:
        return "", ""
    name = match[1].lower().strip("[]")
    return name.removesuffix("."), match[2] or ""


class Hosts:
    """The middleware around everything. Any other name is answered 421, sockets too.

    An IP address can't be given to a foreign page by DNS, so each is ours; a browser looks up `localhost` nowhere.
    What else the request says of its host (X-Forwarded-Host, an absolute target) is not believed.
    """

    def __init__(self, app: WSGI, settings: Settings, machine: str = "") -> None:
        """`machine` is the name of this machine; '' asks the system."""
        machine = (machine or socket.gethostname()).lower()
        origins = (urlsplit(origin).hostname or "" for origin in settings.origins)
        own = {"localhost", settings.host.lower(), machine, machine.partition(".")[0], *origins}
        self._app = app
        self._any = "*" in settings.hosts
        self._names = frozenset(name for name in {*own, *settings.hosts} if _NAME.fullmatch(name))
        domains = (name.removeprefix("*") for name in settings.hosts if name.startswith(("*.", ".")))
        self._domains = (".localhost", *domains)
        self._page = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(), auto_reload=False
        ).get_template("misdirected.html")
        self._logged: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if self.knows(host):
            return self._app(environ, start_response)
        return self._refuse(host, environ, start_response)

    def knows(self, host: str) -> bool:
        """Whether a request with this Host header is for us. Browsers always send one: without it, a program asks."""
        if not host or self._any:
            return True
        name, _ = split_host(host)
        if name in self._names or _is_address(name):
            return True
        return any(name.endswith(domain) or name == domain[1:] for domain in self._domains)

    def _refuse(self, host: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        name, _ = split_host(host)
        setting = f"HEADWAY_HOSTS={name}" if _NAME.fullmatch(name) and len(name) <= SHOWN else ""
        shown = re.sub(r"[^A-Za-z0-9._:\[\]-]", "?", name or host)[:SHOWN]
        self._note(shown, setting)
        if "text/html" in environ.get("HTTP_ACCEPT", "") and "HTTP_UPGRADE" not in environ:
            body = self._page.render(host=shown, setting=setting)
            kind, policy = "text/html; charset=utf-8", f"default-src 'none'; style-src {_digest_of_style(body)}"
        else:
            message = f"This server doesn't answer to the host name {shown}" + (
                setting and f"; if it should, set {setting}"
            )
            body = json.dumps({"error": {"code": "forbidden", "message": message}})
            kind, policy = "application/json", "default-src 'none'"
        content = body.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(content))), ("Cache-Control", "no-store")]
        headers += [("Content-Security-Policy", f"{policy}; frame-ancestors 'none'")]
        headers += [("X-Content-Type-Options", "nosniff")]
        start_response(STATUS, headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [content]

    def _note(self, shown: str, setting: str) -> None:
        """One line of the log for each name, and no more than LOGGED names."""
        if shown in self._logged or len(self._logged) >= LOGGED:
            return
        self._logged.add(shown)
        log.warning("refused a request for the host name %s%s", shown, setting and f"; if it is ours, set {setting}")
        if len(self._logged) == LOGGED:
            log.warning("refused requests for %d host names; more of them are not logged", LOGGED)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _digest_of_style(page: str) -> str:
    """By which a Content-Security-Policy allows the one style that the page has: it can load no file from here."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
