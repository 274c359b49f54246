"""Senders: who sends how much of a site's public events, and whether proxies say for whom, over the last hour.

Addresses are counted in bounded memory (Misra and Gries, "Finding repeated elements", 1982): of `KEPT` counters all are
lowered where a new address finds none free. A count is never above the truth, and below it by at most 1/`KEPT` of all:
one address with over half of the events is found, and none is accused wrongly. Addresses leave the worker in an alarm's
sentence alone.

Rejected: a count per address, which is as long as there are readers.
"""

from collections import Counter
from typing import Final, Literal, NamedTuple

#: How a request came. direct: from a peer that is no proxy of ours and names nobody else; forwarded: a trusted proxy
#: said for whom; untrusted: a peer that is not trusted says for whom; bare: a trusted proxy does not say.
Route = Literal["direct", "forwarded", "untrusted", "bare"]

KEPT: Final = 50
SPAN_S: Final = 300.0
SPANS: Final = 12


class SenderFacts(NamedTuple):
    """Events of a site within the last hour, by address: the greatest one, and the greatest by two routes."""

    events: int = 0
    greatest: str = ""
    greatest_events: int = 0
    untrusted: str = ""
    untrusted_events: int = 0
    bare: str = ""
    bare_events: int = 0


class Frequent:
    """Counts of the most frequent keys."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, key: str, count: int) -> None:
        """Count `key` so many times."""
        counts = self.counts
        if key in counts:
            counts[key] += count
            return
        if len(counts) >= KEPT:
            least = min(count, *counts.values())
            self.counts = counts = {other: left - least for other, left in counts.items() if left > least}
            count -= least
        if count:
            counts[key] = count


class _Span:
    def __init__(self, number: int) -> None:
        self.number = number
        self.events = 0
        self.by_address, self.untrusted, self.bare = Frequent(), Frequent(), Frequent()


class Senders:
    """One worker's. Times in epoch seconds."""

    def __init__(self) -> None:
        self._spans: dict[str, list[_Span]] = {}

    def add(self, site: str, address: str, route: Route, count: int, now: float) -> None:
        """Count events that `address` has sent."""
        number = int(now // SPAN_S)
        spans = self._spans.setdefault(site, [])
        if not spans or spans[-1].number != number:
            spans.append(_Span(number))
            del spans[:-SPANS]
        span = spans[-1]
        span.events += count
        span.by_address.add(address, count)
        if route == "untrusted":
            span.untrusted.add(address, count)
        elif route == "bare":
            span.bare.add(address, count)

    def facts(self, now: float) -> dict[str, SenderFacts]:
        """What there is to say of each site."""
        oldest = int(now // SPAN_S) - SPANS
        found = {}
        for site, spans in self._spans.items():
            recent = [span for span in spans if span.number > oldest]
            greatest = _greatest([span.by_address for span in recent])
            untrusted, bare = _greatest([span.untrusted for span in recent]), _greatest([span.bare for span in recent])
            found[site] = SenderFacts(sum(span.events for span in recent), *greatest, *untrusted, *bare)
        return found


def _greatest(parts: list[Frequent]) -> tuple[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.counts)
    return max(total.items(), key=lambda entry: entry[1], default=("", 0))
