"""Where browsers have their pushes sent."""

import threading

import pytest

from workers.endpoints import is_nowhere, is_out_there, is_service


@pytest.mark.parametrize("host", ["invalid", "permanently-removed.invalid", "A.Invalid."])
def test_some_names_are_nowhere(host: str) -> None:
    assert is_nowhere(host, allow_private=True) and is_nowhere(host, allow_private=False)


def test_this_machine_is_on_a_private_network() -> None:
    assert is_nowhere("localhost", allow_private=False) and is_nowhere("a.localhost.", allow_private=False)
    assert not is_nowhere("localhost", allow_private=True)
    assert not is_nowhere("invalid.example", allow_private=False) and not is_nowhere("notinvalid", allow_private=False)


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("fcm.googleapis.com", True),
        ("updates.push.services.mozilla.com", True),
        ("WNS2-par02p.notify.windows.com", True),
        ("web.push.apple.com.", True),
        ("googleapis.com", False),
        ("evil-push.apple.com", False),
        ("push.apple.com.evil.example", False),
    ],
)
def test_push_services_are_known_by_their_domains(host: str, known: bool) -> None:
    assert is_service(host) is known


def test_addresses_need_no_look_up() -> None:
    assert is_out_there("1.1.1.1", 443)
    assert not is_out_there("127.0.0.1", 443) and not is_out_there("localhost", 443) and not is_out_there("::1", 443)


def test_a_name_that_can_not_be_one_is_not_there() -> None:
    assert not is_out_there("a" * 64 + ".example", 443) and not is_out_there("a..b", 443)


def test_nobody_waits_for_a_slow_resolver_and_what_it_does_not_say_is_no_fault() -> None:
    forever = threading.Event()
    assert is_out_there("127.0.0.1", 443, 0.01, lambda host, port: forever.wait() and False)
    forever.set()
