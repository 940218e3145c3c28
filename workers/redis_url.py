"""REDIS_URL: what it must look like. Its errors repeat no part of it: any may be one of a password."""

import os
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from workers.errors import SettingsError

SCHEMES: Final = ("redis", "rediss", "unix")
ENCODE: Final = "percent-encode the password: / is %2F, # is %23, ? is %3F, @ is %40, [ is %5B, % is %25"
PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]*)(:[0-9]{1,5})?")
OPTION: Final = re.compile(r"[a-z_]+=[^&]*")
BOOL: Final = ("true or false", re.compile(r"(?i)true|false|yes|no|1|0"))  # redis-py takes any other text for true
SECONDS: Final = ("a number of seconds", re.compile(r"(?![0.]+\Z)[0-9]{1,6}(\.[0-9]{1,6})?"))
TEXT: Final = ("some text", re.compile(r".+", re.DOTALL))
A_FILE: Final = ("the path of a file that is there", TEXT[1])
A_FOLDER: Final = ("the path of a folder that is there", TEXT[1])
# what may be said of the connection; any other could change what answers look like
OPTIONS: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = {
    "db": ("the number of a database", re.compile(r"[0-9]{1,9}")),
    "username": TEXT,
    "password": TEXT,
    "protocol": ("2 or 3", re.compile(r"[23]")),
    "client_name": ("letters, digits, and -_.:/ without blanks", re.compile(r"[A-Za-z0-9._:/-]+")),
    "socket_timeout": SECONDS,
    "socket_connect_timeout": SECONDS,
    "socket_keepalive": BOOL,
    "health_check_interval": ("a whole number of seconds", re.compile(r"[0-9]{1,6}")),
}
TLS_OPTIONS: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = {
    "ssl_ca_certs": A_FILE,
    "ssl_ca_path": A_FOLDER,
    "ssl_certfile": A_FILE,
    "ssl_keyfile": A_FILE,
    "ssl_password": TEXT,
    "ssl_cert_reqs": ("none, optional or required", re.compile(r"none|optional|required")),
    "ssl_check_hostname": BOOL,
}


def checked(text: str) -> str:
    """The address as redis-py takes it: without blanks around it, its scheme in lower case; '' where there is none.

    Raises `SettingsError`.
    """
    text = text.strip()
    if not text:
        return ""
    scheme, is_url, rest = text.partition("://")
    scheme = scheme.lower()
    if not is_url or scheme not in SCHEMES:
        got = scheme if is_url and re.fullmatch(r"[a-z][a-z0-9+.-]{1,20}", scheme) else "text"
        raise SettingsError(f"REDIS_URL: expected redis://…, rediss://… or unix://…, got {got!r}")
    if re.search(r"[\t\r\n]", rest):
        raise _wrong("an address on one line")
    if "#" in rest:
        raise _wrong(f"an address without #; {ENCODE}")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    login, at, place = authority.rpartition("@")
    if re.search(r"[\[\]]", login) or not _can_be_split(text):
        raise _wrong(f"user:password@ before the host; {ENCODE}")
    if scheme == "unix":
        if place or len(path) < 2:
            raise _wrong("the path of a socket after three slashes, such as unix:///run/redis.sock")
    else:
        _check_place(place, path, is_cut="@" in path + query and not at)
    _check_options(query, {**OPTIONS, **TLS_OPTIONS} if scheme == "rediss" else OPTIONS)
    return f"{scheme}://{rest}"


def _check_place(place: str, path: str, is_cut: bool) -> None:
    found = PLACE.fullmatch(place)
    hint = f"; {ENCODE}" if is_cut or found is None else ""
    if found is None or not 0 < int((found[2] or ":1")[1:]) < 65536:
        raise _wrong(f"host:port with a port from 1 to 65535 after the password{hint}")
    if not re.fullmatch(r"/?[0-9]*/?", path):
        raise _wrong(f"the number of a database after the host, such as redis://host:6379/0{hint}")


def _check_options(query: str, known: Mapping[str, tuple[str, re.Pattern[str]]]) -> None:
    parts = query.split("&") if query else []
    if not all(OPTION.fullmatch(part) for part in parts):
        raise _wrong(f"options such as ?ssl_ca_certs=/etc/ca.pem at the end; {ENCODE}")
    for part in parts:
        name, _, value = part.partition("=")
        if name in TLS_OPTIONS and name not in known:
            raise _wrong(f"rediss:// where there is ?{name}=")
        if name not in known:  # it may be half of a password
            raise _wrong(f"options of these alone: {', '.join(sorted(known))}; {ENCODE}")
        expected, form = known[name]
        given = unquote_plus(value)  # as redis-py does
        if not form.fullmatch(given):
            raise _wrong(f"{expected} in ?{name}=")
        exists = {A_FILE: os.path.isfile, A_FOLDER: os.path.isdir}.get(known[name])
        if exists is not None and not exists(given):
            raise _wrong(f"{expected} in ?{name}=; it isn't there")
        if exists is not None and not os.access(given, os.R_OK):
            raise _wrong(f"a path that we may read in ?{name}=")


def _can_be_split(text: str) -> bool:
    try:
        urlsplit(text)
        return True
    except ValueError:  # its text has the password
        return False


def _wrong(expected: str) -> SettingsError:
    return SettingsError(f"REDIS_URL: expected {expected}")
