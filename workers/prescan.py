"""The encoding that a page declares in its own first bytes (html.spec.whatwg.org, 13.2.3.2)."""

import re
from typing import Final

import webencodings

from workers.markup import Kind, Markup, attributes_at

PRESCANNED: Final = 1024  # bytes
HEAD_LIMIT: Final = 256 * 1024  # bytes; a <meta> is looked for in the head where the first bytes have none
META: Final = re.compile(r"<meta(?=[\t\n\f\r /])", re.IGNORECASE)
TAG: Final = re.compile(r"</?[A-Za-z][^\t\n\f\r >]*")
CHARSET: Final = re.compile(
    r"charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\t\n\f\r ;\"'][^\t\n\f\r ;]*))", re.IGNORECASE
)
XML: Final = re.compile(r"<\?xml[^>]*?encoding[\0- ]*=[\0- ]*(?:\"([^\">\0- ]+)\"|'([^'>\0- ]+)')[^>]*>")
UTF_16_XML: Final = {b"<\0?\0x\0": "utf-16le", b"\0<\0?\0x": "utf-16be"}
IN_HEAD: Final = frozenset("base html head link meta noscript object script style template title".split())
RAW_IN_HEAD: Final = ("noscript", "script", "style", "title")


def labelled(label: str) -> str | None:
    """The encoding of the standard that a label stands for; None where it is no label."""
    found = webencodings.lookup(label) if label.isascii() else None
    return found.name if found else None


def declared(body: bytes) -> str | None:
    """The encoding that an HTML page declares: by a <meta> in its first bytes or its head, or as XML does."""
    for mark, encoding in UTF_16_XML.items():
        if body.startswith(mark):
            return encoding
    return _in_first_bytes(body[:PRESCANNED]) or declared_as_xml(body) or _in_head(body[:HEAD_LIMIT])


def declared_as_xml(body: bytes) -> str | None:
    found = XML.match(body[:PRESCANNED].decode("latin-1"))
    return _readable(labelled(found[1] or found[2])) if found else None


def _in_first_bytes(body: bytes) -> str | None:
    text, at = body.decode("latin-1"), 0
    while (at := text.find("<", at)) >= 0:
        if text.startswith("<!--", at):
            at = text.find("-->", at + 2)  # its dashes may be those of the beginning
        elif found := META.match(text, at) or TAG.match(text, at):
            attributes, at = attributes_at(text, found.end())
            if at == len(text):
                return None  # the first bytes end within a tag
            if found.re is META and (encoding := _of_meta(attributes)):
                return encoding
        elif text[at + 1 : at + 2] in ("!", "/", "?"):
            at = text.find(">", at)
        if at < 0:
            return None
        at += 1
    return None


def _in_head(body: bytes) -> str | None:
    """By a <meta> further on: browsers begin anew with it."""
    markup = Markup(body.decode("latin-1"))
    for kind, value in markup:
        if kind is Kind.START:
            if value == "meta" and (encoding := _of_meta(markup.attributes())):
                return encoding
            if value not in IN_HEAD:
                return None
            if value in RAW_IN_HEAD:
                markup.raw_text(value)
        elif (kind is Kind.END and value == "head") or (kind is Kind.TEXT and value.strip()):
            return None
    return None


def _of_meta(attributes: dict[str, str]) -> str | None:
    charset, is_pragma = "", attributes.get("http-equiv", "").lower() == "content-type"
    if "charset" in attributes:
        charset = attributes["charset"]
    elif is_pragma and (found := CHARSET.search(attributes.get("content", ""))):
        charset = found[1] or found[2] or found[3] or ""
    return _readable(labelled(charset))


def _readable(encoding: str | None) -> str | None:
    """What can be meant: bytes that could be read so far are not UTF-16."""
    return {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}.get(encoding or "", encoding)
