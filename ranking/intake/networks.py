"""Networks: the addresses that count as one sender, and how many reads one network may add to an item.

Whoever sends events may call himself any number of visitors, so reads are bounded by what is dear to come by: networks,
an IPv4 /24 or an IPv6 /48. A carrier puts thousands of readers behind one of them, and they are not to be lost. What
tells them apart: a carrier's readers read what all others read, in the share that the carrier has of the site. So
within a dedupe span a network may add to an item `allowance` reads, and beyond them `FACTOR` times its usual share of
the reads that *others* brought to the item. Its own reads are not among the others', else a network would
raise its own bound:

    bound = allowance + FACTOR * share * others

The usual share is the median of the network's shares of the site on each of the last `DAYS` whole days: a day of
spraying every item with reads buys nothing. While a site knows fewer than `LEAST_DAYS` days it is the network's share
of today's reads of other items, at most `COLD_SHARE`. On real reads with 60 % of the readers behind 40 carriers'
addresses (sizes by a power law) the first ten are the same as without a bound in all places of all hours of a day, and
2 of 101,372 reads are lost (bench/attacks.py).

Both are asked and counted in the script that counts (lua/record.lua), which all workers share. A network is kept as a
hash under the salt of the day; its past moves on from yesterday's hash to today's when it is first seen on a new day
while both salts are in use, so a network that is away at that time begins anew.

Rejected: a bound per address alone (a crowd behind a carrier's address counts as a few), a weight that falls with each
reader of a network (carriers lose most where they read most), a sketch in place of exact counts (no cheaper in the
script, and its error falls on readers).
"""

from typing import Final

ALLOWANCE: Final = 5
"""Reads that any network may add to an item within a dedupe span."""
FACTOR: Final = 4.0
COLD_SHARE: Final = 0.15
DAYS: Final = 7
LEAST_DAYS: Final = 3
HEAVY_SHARE: Final = 0.002
"""Networks with less of a day have no past: their bound would be the allowance all the same."""
MAX_NETWORKS: Final = 200_000
"""Networks whose reads of a day are counted, per shard: about 15 MB. Others have no share."""
