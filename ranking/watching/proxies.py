"""Whether readers are told apart behind proxies: facts about senders -> what is wrong, and which setting mends it."""

import ipaddress
from typing import Final, NamedTuple

from ranking.watching.senders import SenderFacts

UNTRUSTED, BARE, ONE_SENDER = "forwarded_untrusted", "forwarded_missing", "one_sender"
#: Of fewer events nothing is said …
LEAST_EVENTS: Final = 20
#: … and of fewer nothing that a stranger could bring about alone.
LEAST_OF_STRANGERS: Final = 100
#: Where proxies of one's own stand: no reader comes from there.
OWN: Final = [
    ipaddress.ip_network(each)
    for each in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1", "fc00::/7", "fe80::/10"
    )
]  # fmt: skip


class ProxyFault(NamedTuple):
    """`alarm` is the alarm's name."""

    alarm: str
    says: str


def proxy_fault(facts: SenderFacts) -> ProxyFault | None:
    """What is wrong with the senders of a site; None where nothing is."""
    most = facts.events / 2
    least = LEAST_EVENTS if _is_own(facts.untrusted) else max(LEAST_OF_STRANGERS, most)
    if facts.untrusted_events >= least:
        return ProxyFault(
            UNTRUSTED,
            f"{_events(facts.untrusted_events)} came from {facts.untrusted} with an X-Forwarded-For that is not"
            " believed, so that all its readers count as one. If it is your proxy, add it to service.trusted_proxies",
        )
    if facts.bare_events >= max(LEAST_EVENTS, most):
        return ProxyFault(
            BARE,
            f"{_events(facts.bare_events)} came from {facts.bare}, which is in service.trusted_proxies and sends no"
            " X-Forwarded-For, so that all its readers count as one. Have the proxy send it (nginx: proxy_set_header"
            " X-Forwarded-For $proxy_add_x_forwarded_for)",
        )
    if facts.events >= LEAST_OF_STRANGERS and facts.greatest_events > most:
        return ProxyFault(
            ONE_SENDER,
            f"{_events(facts.greatest_events)}, of {facts.events:,}, came from {facts.greatest} alone. If it is your"
            " proxy, add it to service.trusted_proxies; if it is a server of yours, have it send the site's write key;"
            " if it is neither, lower ingest.address_limit",
        )
    return None


def _events(count: int) -> str:
    return f"{count:,} public events of the last hour"


def _is_own(address: str) -> bool:
    try:
        first = ipaddress.ip_network(address).network_address
    except ValueError:
        return address == "unix"
    return any(first in network for network in OWN)
