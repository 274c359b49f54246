"""Traffic start: where the lists of a site are that tune themselves and have not had a night yet.

It is a function of the counts and of a moment, as a ranking is: whoever ranks for that moment, in a refresh, a preview,
`populer rank` or an explanation, has the same half-life, and a new site is right from its first minutes on.
"""

import math
from collections.abc import Mapping

import msgspec

from ranking.counts.arrays import FloatArray, Mask
from ranking.lists.ranker import View
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.traffic_rule import HourlyReads, half_life_s, look, read_kinds, reads_by_hour, rule_s
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings

#: Half-lives of sections are this to some power times the list's, which makes them few.
LEVEL = 4.0

Learned = Mapping[str, LearnedSetting]


def with_traffic(learned: Learned, lists: Mapping[str, ListSettings], view: View, at: float) -> Learned:
    """What lists have learned, and for those of them that still wait for a night the half-life of the traffic.

    `at`: the moment to rank for, in epoch seconds.
    """
    waiting = [name for name, each in lists.items() if is_waiting(each, learned.get(name))]
    moment = look(view.history.start(), at) if waiting else None
    if moment is None:
        return learned
    found = dict(learned)
    for name in waiting:
        reads = hourly_reads(lists[name], view, moment)
        found[name] = with_sections(of_reads(lists[name], reads.of_site, moment), lists[name], view, moment, reads)
    return found


def is_waiting(settings: ListSettings, learned: LearnedSetting | None) -> bool:
    """Whether a list that tunes itself has neither a pin nor a night behind it."""
    return settings.auto and not settings.objective.pinned and (learned is None or not learned.since)


def with_sections(
    found: LearnedSetting, settings: ListSettings, view: View, at: float, reads: HourlyReads | None = None
) -> LearnedSetting:
    """What a list has learned up to `at` (epoch seconds), with longer half-lives for lists of its small sections.

    The rule makes them as many times longer than the list's as the sections' traffic is smaller, in steps of LEVEL.
    `reads`: the `hourly_reads` of that moment where they are known.
    """
    sections, longest_s = view.catalogue.sections, settings.objective.longest_s
    if not settings.sections or not settings.auto or settings.objective.pinned or not sections:
        return found
    reads = hourly_reads(settings, view, at) if reads is None else reads
    of_site = rule_s(reads.of_site)
    most = round(math.log(longest_s / found.half_life_s, LEVEL))
    longer = {}
    for number, of_section in enumerate(reads.of_sections(view.catalogue.section).tolist()):
        if of_section <= 0:
            continue  # nothing is read there that could be forgotten too early
        if (steps := min(round(math.log(rule_s(of_section) / of_site, LEVEL)), most)) >= 1:
            longer[sections[number]] = min(found.half_life_s * LEVEL**steps, longest_s)
    return msgspec.structs.replace(found, sections=longer)


def by_traffic(settings: ListSettings, view: View, at: float, before: LearnedSetting | None = None) -> LearnedSetting:
    """The half-life of a list by the traffic up to `at` (epoch seconds); see `of_reads`."""
    return of_reads(settings, reads_before(settings, view, at), at, before)


def reads_before(settings: ListSettings, view: View, at: float, section: int | None = None) -> float:
    """R at a moment (epoch seconds), of the items that the list takes, of all sections or one; see `traffic_rule`."""
    return hourly_reads(settings, view, at, section).of_site


def hourly_reads(settings: ListSettings, view: View, at: float, section: int | None = None) -> HourlyReads:
    """Reads of the items that the list takes in the week before `at` (epoch seconds), of all sections or one."""
    channel_weights, takes = _looked_at(settings, view)
    if section is not None:
        takes = takes & (view.catalogue.section[: len(takes)] == section)
    return reads_by_hour(view.history.columns(), channel_weights, takes, at)


def _looked_at(settings: ListSettings, view: View) -> tuple[FloatArray, Mask]:
    """The weights of the channels that are read, (channels,) float64, and what the list takes, (rows,) bool."""
    history, catalogue = view.history, view.catalogue
    kinds = read_kinds(history.channels, settings)
    channel_weights = ChannelWeights(dict.fromkeys(kinds, 1.0)).per_channel(history.channels)
    takes, of_filters = catalogue.known, catalogue.taken(slice(0, len(history.items)))
    if settings.item_filter in of_filters:
        takes = takes & of_filters[settings.item_filter]
    return channel_weights, takes[: len(history.items)]


def of_reads(settings: ListSettings, reads: float, at: float, before: LearnedSetting | None = None) -> LearnedSetting:
    """The half-life for R `reads` at a moment (epoch seconds); that of `before` where it was by traffic and is near."""
    objective = settings.objective
    near_s = before.half_life_s if before is not None and before.reads is not None and before.since else None
    found_s = half_life_s(reads, (objective.shortest_s, objective.longest_s), near_s)
    since = before.since if before is not None and found_s == near_s else at
    return LearnedSetting(found_s, since, reads=reads, why=f"by the traffic, {in_words(reads)}")


def in_words(reads: float) -> str:
    """R in words.

    >>> in_words(1234.5), in_words(3.21)
    ('1,234 reads an hour of the ten most read', '3.2 reads an hour of the ten most read')
    """
    return f"{reads:,.{0 if reads >= 10 else 1}f} reads an hour of the ten most read"
