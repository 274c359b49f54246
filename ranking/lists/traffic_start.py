"""Traffic start: where the lists of a site are that tune themselves and have not had a night yet.

It is a function of the counts and of a moment, as a ranking is: whoever ranks for that moment, in a refresh, a preview,
`populer rank` or an explanation, has the same half-life, and a new site is right from its first minutes on.
"""

from collections.abc import Mapping

from ranking.lists.ranker import View
from ranking.scoring.channel_weights import ChannelWeights
from ranking.scoring.traffic_rule import best_reads, half_life_s, look, read_kinds
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings

Learned = Mapping[str, LearnedSetting]


def with_traffic(learned: Learned, lists: Mapping[str, ListSettings], view: View, at: float) -> Learned:
    """What lists have learned, and for those of them that still wait for a night the half-life of the traffic.

    `at`: the moment to rank for, in epoch seconds.
    """
    waiting = [name for name, each in lists.items() if waits(each, learned.get(name))]
    moment = look(view.history.start(), at) if waiting else None
    if moment is None:
        return learned
    return {**learned, **{name: by_traffic(lists[name], view, moment) for name in waiting}}


def waits(settings: ListSettings, learned: LearnedSetting | None) -> bool:
    """Whether a list that tunes itself has neither a pin nor a night behind it."""
    return settings.auto and not settings.objective.pinned and (learned is None or not learned.since)


def by_traffic(settings: ListSettings, view: View, at: float, before: LearnedSetting | None = None) -> LearnedSetting:
    """The half-life of a list by the traffic up to `at` (epoch seconds); see `of_reads`."""
    return of_reads(settings, reads_before(settings, view, at), at, before)


def reads_before(settings: ListSettings, view: View, at: float, section: int | None = None) -> float:
    """R at a moment (epoch seconds), of the items that the list takes, of all sections or one; see `traffic_rule`."""
    history, catalogue = view.history, view.catalogue
    kinds = read_kinds(history.channels, settings)
    channel_weights = ChannelWeights(dict.fromkeys(kinds, 1.0)).per_channel(history.channels)
    takes, of_filters = catalogue.known, catalogue.taken(slice(0, len(history.items)))
    if settings.item_filter in of_filters:
        takes = takes & of_filters[settings.item_filter]
    if section is not None:
        takes = takes & (catalogue.section == section)
    return float(best_reads(history.columns(), channel_weights, takes, at)[0])


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
