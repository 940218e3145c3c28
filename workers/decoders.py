"""Bytes to text as browsers do it: the decoders of the Encoding Standard (encoding.spec.whatwg.org, 8 to 15).

They are made of Python's codecs and of what differs there. A byte that stands for nothing becomes U+FFFD, and never
takes an ASCII character with it, which may be markup.
"""

import codecs
import re
from functools import cache
from typing import Final

import webencodings

REPLACEMENT: Final = "replacement"  # stands for encodings that browsers refuse to decode
UTF_16: Final = ("utf-16le", "utf-16be")
# each of these has lead bytes: the codec, and the characters that it has in the place of the standard's
CODECS: Final[dict[str, tuple[str, dict[int, int]]]] = {
    "big5": ("big5hkscs", str.maketrans("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡")),
    "euc-jp": ("euc_jp", str.maketrans("\u301c\u2016\u2212¢£¬", "～∥－￠￡￢")),
    "euc-kr": ("cp949", {}),
    "gb18030": (
        "gb18030",
        str.maketrans(
            "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\u1e3f"
            "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
            "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\ue7c7"
            "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
        ),
    ),
    "shift_jis": ("cp932", dict.fromkeys(range(0xF8F0, 0xF8F4), 0xFFFD)),
}
# what Python's big5hkscs lacks: the bytes of the first character, and it and those that follow it
BIG5: Final = (
    "877a㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙 "
    "87d0箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋 8e69箸 8e6f簆 8e7e糎 8eab緒 8eb4縝 8ecd者 8ed0耨 8f57菁 8f69蒨 8f6e萏 "
    "8fcb覦覩 8ffe起 906d都 907a銹 90dc靜 90f1響 91bf鼖 9244蔃 92af兙兛兝兞 92c8鍮 92d1瑹 9447浧 94ca禛 95d9邗 "
    "9644靝 96ed瀞 96fc嬨 9b76爁 9b78矗 9b7b纇 9bc6駖 9bde釔 9bec惞 9bf6澶 9c42輶 9c53侻 9c62營 9c68鄄 9c6b鷰 "
    "9c77菏 9cbc尐秣 9cd0婧 9d57輋 9d5a筑 9dc4拐 9ea9恢 9eef痹 9efd汊 9f60鬮 9f66鼗 9fcb僭 9fd8弌 a063蠏 a077拎 "
    "a0d5瑨 a0df煢 a0e4牐 a3c0␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡€ c6cf廴 c6d3无 c6d5癶 c6d7隶 c6de〃仝 fa5f倩 "
    "fa66偽 fabd包 fac5卄 fad5卿 fb48嘅 fbb8婷 fbf3幵 fbf9廐 fc4f彘 fc6c悤 fcb9撐 fce2晴 fcf1杞 fdb7沜渝 fdbb港 "
    "fdf1煮 fe52猪 fe6f瑜 feaa瓩 fedd砉 "
)
ISO_2022_JP: Final = re.compile(rb"\x1b(\([BJI]|\$[@B])")


def decode(body: bytes, encoding: str) -> str:
    """The text of a body in an encoding of the standard, named as there (in lower case)."""
    if encoding == "utf-8":
        return body.decode(errors="replace")
    if encoding in UTF_16:
        return body.decode(f"utf-16-{encoding[-2:]}", "replace")
    if encoding == REPLACEMENT:
        return "\ufffd" if body else ""
    if encoding == "iso-2022-jp":
        return _iso_2022_jp(body)
    if encoding == "gbk":
        encoding = "gb18030"
    if encoding in CODECS:
        return _by_codec(body, encoding)
    return codecs.charmap_decode(body, "strict", _table(encoding))[0]


@cache
def _table(encoding: str) -> str:
    """The 256 characters of an encoding of single bytes."""
    known = webencodings.lookup(encoding)
    assert known is not None, "an encoding of the standard"
    table = [known.codec_info.decode(bytes([byte]), "replace")[0] for byte in range(256)]
    for byte in range(0x80, 0xA0):  # Python has nothing where Windows has control characters
        if encoding.startswith("windows-") and table[byte] == "\ufffd":
            table[byte] = chr(byte)
    if encoding == "windows-1255":
        table[0xCA] = "\u05ba"
    if encoding == "koi8-u":
        table[0xAE], table[0xBE] = "ў", "Ў"
    return "".join(table)


def _by_codec(body: bytes, encoding: str) -> str:
    codec, differences = CODECS[encoding]
    text = body.decode(codec, _error_handler(encoding))
    if differences and re.search(f"[{''.join(map(chr, differences))}]", text):
        text = text.translate(differences)
    return text


@cache
def _error_handler(encoding: str) -> str:
    """The name of the error handler that goes on behind bytes that Python does not know."""
    rescue = {"big5": _big5, "euc-jp": _euc_jp, "gb18030": _gb18030}.get(encoding, _two_bytes)

    def handle(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        text, length = rescue(error.object[error.start : error.start + 4])
        return text, error.start + length

    name = f"headway.{encoding}"
    codecs.register_error(name, handle)
    return name


def _two_bytes(data: bytes) -> tuple[str, int]:
    """Of a lead byte and what follows it: what it stands for, and how many bytes that took."""
    is_pair = 0x81 <= data[0] <= 0xFE and len(data) > 1 and data[1] >= 0x80
    return "\ufffd", 2 if is_pair else 1


def _big5(data: bytes) -> tuple[str, int]:
    more = _more_big5().get(data[:2])
    return (more, 2) if more else _two_bytes(data)


@cache
def _more_big5() -> dict[bytes, str]:
    found = {}
    for run in BIG5.split():
        lead, trail = bytes.fromhex(run[:4])
        for character in run[4:]:
            found[bytes((lead, trail))] = character
            trail = 0xA1 if trail == 0x7E else trail + 1
    return found


def _euc_jp(data: bytes) -> tuple[str, int]:
    if len(data) > 1 and 0xA1 <= data[0] <= 0xFE and 0xA1 <= data[1] <= 0xFE:
        # the same table as Shift_JIS has, which Python knows with NEC's and IBM's rows
        lead, trail = divmod((data[0] - 0xA1) * 94 + data[1] - 0xA1, 188)
        pair = bytes((lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41)))
        return pair.decode("cp932", "replace")[:1], 2
    if len(data) > 2 and data[0] == 0x8F and 0xA1 <= data[1] <= 0xFE:
        return "\ufffd", 3 if data[2] >= 0x80 else 2
    if data[0] in (0x8E, 0x8F) or 0xA1 <= data[0] <= 0xFE:
        return "\ufffd", 2 if len(data) > 1 and data[1] >= 0x80 else 1
    return "\ufffd", 1


def _gb18030(data: bytes) -> tuple[str, int]:
    if data[0] == 0x80:
        return "€", 1
    if len(data) > 1 and 0x81 <= data[0] <= 0xFE and 0x30 <= data[1] <= 0x39:
        begun = len(data) < 3 or (0x81 <= data[2] <= 0xFE and (len(data) < 4 or 0x30 <= data[3] <= 0x39))
        return "\ufffd", len(data) if begun else 1  # of four bytes, which may be cut by the end
    return _two_bytes(data)


def _iso_2022_jp(body: bytes) -> str:
    """Escape sequences switch between ASCII, JIS-Roman, half-width katakana and pairs of JIS X 0208."""
    parts = ISO_2022_JP.split(body)
    found = [_ascii(parts[0])]
    for number in range(1, len(parts), 2):
        mode, data = parts[number], parts[number + 1]
        if not data and number + 2 < len(parts):
            found.append("\ufffd")  # one escape sequence right behind another hides something
        elif mode in (b"$@", b"$B"):
            found.append(_pairs(data))
        elif mode == b"(I":
            found.append("".join(chr(byte + 0xFF40) if 0x21 <= byte <= 0x5F else "\ufffd" for byte in data))
        else:
            text = _ascii(data)
            found.append(text.translate({0x5C: "¥", 0x7E: "‾"}) if mode == b"(J" else text)
    return "".join(found)


def _ascii(data: bytes) -> str:
    return re.sub("[\x0e\x0f\x1b\x80-\xff]", "\ufffd", data.decode("latin-1"))


def _pairs(data: bytes) -> str:
    def pair(found: re.Match[bytes]) -> bytes:
        is_pair = len(found[0]) == 2 and 0x21 <= found[0][1] <= 0x7E
        return bytes(byte | 0x80 for byte in found[0]) if is_pair else b"\xff"

    return _by_codec(re.sub(rb"[\x21-\x7e]{2}|[\x21-\x7e]?.", pair, data, flags=re.DOTALL), "euc-jp")
