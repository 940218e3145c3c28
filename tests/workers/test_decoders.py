"""The decoders of the Encoding Standard. Beside a browser's: tests/browser/test_reading.py."""

import pytest

from workers.decoders import decode


@pytest.mark.parametrize(
    ("encoding", "data", "text"),
    [
        ("gb18030", b"\x80\xa3\xa0\xa6\xd9\xfe\x59\xa8\xbc\x81\x35\xf4\x37", "€\u3000\ufe10\u9fb4\u1e3f\ue7c7"),
        ("gb18030", b"\x81\x30\x81", "\ufffd"),
        ("gb18030", b"\x81\x30A", "\ufffd0A"),
        ("big5", b"\x81A\xff\x88\x62\xa1\x45", "\ufffdA\ufffdÊ\u0304‧"),
        ("euc-jp", b"\x8e\xb1\x8f\xb0\xa1\xff\xa1", "ｱ丂\ufffd\ufffd"),
        ("shift_jis", b"\xb1\x80\xa0\xf0\x40\xfd", "ｱ\x80\ufffd\ue000\ufffd"),
        ("iso-2022-jp", b"\x1b(J\\~\x1b(I1\x7e\x1b$@0!0\n\x1b(B\\\x80", "¥‾ｱ\ufffd亜\ufffd\\\ufffd"),
        ("iso-2022-jp", b"\x1b(J\x1b(Ba", "\ufffda"),
        ("windows-1255", b"\xca\x81\xd9", "\u05ba\x81\ufffd"),
        ("replacement", b"<p>", "\ufffd"),
        ("replacement", b"", ""),
    ],
)
def test_bytes_become_the_standards_characters(encoding: str, data: bytes, text: str) -> None:
    assert decode(data, encoding) == text


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16le", "big5", "euc-jp", "euc-kr", "gb18030", "shift_jis", "iso-2022-jp"]
)
def test_any_bytes_have_a_text(encoding: str) -> None:
    every = bytes(range(256)) * 3 + bytes(range(255, -1, -1)) + b"\x1b$B\x1b(I" + bytes(range(256)) + b"\x81"
    assert not any("\ud800" <= character <= "\udfff" for character in decode(every, encoding))
