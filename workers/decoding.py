"""The text of a page, in the encoding that a browser would take (html.spec.whatwg.org, 13.2.3)."""

import re
from typing import Final

from chardet import EncodingEra, detect_all

from workers.decoders import REPLACEMENT, decode
from workers.errors import FetchError
from workers.prescan import declared, declared_as_xml, labelled

MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
PARAMETER: Final = re.compile(r";[\t ]*([^\t =;,]+)=(?:\"((?:[^\"\\]|\\.)*)\"|([^;,]*))")
UTF_8_SEQUENCE: Final = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{1,3}")
NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
WESTERN: Final = "windows-1252"
SAMPLE: Final = 256 * 1024  # bytes that are looked at where nothing is declared


def text_of(body: bytes, content_type: str, *, xhtml: bool = False) -> str:
    """By a byte order mark, the header's charset, what the page declares, or what its bytes look like; in this order.

    Raises `FetchError` for an encoding that browsers refuse, since it hides markup.
    """
    for mark, encoding in MARKS:
        if body.startswith(mark):
            return decode(body[len(mark) :], encoding)
    encoding = _of_header(content_type) or (_of_xhtml(body) if xhtml else declared(body) or _detected(body))
    if encoding == REPLACEMENT:
        raise FetchError("expected a page in an encoding that browsers read, got one that they refuse, as ISO-2022-KR")
    return decode(body, encoding)


def _of_header(content_type: str) -> str | None:
    for found in PARAMETER.finditer(content_type):
        if found[1].lower() == "charset":
            quoted = found[2]
            label = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else found[3].strip("\t '")
            return labelled(label)
    return None


def _of_xhtml(body: bytes) -> str:
    return declared_as_xml(body) or "utf-8"


def _detected(body: bytes) -> str:
    first = NOT_ASCII.search(body)
    if first is None:
        return "iso-2022-jp" if b"\x1b$B" in body or b"\x1b$@" in body else "utf-8"
    sample = body[max(first.start() - 1024, 0) :][:SAMPLE]
    if _is_utf_8(sample):
        return "utf-8"
    guesses: dict[str, float] = {}
    for guess in detect_all(sample, encoding_era=EncodingEra.MODERN_WEB):
        encoding = labelled(guess["encoding"] or "")
        if encoding and not encoding.startswith("utf-"):
            guesses.setdefault(encoding, guess["confidence"])
    likeliest = max(guesses, key=lambda name: guesses[name], default=WESTERN)
    # most pages that declare nothing are in it, so a guess that is hardly better is none
    return WESTERN if guesses.get(WESTERN, 0) >= 0.7 * guesses.get(likeliest, 0) else likeliest


def _is_utf_8(sample: bytes) -> bool:
    """Whether it is, but for a stray byte here and there; in other encodings hardly a pair of bytes would fit."""
    sequences = len(UTF_8_SEQUENCE.findall(sample))
    wrong = sample.decode(errors="replace").count("\ufffd") - sample.count("\ufffd".encode())
    return sequences > 4 * (wrong - 1)  # the sample's end may cut one
