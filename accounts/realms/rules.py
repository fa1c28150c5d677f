"""Pure rules of networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST = 100


def parsed(text: str) -> list[Network]:
    """Networks written one a line or divided by commas and spaces. Raises ValueError with the wrong one."""
    found = []
    for part in text.replace(",", " ").replace("，", " ").split():
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise ValueError(part) from error
    return found


def within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address lies in one of the networks; an IPv4 address that came as IPv6 is the IPv4 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(network) for network in networks)
