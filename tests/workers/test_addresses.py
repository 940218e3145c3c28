"""Addresses: which count as one client, and whose X-Forwarded-For we believe."""

import pytest

from workers.addresses import block_of, client_of, is_wildcard, is_within, networks, url

PROXIES = networks("10.0.0.0/8, 192.0.2.7, 2001:db8:1::/48")


def test_a_list_names_addresses_and_networks() -> None:
    assert [str(network) for network in PROXIES] == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8:1::/48"]
    assert networks("") == networks(" , ") == ()
    assert [str(network) for network in networks("::ffff:10.0.0.0/104")] == ["10.0.0.0/8"]


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1:80", "10.0.0.1 10.0.0.2"])
def test_a_list_with_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        networks(text)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.255.0.1", True),
        ("::ffff:10.255.0.1", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8:1:ff::1", True),
        ("2001:db8:2::1", False),
        ("unix", False),
        ("", False),
    ],
)
def test_an_address_is_in_a_network_however_it_is_written(address: str, inside: bool) -> None:
    assert is_within(address, PROXIES) == inside


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::ffff:cb00:7109", "203.0.113.9"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_one_client_is_an_ipv4_address_or_a_64_of_ipv6(address: str, block: str) -> None:
    assert block_of(address) == block


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        # nobody's word counts but a trusted proxy's
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        # what the client itself sent stands further left
        ("10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "127.0.0.1, 198.51.100.1, 192.0.2.7 ,10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        # a proxy that writes something else speaks for itself
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1,,10.0.0.2", "10.0.0.2"),
        # with the port, as some proxies write it
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::5]:4711", "2001:db8::5"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("unix", "198.51.100.1", "unix"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_no_trusted_proxy_is(
    peer: str, forwarded_for: str, client: str
) -> None:
    assert client_of(peer, forwarded_for, PROXIES) == client


def test_a_long_chain_is_walked_in_reasonable_time() -> None:
    assert client_of("10.0.0.1", ",".join(["10.0.0.2"] * 5000), PROXIES) == "10.0.0.2"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000/"),
        ("localhost", "http://localhost:5000/"),
        ("jobs.example", "http://jobs.example:5000/"),
        ("::1", "http://[::1]:5000/"),
        ("2001:db8::7", "http://[2001:db8::7]:5000/"),
        ("0.0.0.0", "http://127.0.0.1:5000/"),
        ("::", "http://[::1]:5000/"),
        ("0:0:0:0:0:0:0:0", "http://[::1]:5000/"),
    ],
)
def test_where_a_server_listens_a_person_can_open_it(host: str, expected: str) -> None:
    assert url(host, 5000) == expected
    assert is_wildcard(host) == (host in ("0.0.0.0", "::", "0:0:0:0:0:0:0:0"))
