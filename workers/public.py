"""Which IP addresses are on the public internet. Knows no names and opens no connection."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from socket import inet_aton

GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out
# Python's `is_global` lets some of these pass, in one version or another
NOT_PUBLIC = tuple(
    ip_network(block)
    for block in (
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890)
        "192.88.99.0/24",  # anycast of 6to4 relays (RFC 7526)
        "100.64.0.0/10",  # behind a provider's NAT (RFC 6598)
        "2001::/23",  # IETF protocol assignments; 2001::/32 is Teredo, which carries two IPv4 addresses (RFC 4380)
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
ISATAP = (0x00005EFE, 0x02005EFE)  # bits 64 to 95 of an address whose last 32 are an IPv4 address (RFC 5214, §6.1)


def is_public(text: str) -> bool:
    """Whether `text` is an IP address on the public internet; False where it is no address.

    IPv6 must be global unicast, so that no block that carries an IPv4 address outside of it passes: compatible ::/96,
    translated ::ffff:0:0:0/96, NAT64 64:ff9b::/96 and 64:ff9b:1::/48. A mapped one (::ffff:0:0/96) is what the kernel
    makes of it: the IPv4 address. The prefix of a network's own NAT64 can't be told from any other (RFC 6052, §2.2).
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_open(address.ipv4_mapped)
        if address.scope_id is not None or address not in GLOBAL_UNICAST:
            return False
        if (int(address) >> 32) & 0xFFFFFFFF in ISATAP and not _is_open(IPv4Address(int(address) & 0xFFFFFFFF)):
            return False
    return _is_open(address)


def is_inner(host: str) -> bool:
    """Whether `host` is an address that is not public, in any way of writing one: 127.1, 2130706433, 0x7f000001, …"""
    try:
        written = ip_address(host)
    except ValueError:
        try:
            written = IPv4Address(inet_aton(host))
        except (OSError, ValueError):  # ValueError: not even ASCII
            return False
    return not is_public(str(written))


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    return (
        address.is_global
        and not (address.is_private or address.is_multicast or address.is_reserved)
        and not (address.is_loopback or address.is_link_local or address.is_unspecified)
        and not any(address in block for block in NOT_PUBLIC)
    )
