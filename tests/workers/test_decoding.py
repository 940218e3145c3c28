"""Which encoding a page is in, and what its bytes say in it. Beside a browser: tests/browser/test_reading.py."""

import pytest

from workers.decoding import text_of
from workers.errors import FetchError

RUSSIAN = "Московский университет объявил о начале приёма документов"
META = '<meta charset="{}"><p>{}'


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        # a mark at the start knows better than the header, and the header better than the page
        ("text/html; charset=windows-1252", b"\xef\xbb\xbf" + "À la carte".encode(), "À la carte"),
        ("text/html; charset=utf-8", b"\xff\xfe" + "Grüße".encode("utf-16-le"), "Grüße"),
        ("text/html; charset=utf-8", b"\xfe\xff" + "Grüße".encode("utf-16-be"), "Grüße"),
        ("text/html; charset=koi8-r", META.format("windows-1251", RUSSIAN).encode("koi8-r"), RUSSIAN),
        # one stray byte is one stray character
        ("text/html; charset=utf-8", "Grüße ".encode() + b"\xfc" + " aus Köln".encode(), "Grüße \ufffd aus Köln"),
        (
            "text/html",
            META.format("utf-8", "Grüße \0 aus Köln").encode().replace(b"\0", b"\xfc"),
            "Grüße \ufffd aus Köln",
        ),
        ("text/html", ("Grüße, Köln, Übermut, schön, süß, größer ").encode() + b"\xfc", "größer \ufffd"),
        ("text/html; charset=utf-8", b"a\xf0\x9f\x92z\xe2\x82\xacb\xed\xa0\x80c", "a\ufffdz€b\ufffd\ufffd\ufffdc"),
        # labels mean what browsers mean by them
        ("text/html; charset=iso-8859-1", b"\x93quoted\x94 \x80", "“quoted” €"),
        ("text/html; charset=us-ascii", b"\x93quoted\x94", "“quoted”"),
        ("text/html; charset=LATIN1", b"\xe9", "é"),
        ("text/html; charset=iso-8859-9", b"\xfd\x80", "ı€"),
        ("text/html; charset=tis-620", b"\xa1\x85", "ก…"),
        ("text/html; charset=windows-874", b"\xa1\x81", "ก\x81"),
        ("text/html; charset=iso-8859-8-i", "שלום".encode("iso-8859-8"), "שלום"),
        ("text/html; charset=logical", "שלום".encode("iso-8859-8"), "שלום"),
        ("text/html; charset=x-mac-cyrillic", "Привет".encode("mac-cyrillic"), "Привет"),
        ("text/html; charset=koi8-u", b"\xae\xbe", "ўЎ"),
        ("text/html; charset=shift_jis", "〜①".replace("〜", "～").encode("cp932"), "～①"),
        ("text/html; charset=x-sjis", b"\x81\x60", "～"),
        ("text/html; charset=euc-jp", b"\xa1\xc1\xad\xa1", "～①"),
        ("text/html; charset=iso-2022-jp", b"a\x1b$B$3$s\x1b(Bb", "aこんb"),
        ("text/html; charset=gb2312", "中文€".encode("gb18030") + b"\x80", "中文€€"),
        ("text/html; charset=gbk", "中文😀".encode("gb18030"), "中文😀"),
        ("text/html; charset=big5", "中文".encode("big5") + b"\x87\xa4", "中文龗"),
        ("text/html; charset=ks_c_5601-1987", "똠방각하".encode("cp949"), "똠방각하"),
        ("text/html; charset=x-user-defined", b"a\x80", "a\uf780"),
        # a lead byte takes no markup with it
        ("text/html; charset=shift_jis", b"\x81<p>", "\ufffd<p>"),
        ("text/html; charset=gbk", b"\x81<p>", "\ufffd<p>"),
        # no labels
        ("text/html; charset=utf-7", b"+AGE- \xe9t\xe9", "+AGE- été"),
        ("text/html; charset=punycode", "Köln".encode(), "Köln"),
        ("text/html; charset=\xb9", "Köln".encode(), "Köln"),
        # ways to write it
        ("text/html;charset='koi8-r'", "Привет".encode("koi8-r"), "Привет"),
        ('text/html; x="; charset=utf-8"; charset="koi8-r"', "Привет".encode("koi8-r"), "Привет"),
        ("text/html; CHARSET=koi8-r ;charset=utf-8", "Привет".encode("koi8-r"), "Привет"),
        ("", b"", ""),
    ],
)
def test_bytes_are_read_as_browsers_read_them(content_type: str, body: bytes, text: str) -> None:
    assert text_of(body, content_type).endswith(text)
    assert text_of(body, content_type).count("\ufffd") == text.count("\ufffd")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "utf-8"),
        ("Perché la città è così bella? Più tardi andrò all'università.", "windows-1252"),
        ("A informação não está disponível. Você precisa de ajuda?", "windows-1252"),
        ("Det är en vacker dag på ön. Människor åker båt över sjön.", "windows-1252"),
        ("Zażółć gęślą jaźń. Książka leży na stole, a dzieci śpią już w łóżkach.", "windows-1250"),
        ("Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.", "windows-1253"),
        ("これは日本語のページです。東京都の天気は晴れでしょう。", "shift_jis"),
        ("これは日本語のページです。東京都の天気は晴れでしょう。", "euc-jp"),
        ("これは日本語のページです。", "iso-2022-jp"),
        ("这是一个中文网页，包含一些简体中文的内容。", "gbk"),
        ("이것은 한국어 웹 페이지입니다. 서울의 날씨는 맑습니다.", "euc-kr"),
        ("no more than ASCII", "ascii"),
    ],
)
def test_where_nothing_is_declared_the_bytes_are_looked_at(text: str, encoding: str) -> None:
    page = f"<html><title>{text}</title><div class=x><p>{text}</p></div>"
    assert text_of(page.encode(encoding), "text/html") == page


def test_xhtml_is_utf_8_unless_it_says_otherwise() -> None:
    assert text_of("<p>é</p>".encode(), "application/xhtml+xml", xhtml=True) == "<p>é</p>"
    said = "<?xml version='1.0' encoding='koi8-r'?><p>Привет</p>"
    assert text_of(said.encode("koi8-r"), "application/xhtml+xml", xhtml=True) == said


@pytest.mark.parametrize("label", ["iso-2022-kr", "hz-gb-2312", "ISO-2022-CN"])
def test_an_encoding_that_hides_markup_is_refused_with_a_sentence(label: str) -> None:
    for content_type, body in ((f"text/html; charset={label}", b"<p>"), ("", f"<meta charset={label}><p>".encode())):
        with pytest.raises(FetchError, match="encoding that browsers read"):
            text_of(body, content_type)
