"""The checks that a public event must pass before it counts: its page, its sender, and the sender's rate.

An event is left out for one reason, which metrics and answers name:

    origin      no page of the site sent it (`sites.origins`)
    robot, prefetch, fetch   no reader did (`ingest.bots`)
    gpc         the reader objects to being counted (`ingest.gpc = "refuse"`)
    limited     its visitor sends more than readers do, or its address altogether

What its network may add to an item is bounded where it is counted (`ranking.intake.networks`).

Thousands of readers may share an address, so its limit is charged with what counts, and given back what turned out not
to. What cannot count (repeats, robots, invalid events, bodies that cannot be read) draws from another bucket of the
address, as large. Once that is empty, requests that can be seen to be mostly such are refused, and no others: nobody
spends the room of the readers beside him with anything but reads. Limits are per site and over all workers of a host:
each worker allows its part.

A holder of a write key passes unchecked: a server vouches for its readers. Requests from this machine itself are not
limited either; behind a trusted proxy they carry the reader's address and are.
"""

import functools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import structlog

from api.filtering.addresses import LONGEST_LIST, Addresses, ClientAddress
from api.filtering.bots import Robots
from api.filtering.limits import Limiter
from api.filtering.origins import Origins
from api.filtering.visitors import LONGEST_REMEMBERED, Sender, Visitors
from api.http.asgi import Scope
from ranking.intake.events import Event
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings

log = structlog.get_logger("api")

BURST_MINUTES: Final = 2
"""A limit's burst: what it allows in this many minutes may come at once."""

BROWSER: Final = b"Mozilla/"
"""What every browser's agent opens with."""

SENDERS: Final = 8_192
"""Senders that are remembered: at most 8 MB a worker, beside what `visitors` keeps of the same ones."""

REMEMBERED: Final = 50_000
"""Senders tracked per limit: about 15 MB a worker when all of them are busy."""


class PublicSender(NamedTuple):
    """Who sends from an address with a user agent.

    `key` names the address in limits; `reader` None: neither repeats nor networks are told apart.
    """

    client: ClientAddress
    key: str
    is_robot: bool
    reader: Sender | None


class _Limited(NamedTuple):
    per_minute: Fraction
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
        self._warned: bool = (
            before is not None and before._warned and before._proxies == settings.service.trusted_proxies
        )
        self._proxies: tuple[str, ...] = settings.service.trusted_proxies
        known: Robots | None = before._robots if before else None
        self._robots: Robots | None = (known or Robots()) if ingest.bots else None
        self._origins = {site.id: Origins(site.origins) for site in settings.sites if site.origins}
        workers = settings.service.workers
        per_address = Fraction(ingest.address_limit, workers)
        per_visitor = Fraction(ingest.visitor_limit if visitors is not None else 0, workers)
        limits = (per_address, per_address, per_visitor)
        old: Sequence[_Limited] = before._limited if before else [_Limited(Fraction(0), None)] * len(limits)
        self._limited: list[_Limited] = [
            was if was.per_minute == limit else _Limited(limit, _limiter(limit))
            for was, limit in zip(old, limits, strict=True)
        ]
        self._by_address, self._junk, self._by_visitor = (each.limiter for each in self._limited)
        self._senders = functools.lru_cache(maxsize=SENDERS)(self._sender)
        self._hashes: object = None  # those of `_senders`

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
        if not client.local:
            return client
        return _as_reader(client, b" ".join(value for name, value in scope["headers"] if name == b"user-agent"))

    def sender(self, site: str, host: str | None, listed: bytes | None, agent: bytes) -> PublicSender:
        """The sender at peer `host` with this X-Forwarded-For and this user agent, as all of its requests have it.

        It is remembered for as long as visitors are hashed under the same salts.
        """
        if self._visitors is not None and (hashes := self._visitors.current()) is not self._hashes:
            self._senders.cache_clear()
            self._hashes = hashes
        if len(agent) > LONGEST_REMEMBERED or (listed is not None and len(listed) > LONGEST_LIST):
            return self._sender(site, host, listed, agent)
        return self._senders(site, host, listed, agent)

    def _sender(self, site: str, host: str | None, listed: bytes | None, agent: bytes) -> PublicSender:
        client = _as_reader(self._addresses.client_behind(host, listed), agent)
        is_robot = self._robots is not None and self._robots.reason(agent) is not None
        reader = None
        if self._visitors is not None:
            reader = self._visitors.reader(site, client.address, client.network, agent)
        return PublicSender(client, _key(site, client), is_robot, reader)

    def warn_of_proxy(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Say once that a peer names its clients and is not believed: all of them count as one."""
        peer = scope.get("client")
        if self._warned or peer is None or b"x-forwarded-for" not in headers or not self._addresses.untrusted(peer[0]):
            return
        self._warned = True
        log.warning(
            "X-Forwarded-For of a peer that is not trusted is ignored, so all readers behind it are one sender."
            " If it is a proxy of yours, add it to service.trusted_proxies.",
            peer=peer[0],
        )

    def bounded(self, host: str) -> str | None:
        """The client whose connections a peer makes; None for a trusted proxy."""
        return self._addresses.bounded(host)

    def stopped(
        self, site: SiteSettings, client: ClientAddress, events: Sequence[Event], repeats: int, now: float
    ) -> list[int] | None:
        """The places of the events that are more than their visitor may send; room is reserved for the others.

        None: their address may not send as many, and nothing was reserved. `repeats` of them do not count, as is known
        already; others that turn out not to are to be given back.
        """
        if client.local:
            return []
        by_address, by_visitor = self._by_address, self._by_visitor
        if by_address is not None and not by_address.take_all(_key(site.id, client), len(events) - repeats, now):
            return None
        if by_visitor is None:
            return []
        stopped = [
            place
            for place, event in enumerate(events)
            if event.visitor is not None and not by_visitor.take(event.visitor.now, 1, now)
        ]
        if stopped and by_address is not None:
            by_address.give_back(_key(site.id, client), len(stopped))
        return stopped

    def reserve(self, sender: PublicSender, event: Event, now: float) -> bool:
        """Reserve room for one event.

        False: its visitor or address may not send it, or its address has sent too much that cannot count; nothing was
        reserved.
        """
        if sender.client.local:
            return True
        by_address, by_visitor, junk, key = self._by_address, self._by_visitor, self._junk, sender.key
        if junk is not None and junk.wait_s(key, now):
            return False
        if by_address is not None and not by_address.take(key, 1, now):
            return False
        if by_visitor is None or event.visitor is None or by_visitor.take(event.visitor.now, 1, now):
            return True
        if by_address is not None:
            by_address.give_back(key, 1)
        return False

    def release(self, sender: PublicSender, event: Event) -> None:
        """Take no room of what was reserved for `event`, which did not count."""
        self._give_back(sender.client, sender.key, (event,))

    def give_back(self, site: SiteSettings, client: ClientAddress, events: Sequence[Event]) -> None:
        """Take no room of what was reserved for `events`, which did not count."""
        self._give_back(client, _key(site.id, client), events)

    def _give_back(self, client: ClientAddress, key: str, events: Sequence[Event]) -> None:
        if client.local:
            return
        if self._by_address is not None:
            self._by_address.give_back(key, len(events))
        if self._by_visitor is not None:
            for event in events:
                if event.visitor is not None:
                    self._by_visitor.give_back(event.visitor.now, 1)

    def charge_junk(self, site: SiteSettings, client: ClientAddress, count: int, now: float) -> None:
        """Charge an address for events that do not count."""
        if self._junk is not None and not client.local:
            self._junk.charge(_key(site.id, client), count, now)

    def charge_one(self, sender: PublicSender, now: float) -> None:
        """Charge a sender for an event that does not count."""
        if self._junk is not None and not sender.client.local:
            self._junk.charge(sender.key, 1, now)

    def junk_wait_s(self, site: SiteSettings, client: ClientAddress, now: float) -> float:
        """Seconds until its address may send events that do not count; 0 where it may now."""
        return 0.0 if self._junk is None or client.local else self._junk.wait_s(_key(site.id, client), now)

    def wait_s(self, site: SiteSettings, client: ClientAddress, now: float) -> float:
        """Seconds until its address may send events that count."""
        return 0.0 if self._by_address is None else self._by_address.wait_s(_key(site.id, client), now)

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


def _as_reader(client: ClientAddress, agent: bytes) -> ClientAddress:
    """`client` with this user agent: a browser is never this machine itself."""
    return client._replace(local=False) if client.local and BROWSER in agent else client


def _key(site: str, client: ClientAddress) -> str:
    return f"{site} {client.address}"  # no site's id has a space


def _limiter(per_minute: Fraction) -> Limiter | None:
    return Limiter(per_minute, max(Fraction(1), BURST_MINUTES * per_minute), REMEMBERED) if per_minute else None
