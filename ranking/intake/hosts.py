"""Hosts: whose addresses a site's are.

Compared is the host of the canonical address (see `urls`): in lower case, without a leading `www.`, `m.` or `amp.`,
without the port. `www.example.id` is example.id with any of these; `*.example.id` is that and every host below it.
"""

import re
from collections.abc import Iterable, Sequence

from ranking.errors import ForeignHostError
from ranking.intake.urls import host_of

#: A host as a setting names it.
_NAMED = re.compile(r"(\*\.)?([^\s/:*@?#]+|\[[0-9A-Fa-f:.]+\])")
EXPECTED = "hosts such as www.example.id or *.example.id, without scheme, port and path"


class Hosts:
    """The hosts of one site.

    Raises:
        ValueError: one of `names` is no host.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names: Sequence[str] = tuple(names)
        exact, below = set(), []
        for name in self.names:
            match = _NAMED.fullmatch(name)
            if match is None:
                raise ValueError(EXPECTED)
            host = host_of(f"https://{match[2]}/")
            exact.add(host)
            if match[1]:
                below.append(f".{host}")
        self._exact, self._below = frozenset(exact), tuple(below)

    def check(self, url: str) -> None:
        """Return if `url` is of one of the hosts, or a path.

        >>> Hosts(["www.example.id"]).check("https://m.example.id/berita")

        Raises:
            ForeignHostError: it is of another host.
            ValueError: it is no address.
        """
        host = host_of(url)
        if host and host not in self._exact and not host.endswith(self._below):
            raise ForeignHostError(
                f"url: is of host {host[:100]}, which is none of the site's: {', '.join(self.names)}"
            )


def hosts_of_addresses(addresses: Iterable[str]) -> list[str]:
    """The hosts of origins and addresses, as `Hosts` takes them.

    >>> hosts_of_addresses(["https://*.example.id", "http://localhost:3000/populer"])
    ['*.example.id', 'localhost']
    """
    authorities = (address.partition("://")[2].partition("/")[0] for address in addresses)
    return list(dict.fromkeys(re.sub(r":\d+$", "", authority) for authority in authorities))
