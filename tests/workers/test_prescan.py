"""What a page declares its encoding to be."""

import pytest

from workers.prescan import declared


@pytest.mark.parametrize(
    ("html", "encoding"),
    [
        ("<meta charset=koi8-r>", "koi8-r"),
        ("<META CHARSET = ' KOI8-R '>", "koi8-r"),
        ("<meta name=x content='charset=koi8-r'>", None),
        ('<meta http-equiv=Content-Type content="text/html; charset=koi8-r">', "koi8-r"),
        ('<meta content="text/html; charset = \'koi8-r\'; x" http-equiv="content-type"/>', "koi8-r"),
        ("<meta charset=utf-16>", "utf-8"),
        ("<meta charset=UTF-16BE>", "utf-8"),
        ("<meta charset=x-user-defined>", "windows-1252"),
        ("<meta charset=utf-7>", None),
        ("<meta charset=nonsense><meta charset=koi8-r>", "koi8-r"),
        ("<meta charset=nonsense http-equiv=content-type content='charset=koi8-r'>", None),
        ("<meta charset=koi8-r charset=utf-8>", "koi8-r"),
        ("<metacharset=koi8-r>", None),
        ("<!-- <meta charset=utf-8> --><meta charset=koi8-r>", "koi8-r"),
        ("<!--><meta charset=koi8-r>", "koi8-r"),
        ("<a title='<meta charset=utf-8>'><meta charset=koi8-r>", "koi8-r"),
        ("<?php <meta charset=utf-8> ?><meta charset=koi8-r>", "koi8-r"),
        ("</ <meta charset=utf-8><meta charset=koi8-r>", "koi8-r"),
        ('<?xml version="1.0" encoding="koi8-r"?><p>', "koi8-r"),
        ('<?xml version="1.0" encoding="koi8-r"?><meta charset=windows-1251>', "windows-1251"),
        ("<meta charset='koi8-r", None),
        # behind the first bytes, in the head
        ("<!--" + "x" * 2000 + "--><title>y</title><meta charset=koi8-r>", "koi8-r"),
        ("<script>'<meta charset=utf-8>'" + "x" * 2000 + "</script>", "utf-8"),
        ("<script>" + "x" * 2000 + "'<meta charset=utf-8>'</script><meta charset=koi8-r>", "koi8-r"),
        ("<p>" + "x" * 2000 + "<meta charset=koi8-r>", None),
        ("<p>no", None),
        ("<" * 3000, None),
    ],
)
def test_what_a_page_says_of_itself_is_found_as_the_standard_has_it(html: str, encoding: str | None) -> None:
    assert declared(html.encode()) == encoding
