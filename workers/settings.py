"""The settings: environment variables, read once, here, by whoever starts a process."""

import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workers import addresses, folders, memory, origins, redis_url, retention, senders, sockets
from workers.errors import SettingsError
from workers.naming import IN_FULL, PREFIX, Naming, short
from workers.senders import MailServer
from workers.variables import expected as _expected
from workers.wire import INTERNAL_QUEUES

BOOKS_URL = "https://www.goodreads.com/book/show/"
LEAST_JOB_MEMORY = 256 * 2**20  # bytes; a page of 20 MiB takes them
LOOPBACK = addresses.networks("127.0.0.0/8,::1")


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
    retention: int = retention.DEFAULT  # seconds that ended jobs are kept
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
        url = redis_url.checked(environ.get("REDIS_URL", ""))
        return cls(
            home=home,
            redis_url=url or sockets.url_of(sockets.socket_path(home, environ.get("XDG_RUNTIME_DIR", ""))),
            embedded=not url,
            host=environ.get("HOST", "").strip().strip("[]") or "127.0.0.1",
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
            retention=_retention(environ.get("HEADWAY_RETENTION", "")),
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
        names = "SECRET_KEY", "HEADWAY_OPERATOR_TOKEN"
        given = [environ.get(name, "") for name in names]
        missing = " and ".join(name for name, text in zip(names, given, strict=True) if not text)
        try:
            kept = _kept_secrets(home) if missing else {}
        except (OSError, folders.Unusable) as error:
            why = error.strerror if isinstance(error, OSError) else error
            what = f"set {missing}, or HEADWAY_HOME to a folder with room for them"
            raise SettingsError(f"secrets can't be kept in {home} ({why}): {what}") from error
        made = cls(
            given[0] or kept["secret_key"],
            given[1] or kept["operator_token"],
            not given[1],
            environ.get("HEADWAY_VIEWER_TOKEN", ""),
        )
        if made.viewer_token == made.operator_token:
            raise SettingsError("HEADWAY_VIEWER_TOKEN: expected another token than the operator's, got the same")
        return made


def _kept_secrets(home: Path) -> dict[str, str]:
    path = folders.private(home) / "secrets"
    try:
        made = folders.read_secret(path)
    except FileNotFoundError:
        made = _made_secrets(path)
    try:
        kept = json.loads(made)
        return {name: str(kept[name]) for name in ("secret_key", "operator_token")}
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path}: expected the JSON that Headway wrote; delete the file to have new secrets made"
        ) from error


def _made_secrets(path: Path) -> str:
    """New ones, or those that another process has just made."""
    made = json.dumps({"secret_key": secrets.token_urlsafe(32), "operator_token": secrets.token_urlsafe(24)})
    # written aside and linked, so that of several processes one makes them and none reads half a file
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix="secrets-") as file:
        file.write(made)
        file.flush()
        try:
            os.link(file.name, path)
        except FileExistsError:
            return folders.read_secret(path)
    return made


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
    expected = "queues with their number of workers, such as 'default:2,mail:1'"
    queues = []
    for part in text.split(","):
        match = re.fullmatch(rf"\s*({IN_FULL})?([A-Za-z0-9_.-]{{1,64}})(?::([0-9]{{1,3}}))?\s*", part)
        if not match or int(match[3] or 1) == 0:
            raise SettingsError(f"{_expected('HEADWAY_QUEUES', expected, text)}: {_wrong_queue(part)}")
        in_full = bool(match[1]) and not match[2].startswith(PREFIX)
        queues.append(QueueSetting(short(match[2]), int(match[3] or 1), in_full))
    if len({queue.name for queue in queues}) != len(queues):
        raise SettingsError(_expected("HEADWAY_QUEUES", "each queue once", text))
    named = {queue.name for queue in queues}
    return (*queues, *(QueueSetting(name, 1) for name in INTERNAL_QUEUES if name not in named))


def _wrong_queue(part: str) -> str:
    name, _, workers = part.strip().removeprefix(IN_FULL).partition(":")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        return f"the name of a queue has 1 to 64 of the characters A-Z a-z 0-9 . _ - and no others; {name!r} has not"
    return f"a queue has 1 to 999 workers; {name} has {workers!r}"


def _origin(text: str) -> str:
    try:
        return origins.origin(text)
    except ValueError as error:
        shown = re.sub("//.*@", "//…@", text.strip())  # a password may stand there
        raise SettingsError(
            f"{_expected('HEADWAY_ORIGINS', 'origins such as https://shop.example', shown)}: {error}"
        ) from error


def _host(text: str) -> str:
    name = text.strip().lower().removesuffix(".").strip("[]")
    star = next((star for star in ("*.", ".") if name.startswith(star)), "")
    try:
        if name == "*":
            return name
        # an address with colons is always answered to, and may be named all the same
        return star + origins.host(name.removeprefix(star)).strip("[]")
    except ValueError as error:
        expected = "host names without a port, such as 'shop.example,*.jobs.example'"
        raise SettingsError(f"{_expected('HEADWAY_HOSTS', expected, text)}: {error}") from error


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


def _retention(text: str) -> int:
    seconds = retention.parse(text) if text.strip() else retention.DEFAULT
    if seconds is None:
        raise SettingsError(_expected("HEADWAY_RETENTION", retention.EXPECTED, text))
    return seconds


def _prefix(text: str) -> str:
    prefix = text.strip().rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]{1,64}){0,8}", prefix):
        raise SettingsError(_expected("HEADWAY_PREFIX", "a path such as /jobs", text))
    return prefix
