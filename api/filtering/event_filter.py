"""The checks that a public event must pass before it counts: its page, its sender, and the sender's rate.

An event is left out for one reason, which metrics and answers name:

    origin      no page of the site sent it (`sites.origins`)
    robot, prefetch, fetch   no reader did (`ingest.bots`)
    gpc         the reader objects to being counted (`ingest.gpc = "refuse"`)
    limited     its visitor sends more than readers do, or its address altogether

What its network may add to an item is bounded where it is counted (`ranking.intake.networks`).

A holder of a write key passes unchecked: a server vouches for its readers. Programs of this machine itself are not
limited either; a browser's agent from this machine is a reader behind a proxy, who is.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from api.filtering.addresses import Addresses, ClientAddress
from api.filtering.bots import Robots
from api.filtering.limits import Limiter
from api.filtering.origins import Origins
from api.filtering.visitors import Sender, Visitors
from api.http.asgi import Scope
from ranking.intake.events import Event
from ranking.settings.service import Settings, SiteSettings

BURST_MINUTES: Final = 2.0
"""A limit's burst: what it allows in this many minutes may come at once."""

BROWSER: Final = b"Mozilla/"
"""What every browser's agent opens with."""

REMEMBERED: Final = 50_000
"""Senders tracked per limit: about 15 MB a worker when all of them are busy."""


class _Limited(NamedTuple):
    per_minute: int
    limiter: Limiter | None


class EventFilter:
    """The filter of one worker. `visitors` None: visitors are not distinguished, repeats count.

    `before` is the filter that this one replaces: a limit that stays keeps the state of its senders.
    """

    def __init__(self, settings: Settings, visitors: Visitors | None, before: "EventFilter | None" = None) -> None:
        ingest = settings.ingest
        self._gpc = ingest.gpc
        self._dedupe = ingest.dedupe_window_s > 0
        self._visitors = visitors
        self._addresses = Addresses(settings.service.trusted_proxies)
        known: Robots | None = before._robots if before else None
        self._robots: Robots | None = (known or Robots()) if ingest.bots else None
        self._origins = {site.id: Origins(site.origins) for site in settings.sites if site.origins}
        limits = (ingest.address_limit, ingest.visitor_limit if visitors is not None else 0)
        old: Sequence[_Limited] = before._limited if before else [_Limited(0, None)] * len(limits)
        self._limited: list[_Limited] = [
            was if was.per_minute == limit else _Limited(limit, _limiter(limit))
            for was, limit in zip(old, limits, strict=True)
        ]
        self._by_address, self._by_visitor = (each.limiter for each in self._limited)

    def may_send(self, site: SiteSettings, headers: Mapping[bytes, bytes]) -> bool:
        """Whether the site takes events from the page that sent this."""
        origins = self._origins.get(site.id)
        return origins is None or origins.allows(headers)

    def refusal(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
        """Why this request's events do not count; None where they may."""
        if self._robots is not None and (reason := self._robots.refusal(scope["headers"])) is not None:
            return reason
        return "gpc" if self._gpc == "refuse" and headers.get(b"sec-gpc") == b"1" else None

    def client(self, scope: Scope) -> ClientAddress:
        """The client address of a request.

        A browser is never this machine itself, as a proxy here may not say for whom it asks.
        """
        client = self._addresses.client(scope)
        if client.local and any(name == b"user-agent" and BROWSER in agent for name, agent in scope["headers"]):
            return client._replace(local=False)
        return client

    def bounded(self, host: str) -> str | None:
        """The client whose connections a peer makes; None for a trusted proxy."""
        return self._addresses.bounded(host)

    def room(self, client: ClientAddress, count: int, now: float) -> int:
        """How many of `count` events its address may send now (epoch seconds)."""
        if self._by_address is None or client.local:
            return count
        return self._by_address.take(client.address, count, now)

    def wait_s(self, client: ClientAddress, now: float) -> float:
        """Seconds until its address may send again."""
        return 0.0 if self._by_address is None else self._by_address.wait_s(client.address, now)

    def reader(self, site: SiteSettings, client: ClientAddress, headers: Mapping[bytes, bytes]) -> Sender | None:
        """The sender of a public request; None where neither repeats nor networks are told apart."""
        if self._visitors is None:
            return None
        return self._visitors.reader(site.id, client.address, client.network, headers.get(b"user-agent", b""))

    def tells_visitors(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether repeats of this request's visitors are left out."""
        return self._dedupe and not (self._gpc == "no-visitor" and headers.get(b"sec-gpc") == b"1")

    def server(self, site: SiteSettings) -> Sender | None:
        """Tells the visitors that a holder of the site's key names."""
        return self._visitors.server(site.id) if self._visitors is not None and self._dedupe else None

    def stopped(self, events: Sequence[Event], client: ClientAddress, now: float) -> list[int]:
        """Which of some events (their places) are more than their visitor may send."""
        of_visitor = self._by_visitor
        if of_visitor is None or client.local:
            return []
        return [
            place
            for place, event in enumerate(events)
            if event.visitor is not None and not of_visitor.take(event.visitor.now, 1, now)
        ]


def _limiter(per_minute: float) -> Limiter | None:
    return Limiter(per_minute, BURST_MINUTES * per_minute, REMEMBERED) if per_minute else None
