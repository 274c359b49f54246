"""Which addresses the service may connect to, and the resolving of names into them."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Final

#: Addresses of a host at a port.
Resolve = Callable[[str, int], Awaitable[list[str]]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: Networks whose addresses end in an IPv4 address, which a gateway connects to (RFC 6052, RFC 8215).
TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


async def resolve(host: str, port: int) -> list[str]:
    """Addresses of a host, by the system's resolver.

    Raises:
        OSError: it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet, and stays one behind a translator or a tunnel.

    >>> is_public("8.8.8.8"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::a00:1")
    (True, False, False, False)
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast for each in _with_inner(address))


def _with_inner(address: Address) -> list[Address]:
    """An address, and those that packets to it may reach."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if any(address in network for network in TRANSLATED):
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    inner: list[Address] = [address]
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner.extend(address.teredo)
    return inner
