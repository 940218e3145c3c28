"""Content codings (RFC 9110, 8.4): what we ask servers for, and the body that they made of it, unpacked.

Own code, since urllib3 takes a body that was cut, or is in a coding that it doesn't know, for a whole one.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from workers.errors import FetchError

ACCEPT_ENCODING: Final = "gzip, deflate"
CODINGS_LIMIT: Final = 3  # of one body
CHUNK: Final = 64 * 1024  # bytes that are unpacked at a time
GZIP: Final = b"\x1f\x8b"
# what a server sends that packs a page and does not say so
MAGICS: Final = {
    GZIP: "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x04\x22\x4d\x18": "lz4",
}
ZLIB: Final = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
LOOKED_AT: Final = 1024  # bytes of the beginning


def unpacked(chunks: Iterable[bytes], content_encoding: str) -> Iterator[bytes]:
    """The body without its codings, in pieces of at most CHUNK bytes where it had any.

    Raises `FetchError` for a coding that we did not ask for, and where the body is cut or is not what it says.
    """
    named = [name.strip().lower().removeprefix("x-") for name in content_encoding.split(",")]
    codings = [name for name in named if name not in ("", "identity")]
    for name in codings:
        if name not in ("gzip", "deflate"):
            raise FetchError(f"expected a Content-Encoding of gzip or deflate, got {name[:40]!r}")
    if len(codings) > CODINGS_LIMIT:
        raise FetchError(f"expected at most {CODINGS_LIMIT} content codings, got {len(codings)}")
    found = iter(chunks)
    for name in reversed(codings):
        found = _inflated(found, name)
    return _looked_at(found)


def _inflated(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    start = _gzip if coding == "gzip" else _deflate
    unpack = None
    for chunk in chunks:
        data = chunk
        while data:
            if unpack is None:
                unpack = start(data)
            elif unpack.eof:
                if coding != "gzip" or data[0] != GZIP[0]:
                    break  # what follows the page; browsers don't look at it
                unpack = start(data)  # a gzip file may have several members
            yield from _pieces(unpack, data, coding)
            data = unpack.unused_data
    if unpack is None or not unpack.eof:
        raise FetchError(f"expected the whole page, but its {coding} data end too early")


def _pieces(unpack: "zlib._Decompress", data: bytes, coding: str) -> Iterator[bytes]:
    while True:
        try:
            piece = unpack.decompress(data, CHUNK)
        except zlib.error as error:
            raise FetchError(f"expected {coding} data, as the Content-Encoding says: {error}") from None
        if piece:
            yield piece
        data = unpack.unconsumed_tail
        if unpack.eof or (not data and len(piece) < CHUNK):
            return


def _gzip(_: bytes) -> "zlib._Decompress":
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _deflate(data: bytes) -> "zlib._Decompress":
    # "deflate" means zlib's format (RFC 9110), but some servers send the bare data, as browsers know
    wrapped = data[0] & 0x0F == zlib.DEFLATED and (len(data) < 2 or int.from_bytes(data[:2]) % 31 == 0)
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _looked_at(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same; raises `FetchError` where it is still packed."""
    start = b""
    for chunk in chunks:
        if len(start) < LOOKED_AT:
            start += chunk[:LOOKED_AT]
            if len(start) >= LOOKED_AT:
                _refuse_packed(start)
        yield chunk
    if len(start) < LOOKED_AT:
        _refuse_packed(start)


def _refuse_packed(start: bytes) -> None:
    name = next((name for magic, name in MAGICS.items() if start.startswith(magic)), None)
    if name is None and _is_zlib(start):
        name = "deflate"
    if name is not None:
        raise FetchError(f"expected an HTML page, got {name} data without a Content-Encoding that says so")


def _is_zlib(start: bytes) -> bool:
    # a text may begin with "x^", so the rest must be no text, and must unpack
    if not start.startswith(ZLIB) or start.isascii():
        return False
    unpack = zlib.decompressobj()
    try:
        return bool(unpack.decompress(start, CHUNK)) or unpack.eof
    except zlib.error:
        return False
