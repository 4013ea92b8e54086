"""Which addresses may be connected to? Those that anyone on the internet could reach."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, TypeAlias

from mh_preflight.errors import MediaError

if TYPE_CHECKING:
    from mh_preflight.media.origins.far import Deadline

__all__ = ["may_connect", "resolved"]

Address: TypeAlias = IPv4Address | IPv6Address

NAT64 = IPv6Network("64:ff9b::/96")
NEVER = (
    IPv6Network("64:ff9b:1::/48"),  # a network's own NAT64, which may lead anywhere
    IPv4Network("192.0.0.0/24"),  # protocols, and Oracle's metadata; Pythons differ on it
    IPv4Network("240.0.0.0/4"),
    # What clouds tell a machine about itself, keys included, at addresses that are not link-local.
    IPv4Network("168.63.129.16/32"),
    IPv4Network("100.100.100.200/32"),
    IPv6Network("fd00:ec2::254/128"),
    IPv6Network("fd20:ce::254/128"),
)


def may_connect(address: Address, *, allow_private: bool = False) -> bool:
    """Tell whether an address may be connected to.

    IPv6 addresses that carry an IPv4 address count as that one: mapped, 6to4, Teredo, NAT64.
    Link-local addresses, at which clouds keep the keys of a machine, are never connected to.

    Args:
        address: What a name was resolved to.
        allow_private: Take addresses of private networks and of this machine too.

    Example:
        >>> from ipaddress import ip_address
        >>> may_connect(ip_address("1.1.1.1")), may_connect(ip_address("::ffff:127.0.0.1"))
        (True, False)
    """
    if isinstance(address, IPv6Address):
        inner = _carried(address)
        if inner is not None:
            return may_connect(inner, allow_private=allow_private)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if any(address in network for network in NEVER):
        return False
    local = address.is_private or address.is_loopback or getattr(address, "is_site_local", False)
    return allow_private if local else address.is_global and not address.is_reserved


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    low = int(address) & 0xFFFF_FFFF
    if address in NAT64 or (int(address) >> 32 == 0 and low > 1):  # the latter: ::1.2.3.4
        return IPv4Address(low)
    return None


def resolved(host: str, port: int, deadline: Deadline, *, allow_private: bool) -> list[str]:
    """Resolve a name once, so that what was checked is what is connected to.

    Args:
        host: A name or an address as text.
        port: The port.
        deadline: By when it must be resolved.
        allow_private: As for `may_connect`.

    Raises:
        MediaError: It cannot be resolved, or none of its addresses may be connected to.
    """
    try:
        found = deadline.call(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise MediaError(f"{host!r} cannot be found: {error}", code="network") from error
    addresses = dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found)
    allowed = [
        each for each in addresses if may_connect(ip_address(each), allow_private=allow_private)
    ]
    if not allowed:
        raise _refused(host, [ip_address(each) for each in addresses])
    return allowed


def _refused(host: str, addresses: list[Address]) -> MediaError:
    place = f"{host!r} is at {addresses[0] if addresses else 'no address'}"
    if any(may_connect(each, allow_private=True) for each in addresses):
        reason = (
            "a private address, which is connected to only where Limits(allow_private=True) or "
            "--allow-private says so"
        )
    else:
        reason = "an address that is never connected to"
    return MediaError(f"{place}, {reason}", code="address-refused")
