"""Which network addresses are public. Python's own `is_global` misses the disguises of inner ones."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
COMPATIBLE = IPv6Network("::/96")
SITE_LOCAL = IPv6Network("fec0::/10")
SIX_TO_FOUR_ANYCAST = "192.88.99."


def unwrap(address: str) -> IPv4Address | IPv6Address:
    """The address that is really reached: IPv4 taken out of its mapped, NAT64, 6to4 and Teredo forms.

    Raises ValueError for what is no address.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return found
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found.sixtofour is not None:
        return found.sixtofour
    if found.teredo is not None:
        return found.teredo[1]
    if found in NAT64 or (found in COMPATIBLE and int(found) > 1):
        return IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def is_public(address: str) -> bool:
    """Whether an address is out on the internet: not loopback, private, shared (100.64/10), link- or
    site-local, multicast, reserved or unspecified, in whatever form it is written."""
    try:
        found = unwrap(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and (found in SITE_LOCAL or found in NAT64_LOCAL):
        return False
    return (
        found.is_global
        and not found.is_multicast
        and not found.is_reserved
        and not found.is_unspecified
        and not found.is_loopback
        and not found.is_link_local
        and not str(found).startswith(SIX_TO_FOUR_ANYCAST)
    )
