"""The settings: environment variables, read once, here, by whoever starts a process."""

import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from workers import addresses, folders, memory, senders
from workers.errors import SettingsError
from workers.naming import IN_FULL, PREFIX, Naming, short
from workers.senders import MailServer
from workers.variables import expected as _expected
from workers.variables import scheme as _scheme
from workers.wire import INTERNAL_QUEUES

BOOKS_URL = "https://www.goodreads.com/book/show/"
LEAST_JOB_MEMORY = 256 * 2**20  # bytes; a page of 20 MiB takes them
LOOPBACK = addresses.networks("127.0.0.0/8,::1")
SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS


@dataclass(frozen=True)
class QueueSetting:
    name: str
    workers: int
    in_full: bool = False  # whether it keeps this name in RQ


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
    webhook_secrets: tuple[bytes, ...] = field(repr=False)  # sign webhooks, the newest first; () = there are none
    mail_server: MailServer | None
    mail_from: str  # '' = no mail is sent
    read_only: bool = False  # whether nobody may submit, nor act on anything
    prefix: str = ""  # what paths begin with: "/jobs", or '' at the root
    job_memory: int = 2**30  # bytes that a job of a task that fetches may take; 0 = no ceiling
    notices: tuple[str, ...] = ()  # what news of ends may be sent by: webhook, email
    cron: Path | None = None  # a file that registers what is queued again and again, as RQ's cron reads it
    hosts: tuple[str, ...] = ()  # more names that the web server answers to: x, or *.x and .x (x and all below), or *
    maxmemory: int | None = None  # bytes that the embedded server may take; None: a share of what there is
    trusted_proxies: tuple[addresses.Network, ...] = ()  # their X-Forwarded-For names the client
    max_connections: int = 20_000  # open sockets of a web process; fewer where it may have fewer files
    max_per_address: int = 10_000  # of them, from one address
    max_unfinished: int = 256  # requests of one address at once whose head or body is not complete

    @property
    def on_loopback(self) -> bool:
        """Whether the server listens on this machine's loopback alone."""
        return self.host == "localhost" or addresses.is_within(self.host, LOOPBACK)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect, and through no proxy, so that all clients have one address."""
        return self.on_loopback and not self.trusted_proxies

    @property
    def queue_names(self) -> tuple[str, ...]:
        return tuple(queue.name for queue in self.queues)

    @property
    def naming(self) -> Naming:
        return Naming(frozenset(queue.name for queue in self.queues if queue.in_full))

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
            redis_url=url or f"unix://{socket_path(home, environ.get('XDG_RUNTIME_DIR', ''))}",
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
            contact=senders.contact(environ.get("HEADWAY_CONTACT") or senders.CONTACT),
            webhook_secrets=senders.webhook_secrets(environ.get("HEADWAY_WEBHOOK_SECRET", "")),
            mail_server=senders.mail_server(environ.get("HEADWAY_SMTP_URL", "")),
            mail_from=senders.mail_from(environ.get("HEADWAY_MAIL_FROM", "")),
            read_only=environ.get("HEADWAY_READ_ONLY", "") not in ("", "0"),
            prefix=_prefix(environ.get("HEADWAY_PREFIX", "")),
            notices=senders.notices(environ),
            job_memory=_job_memory(environ.get("HEADWAY_JOB_MEMORY") or "1gb"),
            cron=Path(cron).absolute() if (cron := environ.get("HEADWAY_CRON", "").strip()) else None,
            hosts=tuple(_host(part) for part in environ.get("HEADWAY_HOSTS", "").split(",") if part.strip()),
            maxmemory=_maxmemory(environ.get("HEADWAY_MAXMEMORY", "")),
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


def socket_path(home: Path, runtime: str = "") -> Path:
    """Where the embedded server listens: in `home`, or, where that path is too long for a socket, near by.

    That is in `runtime` (XDG_RUNTIME_DIR: a folder of this user alone), else among the temporary files.
    """
    path = home / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    name = f"headway-{os.getuid()}-{digest}"
    path = Path(runtime) / name / "redis.sock"
    if path.is_absolute() and len(os.fsencode(path)) <= SOCKET_PATH_LIMIT and _is_mine(Path(runtime)):
        return path
    return Path(tempfile.gettempdir()) / name / "redis.sock"


def _is_mine(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def _kept_secrets(home: Path) -> dict[str, str]:
    path = folders.private(home) / "secrets"
    made = json.dumps({"secret_key": secrets.token_urlsafe(32), "operator_token": secrets.token_urlsafe(24)})
    # written aside and linked, so that of several processes one makes them and none reads half a file
    with tempfile.NamedTemporaryFile("w", dir=home, prefix="secrets-") as file:
        file.write(made)
        file.flush()
        try:
            os.link(file.name, path)
        except FileExistsError:
            made = folders.read_secret(path)
    try:
        kept = json.loads(made)
        return {name: str(kept[name]) for name in ("secret_key", "operator_token")}
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path}: expected the JSON that Headway wrote; delete the file to have new secrets made"
        ) from error


def _integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
        raise SettingsError(_expected(name, f"a whole number from {low} to {high}", text))
    return int(text)


def _job_memory(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([mg])b?", text.strip().lower())
    size = int(match[1]) << {"m": 20, "g": 30}[match[2]] if match else 0
    if size < LEAST_JOB_MEMORY and text.strip() != "0":
        raise SettingsError(_expected("HEADWAY_JOB_MEMORY", "256mb or more, such as 1gb, or 0 for no limit", text))
    return size


def _queues(text: str) -> tuple[QueueSetting, ...]:
    expected = "queues with their number of workers such as 'default:2,mail:1'"
    queues = []
    for part in text.split(","):
        match = re.fullmatch(rf"\s*({IN_FULL})?([A-Za-z0-9_.-]{{1,64}})(?::([0-9]{{1,3}}))?\s*", part)
        if not match or int(match[3] or 1) == 0:
            raise SettingsError(_expected("HEADWAY_QUEUES", expected, text))
        in_full = bool(match[1]) and not match[2].startswith(PREFIX)
        queues.append(QueueSetting(short(match[2]), int(match[3] or 1), in_full))
    if len({queue.name for queue in queues}) != len(queues):
        raise SettingsError(_expected("HEADWAY_QUEUES", "each queue once", text))
    named = {queue.name for queue in queues}
    return (*queues, *(QueueSetting(name, 1) for name in INTERNAL_QUEUES if name not in named))


def _origin(text: str) -> str:
    scheme = _scheme(text.strip())
    parts = urlsplit(text.strip()) if scheme in ("http", "https") else None
    if parts is None or not parts.netloc or parts.path not in ("", "/"):
        raise SettingsError(_expected("HEADWAY_ORIGINS", "origins such as https://shop.example", text))
    # as browsers write it
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(':443' if scheme == 'https' else ':80')}"


def _host(text: str) -> str:
    name = text.strip().lower().removesuffix(".").strip("[]")
    # an address with colons is always answered to, and may be named all the same
    if not re.fullmatch(r"\*|(\*?\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f]*(:[0-9a-f]*){2,7}", name):
        expected = "host names without a port, such as 'shop.example,*.jobs.example'"
        raise SettingsError(_expected("HEADWAY_HOSTS", expected, text))
    return name


def _trusted_proxies(text: str) -> tuple[addresses.Network, ...]:
    try:
        return addresses.networks(text)
    except ValueError as error:
        expected = "addresses and networks such as 10.0.0.5,172.16.0.0/12"
        raise SettingsError(_expected("HEADWAY_TRUSTED_PROXIES", expected, text)) from error


def _maxmemory(text: str) -> int | None:
    size = memory.parse(text) if text else None
    if text and size is None:
        raise SettingsError(_expected("HEADWAY_MAXMEMORY", "a size of 64mb or more, such as 512mb or 2gb", text))
    return size


def _prefix(text: str) -> str:
    prefix = text.strip().rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]{1,64}){0,8}", prefix):
        raise SettingsError(_expected("HEADWAY_PREFIX", "a path such as /jobs", text))
    return prefix
