"""Where an HTTP/1.1 message begins and ends (RFC 9112), without sockets.

A proxy in front of us reads the same bytes. Where the two could disagree, one of them would take a part of a body for
a request of somebody else, so what can be read in two ways is refused.
"""

import re
from dataclasses import dataclass

LINE_LIMIT = 8192  # bytes of the request line, and of each header
HEAD_LIMIT = 16 * 1024  # bytes of a whole head
HEADER_LIMIT = 100
CHUNK_LINE_LIMIT = 256  # bytes of a chunk's size and its extensions
CHUNKS, CHUNK = 1000, 64  # after so many chunks they have at least so many bytes on average
TRAILER_LIMIT = 4096  # bytes of all trailers together
TRAILER_COUNT_LIMIT = 16
LENGTH_DIGITS = 15

TOKEN = r"[!#$%&'*+.^`|~0-9A-Za-z-]+"  # RFC 9110 §5.6.2, but for "_": CGI can't tell it from "-"
REQUEST_LINE = re.compile(rf"({TOKEN}) ([^\x00-\x20\x7f]+) HTTP/([0-9])\.([0-9])")
NAME = re.compile(TOKEN)
VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
HOST = re.compile(r"([A-Za-z0-9.~!$&'()*+,;=%_-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")
ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)
CODINGS = re.compile(rf"{TOKEN}([ \t]*,[ \t]*{TOKEN})*")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\x00-\x08\x0a-\x1f\x7f]*)?")


class Fault(Exception):
    """A request that we don't answer: the status, the error code of the contract, and a sentence."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after  # seconds


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body."""

    method: str
    target: str  # a path with its query, or "*"
    version: str  # HTTP/1.0 or HTTP/1.1
    headers: tuple[tuple[str, str], ...]
    length: int  # bytes of the body; 0 where it comes in chunks
    chunked: bool
    keeps: bool  # whether the client wants to send another request on this connection

    @property
    def expects(self) -> bool:
        """Whether the client sends the body only upon our word (RFC 9110 §10.1.1)."""
        body = self.chunked or self.length > 0
        return body and self.version == "HTTP/1.1" and self.get("expect").lower() == "100-continue"

    def get(self, name: str, default: str = "") -> str:
        """The values of a header, joined with commas."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ",".join(values) if values else default


def bad(message: str) -> Fault:
    return Fault(400, "bad_request", message)


class Heads:
    """Takes bytes as they come, and gives whole heads. Never keeps more than a head may have."""

    def __init__(self) -> None:
        self.rest = bytearray()  # what came after the last head
        self._lines: list[str] = []
        self._size = 0  # bytes of them
        self._seen = 0  # bytes of `rest` that hold no end of a line

    @property
    def begun(self) -> bool:
        """Whether some of a head has come, and not all."""
        return bool(self.rest or self._lines)

    def next(self) -> Head | None:
        """The next head, once all of it has come. Raises `Fault`."""
        while (end := self.rest.find(b"\n", self._seen)) >= 0:
            line = bytes(self.rest[: end + 1])
            del self.rest[: end + 1]
            self._seen = 0
            self._check_size(len(line))
            self._size += len(line)
            if line[-2:] != b"\r\n":
                raise bad("A line of the head ends without CR LF")
            if line != b"\r\n":
                self._lines.append(line[:-2].decode("latin-1"))
                self._check_size(0)
            elif self._lines:
                lines, self._lines, self._size = self._lines, [], 0
                return parse(lines)
            elif self._size > 2:  # one empty line before a request is allowed (RFC 9112 §2.2)
                raise bad("The request begins with empty lines")
        self._seen = len(self.rest)
        self._check_size(self._seen)
        return None

    def _check_size(self, line: int) -> None:
        if line > LINE_LIMIT and not self._lines:
            raise Fault(414, "too_large", f"The request line is longer than {LINE_LIMIT} bytes")
        if line > LINE_LIMIT or self._size + line > HEAD_LIMIT or len(self._lines) > HEADER_LIMIT + 1:
            raise Fault(
                431,
                "too_large",
                f"The head is too large: expected at most {HEADER_LIMIT} headers, {LINE_LIMIT} bytes each and "
                f"{HEAD_LIMIT} in all",
            )


class Chunks:
    """Finds the end of a body in chunks, in bytes that grow and are not taken away."""

    def __init__(self) -> None:
        self._at = 0  # where the next line begins
        self._seen = 0  # bytes that were searched for its end
        self._count = self._size = 0  # of chunks, and the bytes in them
        self._after_chunk = False
        self._trailers = -1  # how many there were; -1: the last chunk has not come

    def have_ended(self, data: bytearray) -> bool:
        """Whether all of them are in `data`. Raises `Fault`."""
        while self._at <= len(data):
            if self._after_chunk and data[self._at - 2 : self._at] != b"\r\n":
                raise bad("A chunk is longer than its size says")
            end = data.find(b"\n", max(self._at, self._seen))
            limit = CHUNK_LINE_LIMIT if self._trailers < 0 else TRAILER_LIMIT
            if (end if end >= 0 else len(data)) - self._at >= limit:
                raise bad(f"A line between chunks is longer than {limit} bytes")
            if end < 0:
                self._seen = len(data)
                return False
            line = bytes(data[self._at : end + 1])
            if line[-2:] != b"\r\n":
                raise bad("A line between chunks ends without CR LF")
            self._at = self._seen = end + 1
            self._after_chunk = False
            if self._trailers < 0:
                self._skip_chunk(chunk_size(line[:-2]))
            elif line == b"\r\n":
                return True
            else:
                self._trailers += 1
                trailer(line[:-2])
                if self._trailers > TRAILER_COUNT_LIMIT:
                    raise bad(f"expected at most {TRAILER_COUNT_LIMIT} trailers")
        return False

    def _skip_chunk(self, size: int) -> None:
        self._count += 1
        if self._count > CHUNKS + self._size // CHUNK:
            raise bad(f"The chunks are too small: expected {CHUNK} bytes on average")
        if size == 0:
            self._trailers = 0
        else:
            self._size += size
            self._at += size + 2
            self._seen, self._after_chunk = self._at, True


def parse(lines: list[str]) -> Head:
    """A head from its lines. Raises `Fault` where it can be read in more than one way."""
    first = REQUEST_LINE.fullmatch(lines[0])
    if not first:
        raise bad("The request line is not of the form: method, path, HTTP/1.1")
    method, target, major, minor = first.groups()
    if major != "1" or minor not in "01":
        raise Fault(505, "bad_request", f"expected HTTP/1.0 or HTTP/1.1, got HTTP/{major}.{minor}")
    headers = tuple(_header(line) for line in lines[1:])
    modern = minor == "1"
    host = _host(headers, required=modern)
    length, chunked = _body(headers, modern=modern)
    options = {part.strip() for part in _values(headers, "connection", ",").lower().split(",")}
    return Head(
        method=method,
        target=_target(method, target, host),
        version=f"HTTP/1.{minor}",
        headers=headers,
        length=length,
        chunked=chunked,
        keeps="close" not in options and (modern or "keep-alive" in options),
    )


def chunk_size(line: bytes) -> int:
    """The bytes of a chunk, from the line before it without its CR LF. Raises `Fault`."""
    match = CHUNK_LINE.fullmatch(line)
    if not match:
        raise bad("The size of a chunk is not a hexadecimal number")
    return int(match[1], 16)


def trailer(line: bytes) -> None:
    """Check a line after the last chunk; we have no use for what it says. Raises `Fault`."""
    _header(line.decode("latin-1"))


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if colon and NAME.fullmatch(name) and VALUE.fullmatch(value):
        return name, value.strip(" \t")
    if line[:1] in (" ", "\t"):
        raise bad("A header goes on in the next line; expected each in one line")
    raise bad("A header is not of the form: a name of letters, digits and dashes, a colon, visible text")


def _values(headers: tuple[tuple[str, str], ...], name: str, separator: str) -> str:
    return separator.join(value for key, value in headers if key.lower() == name)


def _count(headers: tuple[tuple[str, str], ...], name: str) -> int:
    return sum(key.lower() == name for key, _ in headers)


def _host(headers: tuple[tuple[str, str], ...], *, required: bool) -> str:
    count = _count(headers, "host")
    host = _values(headers, "host", ",")
    if count > 1 or (count == 0 and required):
        raise bad(f"expected one Host header, got {count}")
    if count and not HOST.fullmatch(host):
        raise bad("Host: expected a name or an address, with or without a port")
    return host


def _body(headers: tuple[tuple[str, str], ...], *, modern: bool) -> tuple[int, bool]:
    """How long the body is, and whether it comes in chunks (RFC 9112 §6)."""
    lengths, codings = _count(headers, "content-length"), _count(headers, "transfer-encoding")
    if lengths > 1 or codings > 1 or (lengths and codings):
        raise bad("expected one Content-Length or one Transfer-Encoding, got more of them")
    if codings:
        coding = _values(headers, "transfer-encoding", ",").lower()
        if coding == "chunked" and modern:
            return 0, True
        names = [name.strip() for name in coding.split(",")]
        if modern and CODINGS.fullmatch(coding) and names.count("chunked") < 2:
            raise Fault(501, "bad_request", "Transfer-Encoding: expected chunked, and no other coding")
        raise bad("Transfer-Encoding: expected chunked, and no other coding")
    text = _values(headers, "content-length", ",") if lengths else "0"
    if not re.fullmatch(r"[0-9]+", text):
        raise bad("Content-Length: expected a number of bytes")
    if len(text) > LENGTH_DIGITS:
        raise Fault(413, "too_large", "The body is too large")
    return int(text), False


def _target(method: str, target: str, host: str) -> str:
    if target.startswith("/") or (target == "*" and method == "OPTIONS"):
        return target
    # as clients send it to a proxy; a server must take it too (RFC 9112 §3.2.2)
    absolute = ABSOLUTE.fullmatch(target)
    if not absolute or absolute[1].lower() != host.lower():
        raise bad("The target of the request is not a path on this host")
    rest = absolute[2]
    return rest if rest.startswith("/") else f"/{rest}"
