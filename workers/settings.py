"""The settings: environment variables, read once, here, by whoever starts a process."""

import base64
import binascii
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from workers import addresses
from workers.errors import SettingsError
from workers.wire import INTERNAL_QUEUE, is_address

BOOKS_URL = "https://www.goodreads.com/book/show/"
CONTACT = "https://example.com/"  # nobody's; Apple's push service refuses names such as localhost
SMTP_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS


@dataclass(frozen=True)
class QueueSetting:
    name: str
    workers: int


@dataclass(frozen=True)
class MailServer:
    scheme: str  # smtp, smtps (TLS from the start) or smtp+starttls
    host: str
    port: int
    user: str = field(default="", repr=False)  # '' = nobody logs in
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    home: Path  # data of this installation
    redis_url: str
    embedded: bool  # whether redis_url is the server that run.py starts
    host: str
    port: int
    processes: int
    queues: tuple[QueueSetting, ...]
    origins: tuple[str, ...]  # foreign origins whose pages may use the API
    environment: str  # e.g. production; shown to operators
    allow_private_fetch: bool
    books_url: str
    verdict: int  # seconds that a worker may be silent before its job is failed, or tried again
    direct: bool  # whether frames are written to sockets at once where the kernel takes them
    conflate: bool  # whether a newer state of a job takes the place of one that has not been sent
    grace: int  # seconds that a running job has to end when its worker is asked to
    contact: str  # whom push services may turn to: mailto:… or https://…
    webhook_secret: bytes = field(repr=False)  # signs webhooks; b"" = there are none
    mail_server: MailServer | None
    mail_from: str  # '' = no mail is sent
    read_only: bool = False  # whether nobody may submit, nor act on anything
    prefix: str = ""  # what paths begin with: "/jobs", or '' at the root
    cron: Path | None = None  # a file that registers what is queued again and again, as RQ's cron reads it
    trusted_proxies: tuple[addresses.Network, ...] = ()  # their X-Forwarded-For names the client
    max_connections: int = 20_000  # open sockets of a web process; fewer where it may have fewer files
    max_per_address: int = 10_000  # of them, from one address
    max_unfinished: int = 256  # requests of one address at once whose head or body is not complete

    @property
    def queue_names(self) -> tuple[str, ...]:
        return tuple(queue.name for queue in self.queues)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], home: Path) -> "Settings":
        """Raises `SettingsError` naming the variable, what was expected and what came."""
        home = Path(environ.get("HEADWAY_HOME") or home / ".headway").absolute()
        url = environ.get("REDIS_URL", "")
        # never repeated in an error: it may hold a password
        scheme = _scheme(url)
        if url and scheme not in ("redis", "rediss", "unix"):
            raise SettingsError(_expected("REDIS_URL", "redis://…, rediss://… or unix://…", scheme or "text"))
        return cls(
            home=home,
            redis_url=url or f"unix://{socket_path(home)}",
            embedded=not url,
            host=environ.get("HOST") or "127.0.0.1",
            port=_integer(environ, "PORT", 5000, 0, 65535),
            processes=_integer(environ, "HEADWAY_PROCESSES", 1, 1, 64),
            queues=_queues(environ.get("HEADWAY_QUEUES") or "default:2,bookInfoParser:1"),
            origins=tuple(_origin(part) for part in environ.get("HEADWAY_ORIGINS", "").split(",") if part.strip()),
            environment=environ.get("HEADWAY_ENV", ""),
            allow_private_fetch=environ.get("HEADWAY_ALLOW_PRIVATE_FETCH", "") == "1",
            # with a slash at its end, or https://books.example would also begin https://books.example.evil
            books_url=(environ.get("HEADWAY_BOOKS_URL") or BOOKS_URL).rstrip("/") + "/",
            verdict=_integer(environ, "HEADWAY_VERDICT", 30, 5, 86400),
            direct=environ.get("HEADWAY_DIRECT", "") != "0",
            conflate=environ.get("HEADWAY_CONFLATE", "") != "0",
            grace=_integer(environ, "HEADWAY_GRACE", 8, 0, 86400),
            contact=_contact(environ.get("HEADWAY_CONTACT") or CONTACT),
            webhook_secret=_webhook_secret(environ.get("HEADWAY_WEBHOOK_SECRET", "")),
            mail_server=_mail_server(environ.get("HEADWAY_SMTP_URL", "")),
            mail_from=_mail_from(environ.get("HEADWAY_MAIL_FROM", "")),
            read_only=environ.get("HEADWAY_READ_ONLY", "") not in ("", "0"),
            prefix=_prefix(environ.get("HEADWAY_PREFIX", "")),
            cron=Path(cron).absolute() if (cron := environ.get("HEADWAY_CRON", "").strip()) else None,
            max_connections=_integer(environ, "HEADWAY_MAX_CONNECTIONS", 20_000, 16, 999_999),
            max_per_address=_integer(environ, "HEADWAY_MAX_PER_ADDRESS", 10_000, 1, 999_999),
            max_unfinished=_integer(environ, "HEADWAY_MAX_UNFINISHED", 256, 1, 999_999),
            trusted_proxies=_trusted_proxies(environ.get("HEADWAY_TRUSTED_PROXIES", "")),
        )


@dataclass(frozen=True)
class Secrets:
    secret_key: str  # signs session cookies
    operator_token: str
    made_up: bool  # whether the operator's token was made here, so that someone must be told of it
    viewer_token: str = ""  # '': nobody can log in as a viewer

    def __repr__(self) -> str:
        return "Secrets(…)"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], home: Path) -> "Secrets":
        """The given secrets; others are made once and kept in `<home>/secrets`, readable by its owner alone.

        Raises `SettingsError` where viewers would log in as operators.
        """
        given = environ.get("SECRET_KEY", ""), environ.get("HEADWAY_OPERATOR_TOKEN", "")
        kept = {} if all(given) else _kept_secrets(home)
        made = cls(
            given[0] or kept["secret_key"],
            given[1] or kept["operator_token"],
            not given[1],
            environ.get("HEADWAY_VIEWER_TOKEN", ""),
        )
        if made.viewer_token == made.operator_token:
            raise SettingsError("HEADWAY_VIEWER_TOKEN: expected another token than the operator's, got the same")
        return made


def socket_path(home: Path) -> Path:
    """Where the embedded server listens: in `home`, or, where that path is too long for a socket, beside it in /tmp."""
    path = home / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"headway-{os.getuid()}-{digest}" / "redis.sock"


def _kept_secrets(home: Path) -> dict[str, str]:
    path = home / "secrets"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = json.dumps({"secret_key": secrets.token_urlsafe(32), "operator_token": secrets.token_urlsafe(24)})
    # written aside and linked, so that of several processes one makes them and none reads half a file
    with tempfile.NamedTemporaryFile("w", dir=home, prefix="secrets-") as file:
        file.write(made)
        file.flush()
        try:
            os.link(file.name, path)
        except FileExistsError:
            made = path.read_text()
    try:
        kept = json.loads(made)
        return {name: str(kept[name]) for name in ("secret_key", "operator_token")}
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path}: expected the JSON that Headway wrote; delete the file to have new secrets made"
        ) from error


def _expected(name: str, expected: str, got: str) -> str:
    return f"{name}: expected {expected}, got {got!r}"


def _integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
        raise SettingsError(_expected(name, f"a whole number from {low} to {high}", text))
    return int(text)


def _queues(text: str) -> tuple[QueueSetting, ...]:
    expected = "queues with their number of workers such as 'default:2,mail:1'"
    queues = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([A-Za-z0-9_.-]{1,64})(?::([0-9]{1,3}))?\s*", part)
        if not match or int(match[2] or 1) == 0:
            raise SettingsError(_expected("HEADWAY_QUEUES", expected, text))
        queues.append(QueueSetting(match[1], int(match[2] or 1)))
    if len({queue.name for queue in queues}) != len(queues):
        raise SettingsError(_expected("HEADWAY_QUEUES", "each queue once", text))
    if INTERNAL_QUEUE not in {queue.name for queue in queues}:
        queues.append(QueueSetting(INTERNAL_QUEUE, 1))
    return tuple(queues)


def _contact(text: str) -> str:
    parts = urlsplit(text) if _scheme(text) == "https" else None
    if not (parts and parts.hostname) and not (text.startswith("mailto:") and is_address(text[7:])):
        raise SettingsError(_expected("HEADWAY_CONTACT", "mailto:<address> or https://…", text))
    return text


def _webhook_secret(text: str) -> bytes:
    if not text:
        return b""
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith("whsec_") or not 24 <= len(secret) <= 64:
        expected = "whsec_ and the base64 of 24 to 64 bytes"
        raise SettingsError(f"HEADWAY_WEBHOOK_SECRET: expected {expected}, got something else")  # not to be repeated
    return secret


def _mail_server(url: str) -> MailServer | None:
    if not url:
        return None
    parts = urlsplit(url) if _scheme(url) in SMTP_PORTS else None
    if parts is None or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        expected = "smtp://, smtp+starttls:// or smtps://, then user:password@host:port, each but host may be left out"
        raise SettingsError(f"HEADWAY_SMTP_URL: expected {expected}, got something else")  # it may hold a password
    port = parts.port or SMTP_PORTS[parts.scheme]
    return MailServer(parts.scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))


def _mail_from(text: str) -> str:
    if text and not is_address(text):
        raise SettingsError(_expected("HEADWAY_MAIL_FROM", "an address such as jobs@shop.example", text))
    return text


def _origin(text: str) -> str:
    scheme = _scheme(text.strip())
    parts = urlsplit(text.strip()) if scheme in ("http", "https") else None
    if parts is None or not parts.netloc or parts.path not in ("", "/"):
        raise SettingsError(_expected("HEADWAY_ORIGINS", "origins such as https://shop.example", text))
    return f"{parts.scheme}://{parts.netloc}"


def _trusted_proxies(text: str) -> tuple[addresses.Network, ...]:
    try:
        return addresses.networks(text)
    except ValueError as error:
        expected = "addresses and networks such as 10.0.0.5,172.16.0.0/12"
        raise SettingsError(_expected("HEADWAY_TRUSTED_PROXIES", expected, text)) from error


def _prefix(text: str) -> str:
    prefix = text.strip().rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]{1,64}){0,8}", prefix):
        raise SettingsError(_expected("HEADWAY_PREFIX", "a path such as /jobs", text))
    return prefix


def _scheme(url: str) -> str:
    """What kind of URL this is; "" where it is none, or has a port that is no number."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  it raises where it is no number
    except ValueError:
        return ""
    return parts.scheme
