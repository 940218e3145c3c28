"""Fetch a web page that a stranger named, without becoming their hand inside our network."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from workers.codings import ACCEPT_ENCODING, unpacked
from workers.decoding import text_of
from workers.errors import FetchError
from workers.guard import NotPublic, OutOfTime, guarded

SIZE_LIMIT = 20 * 1024 * 1024  # bytes after decompression
TIME_LIMIT = 30.0  # seconds in all
READ_LIMIT = 10.0  # seconds without a byte
REDIRECT_LIMIT = 5
CHUNK = 64 * 1024  # bytes
XHTML_TYPE = "application/xhtml+xml"
HTML_TYPES = ("text/html", XHTML_TYPE)
LENGTH = re.compile("[0-9]{1,15}")  # of a body, in bytes; what is longer is none


@dataclass(frozen=True)
class Page:
    url: str  # after redirects
    text: str
    size: int  # bytes of the body after decompression
    xhtml: bool = False  # whether browsers read it as XML


def fetch(url: str, *, allow_private: bool = False, downloaded: Callable[[int, int | None], None]) -> Page:
    """The HTML page at `url`.

    http and https only; every hop is guarded as `workers.guard.guarded` says. As the body comes in,
    `downloaded(bytes, content_length | None)` is called.
    Raises `FetchError` with a sentence for the person who asked.
    """
    try:
        with guarded(allow_private=allow_private, limit=TIME_LIMIT) as session:
            return _fetch(session, url, downloaded)
    except OutOfTime as error:
        raise FetchError(f"expected the page within {TIME_LIMIT:.0f} s, got only a part of it") from error


def _fetch(session: requests.Session, url: str, downloaded: Callable[[int, int | None], None]) -> Page:
    try:
        for _ in range(REDIRECT_LIMIT + 1):
            _check_url(url)
            headers = {"Accept-Encoding": ACCEPT_ENCODING}
            with session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=READ_LIMIT) as response:
                if not response.is_redirect:
                    return _read(response, downloaded)
                # http.client reads headers as Latin-1; servers write UTF-8
                url = urljoin(url, response.headers["Location"].encode("latin-1").decode(errors="replace"))
    except NotPublic as error:
        raise FetchError(str(error)) from None  # the owner sees the traceback too
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:  # ValueError: no URL at all
        raise FetchError(f"{url[:200]} could not be fetched: {_reason(error)}") from error
    raise FetchError(f"expected at most {REDIRECT_LIMIT} redirects, got one more, to {url[:200]}")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  it raises where it is no number
    except ValueError as error:
        raise FetchError(f"expected a web address, got {url[:200]!r}: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(f"expected an address that starts with http:// or https://, got {url[:200]!r}")


def _read(response: requests.Response, downloaded: Callable[[int, int | None], None]) -> Page:
    if response.status_code != 200:
        got = f"{response.status_code} {str(response.reason)[:80]}"
        raise FetchError(f"expected status 200, got {got} from {response.url[:200]}")
    content_type = response.headers.get("Content-Type", "")
    mime_type = content_type.partition(";")[0].strip().lower()
    if content_type and mime_type not in HTML_TYPES:
        raise FetchError(f"expected an HTML page, got {content_type[:80]} from {response.url[:200]}")
    length = response.headers.get("Content-Length", "")
    total = int(length) if LENGTH.fullmatch(length) else None
    body = bytearray()
    came = 0  # bytes over the wire, which Content-Length counts; the body may have been compressed

    def chunks() -> Iterator[bytes]:
        nonlocal came
        for chunk in response.raw.stream(CHUNK, decode_content=False):
            came += len(chunk)
            yield chunk

    downloaded(0, total)
    for piece in unpacked(chunks(), response.headers.get("Content-Encoding", "")):
        body += piece
        if len(body) > SIZE_LIMIT:
            raise FetchError(f"expected at most {SIZE_LIMIT} bytes, got more from {response.url[:200]}")
        downloaded(came, total)
    xhtml = mime_type == XHTML_TYPE
    return Page(response.url, text_of(bytes(body), content_type, xhtml=xhtml), len(body), xhtml)


def _reason(error: Exception) -> str:
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return f"{type(cause).__name__}: {cause}"[:200]
