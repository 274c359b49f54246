"""The client address of a request, behind any number of proxies.

Every proxy appends the address of its peer to X-Forwarded-For, and a client may send the header with any content. The
list is therefore read from its end: an entry that a trusted proxy appended is believed, and the first address that is
no trusted proxy is the client. The header of an untrusted peer is not read.

An IPv6 client is named by its /64, as that is what one household or phone is given and may choose from at will; an
IPv4-mapped one by its IPv4 address. Addresses are kept in memory only, and only in the bounded caches below.

Rejected: the left-most address (uvicorn's `--forwarded-allow-ips '*'`), which is the client's own invention, and
`Forwarded` (RFC 7239), which no proxy sends unless told to; two headers that disagree are a way around both.
"""

import functools
import ipaddress
import re
import socket
from collections.abc import MutableMapping, Sequence
from typing import Any, Final, NamedTuple

from ranking.watching.senders import Route

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_LIST: Final = 512
"""Bytes of X-Forwarded-For that are read, from its end: ten proxies with the longest addresses."""

REMEMBERED: Final = 4096
"""Cached header values and peers: at most 3 MB a worker."""

CLIENT_BITS: Final = 64
"""Prefix length of an IPv6 address that names a client."""

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_IPV4_WITH_PORT = re.compile(r"([0-9.]+)(?::[0-9]{1,5})?")
_IPV6_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?")


NETWORK_BITS: Final = {4: 24, 6: 48}
"""How much of an address names its network: what somebody who has one of its addresses may well have, too."""


class ClientAddress(NamedTuple):
    """Address of a client, and its network (an IPv4 /24, an IPv6 /48).

    `local`: this machine itself, not forwarding for another. `route`: how the request came.
    """

    address: str
    local: bool
    network: str = ""
    route: Route = "direct"


class _Peer(NamedTuple):
    client: ClientAddress
    trusted: bool


class Addresses:
    """Finds the client of a request behind the proxies at `trusted` (addresses and CIDRs).

    A peer on a unix socket is trusted if 127.0.0.1 or ::1 is.

    Raises:
        ValueError: an entry is no address or CIDR.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted = [parsed_network(each) for each in trusted]
        self._peer = functools.lru_cache(maxsize=REMEMBERED)(self._judge)
        self._forwarded = functools.lru_cache(maxsize=REMEMBERED)(self._walk)

    def client(self, scope: MutableMapping[str, Any]) -> ClientAddress:
        """The client of an ASGI request. Never raises, whatever the headers hold."""
        listed = None
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                listed = value if listed is None else listed + b"," + value
        peer = scope.get("client")
        return self.client_behind(peer[0] if peer else None, listed)

    def client_behind(self, host: str | None, listed: bytes | None) -> ClientAddress:
        """The client for whom the peer at `host` (None: on a unix socket) asks; `listed`: its X-Forwarded-For."""
        client, trusted = self._peer(host)
        if listed is None:
            return client
        if not trusted:
            return client._replace(route="untrusted")
        if len(listed) > LONGEST_LIST:  # the first of what is left may be half an address
            listed = listed[-LONGEST_LIST:].partition(b",")[2]
        return self._forwarded(listed) or client

    def untrusted(self, host: str) -> bool:
        """Whether the X-Forwarded-For of the peer at `host` is not read."""
        return not self._peer(host)[1]

    def bounded(self, host: str) -> str | None:
        """The client whose connections the peer at `host` makes; None for a trusted proxy, which makes all readers'."""
        client, trusted = self._peer(host)
        return None if trusted else client.address

    def _judge(self, host: str | None) -> _Peer:
        if host is None:
            loopback = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))
            trusted = any(self._trusts(address) for address in loopback)
            return _Peer(ClientAddress("unix", local=True, network="unix", route=_route(trusted)), trusted)
        if (address := address_of(host)) is None:
            return _Peer(ClientAddress(host, local=False, network=host), trusted=False)
        trusted = self._trusts(address)
        client = ClientAddress(_name(address), address.is_loopback, network_of(address), _route(trusted))
        return _Peer(client, trusted)

    def _walk(self, listed: bytes) -> ClientAddress | None:
        """The right-most address that is no trusted proxy; where all are, the last one before the list ends."""
        found = None
        for entry in reversed(listed.decode("latin-1").split(",")):
            text = entry.strip()
            if not text:
                continue
            if (address := _entry(text)) is None:
                break
            found = address
            if not self._trusts(address):
                break
        return None if found is None else ClientAddress(_name(found), False, network_of(found), "forwarded")

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _route(trusted: bool) -> Route:
    """How a request came that names nobody else."""
    return "bare" if trusted else "direct"


def too_wide(trusted: Sequence[str]) -> str | None:
    """A warning where `trusted` is everybody; None where it is not. Raises ValueError like Addresses.

    >>> too_wide(["10.0.0.0/8"])
    >>> too_wide(["0.0.0.0/1", "128.0.0.0/1"])
    'the trusted proxies cover all of 0.0.0.0/0: anyone can claim any address, so name the proxies alone'
    """
    networks = [parsed_network(each) for each in trusted]
    four = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv6Network))
    everyone = [*(str(each) for each in four if not each.prefixlen), *(str(each) for each in six if not each.prefixlen)]
    if not everyone:
        return None
    named = " and ".join(everyone)
    return f"the trusted proxies cover all of {named}: anyone can claim any address, so name the proxies alone"


def network_of(address: Address) -> str:
    """The network of an address, as text.

    >>> network_of(ipaddress.ip_address("203.0.113.7")), network_of(ipaddress.ip_address("2001:db8:1:2::7"))
    ('203.0.113.0/24', '2001:db8:1::/48')
    """
    return _cut(address, NETWORK_BITS[address.version])


def parsed_network(text: str, what: str = "trusted proxy") -> Network:
    """The network that an address or a CIDR names. Raises ValueError, which says that `what` is one."""
    try:
        network: Network = ipaddress.ip_network(text.strip())
    except ValueError:
        try:
            loose = ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise ValueError(
                f"a {what} is an address or a CIDR such as 10.0.0.0/8 or ::1, and {text!r} is neither"
            ) from None
        raise ValueError(f"{what} {text!r} has bits set past its prefix: write {loose}") from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        return ipaddress.IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - _MAPPED.prefixlen))
    return network


def address_of(text: str) -> Address | None:
    """An address without its zone; IPv4 where it is mapped into IPv6. None for anything else."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address


def _entry(text: str) -> Address | None:
    """An entry of X-Forwarded-For: an address, maybe with a port; IPv6 with or without brackets."""
    parsed = _IPV4_WITH_PORT.fullmatch(text) or _IPV6_WITH_PORT.fullmatch(text)
    return address_of(parsed[1] if parsed else text)


def _name(address: Address) -> str:
    return str(address) if address.version == 4 else _cut(address, CLIENT_BITS)


def _cut(address: Address, bits: int) -> str:
    """The network of `bits` (whole bytes) around an address, as ipaddress writes it, at a tenth of its time."""
    packed = address.packed
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return f"{socket.inet_ntop(family, packed[: bits // 8].ljust(len(packed), bytes(1)))}/{bits}"
