"""Origins and host names as browsers write them (https://url.spec.whatwg.org/#origin): so they are compared."""

import ipaddress
import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"http": 80, "https": 443}  # which browsers leave out
NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


def origin(text: str) -> str:
    """An origin such as "https://shop.example", as a browser's header names it.

    Raises `ValueError` saying why no browser would ever name this one.
    """
    try:
        parts = urlsplit(text.strip())
    except ValueError:  # its words may repeat a password
        raise ValueError("it is no address") from None
    if parts.scheme not in PORTS or not parts.netloc:
        raise ValueError("it begins with no http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("an origin has no user or password")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError("an origin has no path")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is no number from 1 to 65535") from None
    if port == 0:
        raise ValueError("its port is no number from 1 to 65535")
    if "*" in parts.netloc:
        raise ValueError("each origin is named in full, without *")
    name = host(parts.hostname or "")
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, PORTS[parts.scheme]) else "")


def host(name: str) -> str:
    """A host name in small letters and, of an IDN, its ASCII form; of an IPv6 address the shortest, in brackets.

    Raises `ValueError` saying what is wrong with it.
    """
    if ":" in name:
        try:
            return f"[{ipaddress.IPv6Address(name).compressed}]"
        except ValueError:
            raise ValueError(f"{name!r} is no IPv6 address") from None
    name = _ascii(name)
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no host name")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.removesuffix(".").rpartition(".")[2]):  # browsers take it for IPv4
        try:
            return str(ipaddress.IPv4Address(name.removesuffix(".")))
        except ValueError:
            raise ValueError(f"{name!r} is no IPv4 address such as 10.0.0.5") from None
    return name


def _ascii(name: str) -> str:
    """The form of UTS 46 that browsers use (not the "transitional" one of Python's codec, which makes "ss" of ß).

    What no label may have stays, and is found by NAME.
    """
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower()).replace("\u3002", ".")
    return ".".join(
        f"xn--{label.encode('punycode').decode()}"
        if not label.isascii() and all(unicodedata.category(letter)[0] in "LMN" or letter == "-" for letter in label)
        else label
        for label in name.split(".")
    )
