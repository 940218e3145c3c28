"""Origins, as browsers write them."""

import pytest

from workers.origins import host, origin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://shop.example", "https://shop.example"),
        (" https://shop.example/ ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("HTTPS://Shop2.Example", "https://shop2.example"),
        ("http://local.example:80", "http://local.example"),
        ("http://local.example:", "http://local.example"),
        ("http://local.example:443", "http://local.example:443"),
        ("https://local.example:80", "https://local.example:80"),
        ("http://localhost:08080", "http://localhost:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.example:8443", "https://xn--bcher-kva.example:8443"),
        ("https://bu\u0308cher.example", "https://xn--bcher-kva.example"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://例え.テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("https://shop\u3002example", "https://shop.example"),
        ("https://my_shop.example", "https://my_shop.example"),
        ("https://shop.example.", "https://shop.example."),
        ("http://127.0.0.1:5001", "http://127.0.0.1:5001"),
        ("http://[::1]:5001", "http://[::1]:5001"),
        ("http://[2001:DB8:0:0::1]:80", "http://[2001:db8::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_do(text: str, expected: str) -> None:
    assert origin(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("shop.example", "no http"),
        ("null", "no http"),
        ("*", "no http"),
        ("ftp://shop.example", "no http"),
        ("https://", "no http"),
        ("https://*.wild.example", "in full"),
        ("https://user@u.example", "no user"),
        ("https://user:hunter2@u.example", "no user"),
        ("https://shop.example/page", "no path"),
        ("https://shop.example?a", "no path"),
        ("https://shop.example#", "no path"),
        ("https://shop.example:0", "port"),
        ("https://shop.example:65536", "port"),
        ("https://shop.example:http", "port"),
        ("https://shop .example", "no host name"),
        ("https://caf\u00e9☕.example", "no host name"),
        ("https://a..b", "no host name"),
        ("https://a\u2100b.example", "no address"),
        ("https://127.1", "no IPv4"),
        ("https://0x7f.1", "no IPv4"),
        ("https://[::g]", "no address|no IPv6"),
        ("https://[half", "no address"),
    ],
)
def test_one_that_no_browser_names_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        origin(text)
    assert "hunter2" not in str(refused.value)


def test_names_without_a_scheme_are_written_so_too() -> None:
    assert [host(name) for name in ("Bücher.Example", "::1", "10.0.0.5")] == [
        "xn--bcher-kva.example",
        "[::1]",
        "10.0.0.5",
    ]
