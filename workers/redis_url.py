"""REDIS_URL: what it must look like. Pure. Its errors repeat no part of it: any may be one of a password."""

import re
from typing import Final
from urllib.parse import urlsplit

from workers.errors import SettingsError

SCHEMES: Final = ("redis", "rediss", "unix")
ENCODE: Final = "percent-encode the password: / is %2F, # is %23, ? is %3F, @ is %40, [ is %5B, % is %25"
PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]*)(:[0-9]{1,5})?")
OPTION: Final = re.compile(r"[a-z_]+=[^&]*")


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
    _check_options(query)
    return f"{scheme}://{rest}"


def _check_place(place: str, path: str, is_cut: bool) -> None:
    found = PLACE.fullmatch(place)
    hint = f"; {ENCODE}" if is_cut or found is None else ""
    if found is None or not 0 < int((found[2] or ":1")[1:]) < 65536:
        raise _wrong(f"host:port with a port from 1 to 65535 after the password{hint}")
    if not re.fullmatch(r"/?[0-9]*/?", path):
        raise _wrong(f"the number of a database after the host, such as redis://host:6379/0{hint}")


def _check_options(query: str) -> None:
    parts = query.split("&") if query else []
    if not all(OPTION.fullmatch(part) for part in parts):
        raise _wrong(f"options such as ?ssl_ca_certs=/etc/ca.pem at the end; {ENCODE}")
    for part in parts:
        if part.startswith("db=") and not part[3:].isdecimal():
            raise _wrong("the number of a database in ?db=")


def _can_be_split(text: str) -> bool:
    try:
        urlsplit(text)
        return True
    except ValueError:  # its text has the password
        return False


def _wrong(expected: str) -> SettingsError:
    return SettingsError(f"REDIS_URL: expected {expected}")
