"""The terms under which a service's settings have events counted."""

import math
from typing import Final

from ranking.recording.batches import Admission, Terms
from ranking.settings.service import Settings

NETWORK_SHARE: Final = 0.05
NETWORK_ITEMS: Final = 20
"""One network may bring this share of a minute's new items, and so many at least."""


def terms_of(settings: Settings, shards: int) -> Terms:
    """The terms of each of some shards."""
    ingest, retention = settings.ingest, settings.retention
    return Terms(
        bucket_s=retention.bucket_s,
        keep_s=retention.keep_s,
        deadline_s=ingest.deadline_s,
        max_pending=ingest.max_pending,
        overflow_after_s=ingest.spool_after_s,
        admission=Admission(
            span_s=int(ingest.dedupe_window_s),
            known_s=int(retention.keep_s),
            new_items=math.ceil(ingest.new_items / shards),
            allowance=ingest.network_allowance,
            network_items=math.ceil(max(NETWORK_ITEMS, NETWORK_SHARE * ingest.new_items) / shards),
        ),
    )
