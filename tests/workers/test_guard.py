"""Sessions for strangers' addresses. What they refuse is in test_fetch.py and test_delivery.py."""

import time

import pytest

from tests.workers.test_fetch import Site, dripping
from workers.guard import OutOfTime, guarded, is_web_address


def test_all_is_over_in_time_however_slowly_it_comes() -> None:
    site = Site()
    site.answer = dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    began = time.monotonic()
    with pytest.raises(OutOfTime), guarded(allow_private=True, limit=0.3) as session:
        session.get(site.url, timeout=10).content  # noqa: B018  the body is read
    assert time.monotonic() - began < 3
    site.close()


def test_an_error_within_goes_on_as_it_is() -> None:
    with pytest.raises(KeyError), guarded(allow_private=True, limit=5):
        raise KeyError("mine")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "push.example",
        "http://push.example",
        "https://",
        "https:///x",
        "https://a:b",
        "https://[half",
        "javascript:1",
    ],
)
def test_what_is_no_address_by_https(url: str) -> None:
    assert not is_web_address(url, ("https",))
    assert is_web_address("https://push.example:8443/a?b", ("https",))
