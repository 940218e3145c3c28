"""Which addresses are public."""

import ipaddress
import random

import pytest

from workers.public import is_inner, is_public

INNER = [  # addresses of IPv4 that lead nowhere a stranger may send us
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "232.1.1.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.1",
]


def carriers(inner: str) -> list[str]:
    """Every form of IPv6 that carries this address of IPv4."""
    number = int(ipaddress.IPv4Address(inner))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    return [
        f"::ffff:{high}:{low}",  # mapped
        f"::{high}:{low}",  # compatible
        f"::ffff:0:{high}:{low}",  # translated
        f"64:ff9b::{high}:{low}",  # NAT64
        f"64:ff9b:1::{high}:{low}",  # NAT64 within a network
        f"2002:{high}:{low}::1",  # 6to4
        f"2001:0:{high}:{low}:0:0:0:0",  # Teredo: the server
        f"2001:0:101:101:0:ffff:{number >> 16 ^ 0xFFFF:x}:{number & 0xFFFF ^ 0xFFFF:x}",  # Teredo: the client
        f"fe80::5efe:{high}:{low}",  # ISATAP on a link
        f"2606:4700::5efe:{high}:{low}",  # ISATAP behind a public prefix
        f"2606:4700::200:5efe:{high}:{low}",
    ]


@pytest.mark.parametrize("inner", INNER)
def test_an_inner_address_is_not_public_in_any_form(inner: str) -> None:
    for address in [inner, *carriers(inner)]:
        assert not is_public(address), address


@pytest.mark.parametrize(
    "address",
    [
        "::",
        "::1",
        "::2",
        "100::1",
        "1000::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:1ff::1",
        "2001:db8::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456:789a::1",
        "fe80::1",
        "fe80::1%lo",
        "2606:4700::1%lo",
        "fec0::1",
        "feff::1",
        "ff02::1",
        "ff0e::1",
        "64:ff9b::808:808",
        "::ffff:0:808:808",
        "::808:808",
        # what is no address at all
        "",
        "localhost",
        "2130706433",
        "127.1",
        "1.1.1.1 ",
        "[2606:4700::1]",
    ],
)
def test_nothing_beside_global_unicast_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", [*OPEN, *(f"::ffff:{one}" for one in OPEN), "2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1"]
)
def test_what_is_public_stays_so(address: str) -> None:
    assert is_public(address)


def test_isatap_goes_by_the_address_that_it_carries() -> None:
    assert is_public("2606:4700::5efe:8.8.8.8") and not is_public("2606:4700::5efe:10.0.0.1")


def test_of_all_of_ipv6_only_an_eighth_can_be_public() -> None:
    pick = random.Random(1)
    for _ in range(20_000):
        address = ipaddress.IPv6Address(pick.getrandbits(128))
        if int(address) >> 125 != 1:
            assert not is_public(str(address)), address


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "::1",
        "fec0::1",
        "0",
    ],
)
def test_an_inner_address_is_known_however_it_is_written(host: str) -> None:
    assert is_inner(host)


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "134744072", "2606:4700::1111", "localhost", "a.test", "1.2.3.4.5", "é", ""]
)
def test_other_hosts_are_not_inner_addresses(host: str) -> None:
    assert not is_inner(host)
