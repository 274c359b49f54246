"""Alarms: what an operator must know at once, from facts alone. This module decides; the edges only show it.

An alarm is a fact that somebody has to act on, so its sentence says what is wrong, since when as far as that is known,
and what to do. It is over when the fact is.

Rejected: thresholds on rates, which a newsroom would have to set and correct for every hour of the week. What is usual
follows from the site's own past (see `pulse`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

from ranking.freshness import MAY_DIFFER_S, is_past
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.times import HOUR_S
from ranking.times import spoken_duration as spoken
from ranking.watching.concentration import Concentration, ItemConcentration
from ranking.watching.proxies import BARE, ONE_SENDER, UNTRUSTED, proxy_fault
from ranking.watching.pulse import Pulse, Usual
from ranking.watching.senders import SenderFacts
from ranking.watching.sources import FeedState

STORE_AWAY, LIST_STALE, NO_EVENTS = "store_away", "list_stale", "no_events"
STORE_EMPTIED, CLOCK = "store_emptied", "clock"
CONCENTRATED = "concentrated"
SPOOL, EVICTIONS, CONFIG_REFUSED = "spool", "evictions", "config_refused"
WAITING, SLOW_REFRESH = "waiting_items", "slow_refresh"
NO_LEADER = "no_leader"
STORE_WENT_BACK, FEEDS_FAILING, MEMORY = "store_went_back", "feeds_failing", "memory"
#: All that there are, the most pressing first.
ALARMS: Final = (
    STORE_AWAY, STORE_EMPTIED, STORE_WENT_BACK, NO_LEADER, LIST_STALE, SLOW_REFRESH, NO_EVENTS, UNTRUSTED, BARE,
    ONE_SENDER, CONCENTRATED, WAITING, FEEDS_FAILING, SPOOL, EVICTIONS, MEMORY, CLOCK, CONFIG_REFUSED,
)  # fmt: skip
#: Those that are about one site.
OF_SITES: Final = (
    STORE_WENT_BACK, NO_LEADER, LIST_STALE, SLOW_REFRESH, NO_EVENTS, UNTRUSTED, BARE, ONE_SENDER, CONCENTRATED, WAITING,
    FEEDS_FAILING,
)  # fmt: skip

#: The share of the spans at this time that must have held events: a silence that happens every fourth time is none.
MOST_READ = 0.75
#: The share of an hour's reads that may go to items which wait for a description, and how many reads say something.
MOST_WAITING, LEAST_READS = 0.2, 10
#: The share of its beat that a refresh may take; more, and the next burst of reads or another list makes lists late.
MOST_OF_A_BEAT = 0.5
#: The share of its memory limit that a server may use; at the limit it refuses events, or drops counts.
MOST_MEMORY = 0.8
#: A store that went back is told of for so long: nothing ends it, and what was lost is to be sent again.
WENT_BACK_S = float(HOUR_S)
#: A pulse that is older says nothing of now, as the jobs that take it are not running: their lists are stale.
PULSE_HOLDS_S = 150.0
#: Of more items than this the alarm tells how many there are.
MOST_NAMED = 5


class ListState(NamedTuple):
    """A list as it is served: the moment that it was ranked for, epoch seconds."""

    site: str
    name: str
    generated_at: float


class SiteFacts(NamedTuple):
    """The facts at `now` (epoch seconds) that alarms follow from.

    `refusal`: why the settings' file is not in effect, since `refused_at`; `evicted`: keys that the servers have
    dropped since their starts; `spooled`: events that wait on disk; `away`: why the store does not answer, since
    `away_since`; `held_since`: when the store came back without what it had held; `clock_ahead_s`: by how much this
    host's clock is ahead of the store's; `senders`: who sends each site's public events; `concentrations`: who sends
    how much for which item, by site; `feeds`: how they fare, by site and address; `memory_share`: of its limit, that
    the fullest server uses, 0 without a limit; `leaderless`: since when no process works for a site, by site.
    """

    now: float
    lists: Sequence[ListState] = ()
    pulses: Mapping[str, Pulse] = {}
    refusal: str | None = None
    refused_at: float | None = None
    evicted: int = 0
    spooled: int = 0
    away: str | None = None
    away_since: float | None = None
    held_since: float | None = None
    clock_ahead_s: float = 0.0
    senders: Mapping[str, SenderFacts] = {}
    concentrations: Mapping[str, Concentration] = {}
    feeds: Mapping[str, Mapping[str, FeedState]] = {}
    memory_share: float = 0.0
    leaderless: Mapping[str, float] = {}


class Alarm(NamedTuple):
    """`alarm` is one of `ALARMS`; `site`, `list`, `item` where it is about one; `since` in epoch seconds, if known."""

    alarm: str
    says: str
    site: str | None = None
    list: str | None = None
    since: float | None = None
    item: str | None = None


def alarms(facts: SiteFacts, settings: Settings) -> list[Alarm]:
    """The alarms that follow from facts, the most pressing first."""
    return [
        *_store_alarms(facts),
        *_went_back_alarms(facts, settings),
        *_leader_alarms(facts, settings),
        *_list_alarms(facts, settings),
        *_refresh_alarms(facts, settings),
        *_silence_alarms(facts, settings),
        *_sender_alarms(facts, settings),
        *_concentration_alarms(facts, settings),
        *_waiting_alarms(facts, settings),
        *_feed_alarms(facts, settings),
        *_spool_alarms(facts),
        *_eviction_alarms(facts),
        *_memory_alarms(facts),
        *_clock_alarms(facts),
        *_config_alarms(facts),
    ]


def store_away(why: str, since: float | None) -> Alarm:
    """The alarm that the store does not answer, for a reason, since a moment (epoch seconds)."""
    says = f"the store does not answer: {why}; lists are served from memory, events wait on disk. Look at it"
    return Alarm(STORE_AWAY, says, since=since)


def _store_alarms(facts: SiteFacts) -> Iterator[Alarm]:
    if facts.away is not None:
        yield store_away(facts.away, facts.away_since)
    if facts.held_since is not None:
        says = (
            f"the store came back without what it held, at {_clock(facts.held_since)} UTC; the last good lists stay as"
            " they were. Restore a backup, or accept the store as it is with `populer store accept`"
        )
        yield Alarm(STORE_EMPTIED, says, since=facts.held_since)


def _went_back_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    for site, pulse in _pulses(facts, settings):
        if pulse.went_back_at is not None and facts.now - pulse.went_back_at <= WENT_BACK_S:
            says = (
                f"the store went back to an earlier state, found at {_clock(pulse.went_back_at, site.zone)}; lists are"
                " of that state. Send again the events and items of the moments before, and look at the edits"
            )
            yield Alarm(STORE_WENT_BACK, says, site.id, since=pulse.went_back_at)


def _leader_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    for site in settings.sites:
        since = facts.leaderless.get(site.id)
        if since is not None and facts.now - since > settings.refresh.lease_s + settings.refresh.every_s:
            says = (
                f"no process ranks the lists, for {spoken(facts.now - since)}. Start a jobs process, or see the logs of"
                " those that run"
            )
            yield Alarm(NO_LEADER, says, site.id, since=since)


def _list_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    limit_s = settings.refresh.stale_after_s
    for listed in facts.lists:
        age_s = facts.now - listed.generated_at
        if not is_past(listed.generated_at, facts.now):
            says = (
                f"list {listed.name} is dated {spoken(-age_s)} ahead of this host's clock, so nobody knows its age. Set"
                " the clocks of the hosts right, of this one and of the jobs process's"
            )
            yield Alarm(LIST_STALE, says, listed.site, listed.name)
        elif age_s > limit_s:
            says = (
                f"list {listed.name} was ranked {spoken(age_s)} ago, and every {spoken(settings.refresh.every_s)} is"
                " meant: see the jobs process's log"
            )
            yield Alarm(LIST_STALE, says, listed.site, listed.name, listed.generated_at + limit_s)


def _refresh_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    every_s = settings.refresh.every_s
    for site, pulse in _pulses(facts, settings):
        if pulse.refresh_s > MOST_OF_A_BEAT * every_s:
            says = (
                f"ranking the lists takes {pulse.refresh_s:.1f} s of every {spoken(every_s)}: soon they come late."
                " Raise refresh.every, or have fewer lists or lists with sections"
            )
            yield Alarm(SLOW_REFRESH, says, site.id)


def _pulses(facts: SiteFacts, settings: Settings) -> Iterator[tuple[SiteSettings, Pulse]]:
    """The sites whose pulse says something of now, with it."""
    for site in settings.sites:
        pulse = facts.pulses.get(site.id)
        if pulse is not None and facts.now - pulse.at <= PULSE_HOLDS_S:
            yield site, pulse


def _silence_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    limits = settings.alarms
    for site, pulse in _pulses(facts, settings):
        if pulse.silent_since is None or pulse.usual is None or not limits.quiet_s:
            continue
        usual, silent_s = pulse.usual, pulse.at - pulse.silent_since
        if silent_s >= limits.quiet_s and usual.events >= limits.usual_events and usual.read >= MOST_READ * usual.spans:
            says = (
                f"no event for {spoken(silent_s)}, since {_clock(pulse.silent_since, site.zone)};"
                f" {_usually(usual, pulse.span_s)}."
                " Look whether pages still send them, and whether /v1/events answers them"
            )
            yield Alarm(NO_EVENTS, says, site.id, since=pulse.silent_since)


def _sender_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    for site in settings.sites:
        fault = proxy_fault(facts.senders.get(site.id, SenderFacts()))
        if fault is not None:
            yield Alarm(fault.alarm, fault.says, site.id)


def _concentration_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    for site in settings.sites:
        found = facts.concentrations.get(site.id)
        if found is None or facts.now - found.at > PULSE_HOLDS_S:
            continue
        over = [each for each in found.items if each.is_over]
        for number, each in enumerate(over[:MOST_NAMED], 1):
            others = len(over) - MOST_NAMED
            more = f". {others} more items are over the line too" if number == MOST_NAMED and others > 0 else ""
            says = (
                f"item {each.item}: {_greatest_sender(each)} of its {each.attempts:,} events of the last hour, counted"
                f" or not. Look at it on the ops page; a void takes its events out of the lists{more}"
            )
            yield Alarm(CONCENTRATED, says, site.id, item=each.item)


def _greatest_sender(each: ItemConcentration) -> str:
    name, sent = ("network", each.network) if each.network.is_over else ("user agent", each.agent)
    return f"one {name} sent {sent.share:.0%} (of the site's other items: {sent.usual or 0:.1%})"


def _waiting_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    for site, pulse in _pulses(facts, settings):
        waiting = pulse.waiting
        if waiting.all_reads >= LEAST_READS and waiting.reads > MOST_WAITING * waiting.all_reads:
            share, items = waiting.reads / waiting.all_reads, f"{waiting.items:,} item{'s' * (waiting.items != 1)}"
            says = (
                f"{share:.0%} of the last hour's reads are of {items} waiting for a description, which no list shows;"
                f" the most read is {waiting.top[0][0]!r:.100}. Describe items with PUT /v1/items or a feed"
            )
            yield Alarm(WAITING, says, site.id)


def _feed_alarms(facts: SiteFacts, settings: Settings) -> Iterator[Alarm]:
    for site in settings.sites:
        states = facts.feeds.get(site.id, {})
        failing = [states[feed.url] for feed in site.feeds if feed.url in states and states[feed.url].is_failing]
        if failing:
            first, others = failing[0], len(failing) - 1
            more = f", and {others} more fail{'s' * (others == 1)}" if others else ""
            says = (
                f"feed {first.url:.200} has failed {first.failures} times in a row: it {first.error}{more}. Correct the"
                " feed, or its address in sites.feeds: new articles are not described"
            )
            yield Alarm(FEEDS_FAILING, says, site.id, since=first.read_at or None)


def _memory_alarms(facts: SiteFacts) -> Iterator[Alarm]:
    if facts.memory_share > MOST_MEMORY:
        says = (
            f"the server uses {facts.memory_share:.0%} of its memory limit, and refuses events at the limit. Raise"
            " maxmemory (redis.maxmemory of the bundled server), or lower retention.keep"
        )
        yield Alarm(MEMORY, says)


def _spool_alarms(facts: SiteFacts) -> Iterator[Alarm]:
    if facts.spooled:
        events = f"{facts.spooled:,} event{'s wait' if facts.spooled > 1 else ' waits'}"
        yield Alarm(SPOOL, f"{events} on this host's disk for the store, and will be counted when it takes them")


def _eviction_alarms(facts: SiteFacts) -> Iterator[Alarm]:
    if facts.evicted:
        says = (
            f"the server has dropped {facts.evicted:,} keys for want of memory, and counts with them: give it more, set"
            " its maxmemory-policy to noeviction; CONFIG RESETSTAT ends this alarm"
        )
        yield Alarm(EVICTIONS, says)


def _clock_alarms(facts: SiteFacts) -> Iterator[Alarm]:
    if abs(facts.clock_ahead_s) > MAY_DIFFER_S:
        where = "ahead of" if facts.clock_ahead_s > 0 else "behind"
        says = (
            f"this host's clock is {spoken(abs(facts.clock_ahead_s))} {where} the store's. Set both right, by NTP:"
            " events count at the wrong time, and nothing is sealed or pruned while they differ by a minute"
        )
        yield Alarm(CLOCK, says)


def _config_alarms(facts: SiteFacts) -> Iterator[Alarm]:
    if facts.refusal is not None:
        says = f"the settings' file is not in effect: {facts.refusal}; what was before goes on. Mend it"
        yield Alarm(CONFIG_REFUSED, says, since=facts.refused_at)


def _usually(usual: Usual, span_s: float) -> str:
    """A clause on what is usual, and how much history says so."""
    past = f"this time on the same day of the last {usual.spans} weeks" if usual.weekly else ""
    past = past or f"this time on the last {usual.spans} days"
    return f"at {past} there were {usual.events:,.0f} in {spoken(span_s)} (median; {usual.read} of them had any)"


def _clock(moment: float, zone: tzinfo = UTC) -> str:
    return datetime.fromtimestamp(moment, zone).strftime("%H:%M")
