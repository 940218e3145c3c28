"""Addresses of the network: which of them count as one client, and which proxies may speak for others."""

import ipaddress
import re
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAPPED_BITS = 96  # of ::ffff:0:0/96, an IPv4 address as IPv6 writes it
CLIENT_BITS = 64  # of an IPv6 address: one client usually has all the addresses below them
WITH_PORT = re.compile(r"\[(?P<six>[^\]]+)\](:[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}")


def networks(text: str) -> tuple[Network, ...]:
    """The networks in a list with commas, such as "10.0.0.5, 172.16.0.0/12, 2001:db8::/32".

    Raises:
        ValueError: a part is neither an address nor a network.
    """
    return tuple(_unmapped(ipaddress.ip_network(part.strip())) for part in text.split(",") if part.strip())


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether one of the networks holds this address. Text that is no address is in none."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def block_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address. Other text stays as it is."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((int(parsed) >> CLIENT_BITS << CLIENT_BITS, CLIENT_BITS)))


def client_of(peer: str, forwarded_for: str, trusted: Iterable[Network]) -> str:
    """Who sent a request that came from `peer` with this X-Forwarded-For.

    Each proxy adds the address that it heard from at the right end. So we walk from the right, for as long as the
    one who wrote an entry is a trusted proxy; what is left of that, anybody may have made up.
    """
    trusted = tuple(trusted)
    client = peer
    entries = forwarded_for.split(",")
    while is_within(client, trusted) and entries:
        heard = _parsed(entries.pop())
        if heard is None:
            break
        client = str(heard)
    return client


def is_wildcard(address: str) -> bool:
    """Whether a server that listens there listens on every address of its machine."""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_unspecified


def url(host: str, port: int, path: str = "/") -> str:
    """What a person on this machine can open of a server that listens at `host`."""
    parsed = _parsed(host)
    if parsed is not None and parsed.is_unspecified:
        host = "127.0.0.1" if parsed.version == 4 else "::1"
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"


def _parsed(text: str) -> Address | None:
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match["six"] or match["four"]
    try:
        # the zone of a link-local address names one of our own network cards
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _unmapped(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((int(mapped), network.prefixlen - MAPPED_BITS))
    return network
