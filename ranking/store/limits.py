"""How long and how many of what the store keeps beside counts: trails, nights, traffic, take-downs."""

from ranking.times import DAY_S, HOUR_S

REMOVED_KEEP_S = 365 * DAY_S
AUDIT_LINES = 1_000
TRAFFIC_TTL_S = 6 * HOUR_S
ATTEMPTS_TTL_S = 2 * HOUR_S
NIGHTS = 100
#: For so long it is kept by the hour where items stood in lists: it is asked of a story, not of an archive.
PLACES_DAYS = 7
#: Counts outlive the retention by this much, so that a reader's clock a little behind never finds half a bucket.
GRACE_S = HOUR_S
#: Addresses that items have had before and have no more; each is in the memory of the process that ranks.
FORMER_ADDRESSES = 500_000
