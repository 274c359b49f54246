"""How long and how many of what the store keeps beside counts: trails, nights, traffic, take-downs."""

REMOVED_KEEP_S = 365 * 86400
AUDIT_LINES = 1_000
TRAFFIC_TTL_S = 6 * 3600
NIGHTS = 100
#: Counts outlive the retention by this much, so that a reader's clock a little behind never finds half a bucket.
GRACE_S = 3600
