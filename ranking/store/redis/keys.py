"""Every key in Redis. docs/formats.md has a row for each: its type, its members, its lifetime.

The data of a site is spread over shards, so that a cluster can share the load; an item's shard is a checksum of its
id. All keys of one shard carry the hash tag `{site.shard}` and lie in one cluster slot, because one script call counts
a whole batch there, all of it or nothing. The published lists of a site carry the tag `{site}`.

Why a writer's number and not a marker per batch: a marker must outlive every retry of its batch, and at a thousand
batches a second that is a gigabyte of markers. A writer sends its batches to a shard one after the other, so one
number is the same proof in constant memory.

Why the salt is deleted by a job although it has a lifetime: a key that is gone is still in the append-only log until
that is rewritten, and with it every visitor of its day could be looked up. The job does both.

Why a hash per bucket and not a sorted set per list: a sorted set of decayed scores has its half-life baked in, and one
of counts costs 110 bytes a cell where a hash costs 64. Why sealed values beside it: 2 to 3 bytes a cell.
"""

from ranking.counts.buckets import Bucket
from ranking.store.limits import PLACES_DAYS
from ranking.times import DAY_S, HOUR_S

LAYOUT = "populer:layout"
RIGHTS = "populer:rights"
LEASE_HOLDER = "populer:{leader}:holder"
LEASE_EPOCH = "populer:{leader}:epoch"
JOBS_PROCESSES = "populer:{leader}:processes"
SITE_LEASES = "populer:{leader}:leases"
JOB_RUNS = "populer:{leader}:jobs"
ALARMS_RAISED = "populer:{leader}:raised"
ALARM_EPISODES = "populer:{leader}:episodes"
ALARM_RECEIVERS = "populer:{leader}:receivers"
#: 2: counts may be sealed, which a reader of 1 would pass over. A store of 1 is one of 2 that has not sealed any yet.
SCHEMA = 2
READABLE_SCHEMAS = (1, SCHEMA)
QUESTIONS = "populer:questions"
SITES = "populer:sites"
MARKS_HASHED_UNDER = "populer:secret"
QUESTION_TTL_S = 60
WRITER_TTL_S = 7 * DAY_S
ONCE_TTL_S = 24 * HOUR_S
PUBLISHED_TTL_S = 7 * DAY_S
CHANGED_TTL_S = 365 * DAY_S
AUDIT_TTL_S = 365 * DAY_S
SECURED_TTL_S = 60
WORKERS_TTL_S = HOUR_S
LEASES_TTL_S = DAY_S
JOB_RUNS_TTL_S = 7 * DAY_S
ALARMS_RAISED_TTL_S = 120
ALARM_EPISODES_TTL_S = 7 * DAY_S
PULSE_TTL_S = HOUR_S
FILTERS_TTL_S = HOUR_S
PLACES_TTL_S = (PLACES_DAYS + 1) * DAY_S
FEEDS_TTL_S = 30 * DAY_S
PAGES_TTL_S = HOUR_S
LEARNED_TTL_S = 365 * DAY_S
ROUND_TTL_S = 600


def salt(day: int) -> str:
    """String: the salt of a day."""
    return f"populer:salt:{day}"


def questions_to(holder: str) -> str:
    """List: questions to one jobs process, in the slot of those to all."""
    return f"populer:{{{QUESTIONS}}}:{holder}"


def reply(to: str) -> str:
    """List: the reply to a question."""
    return f"populer:reply:{to}"


def of_shard(site: str, shard: int, name: str) -> str:
    """A key of a shard by its end, as a backup names those that it copies as they are."""
    return f"populer:{{{site}.{shard}}}:{name}"


def counts(site: str, shard: int, width_s: int, start_s: int) -> str:
    """Hash: counts of one bucket."""
    return f"populer:{{{site}.{shard}}}:counts:{width_s}:{start_s}"


def sealed(site: str, shard: int, width_s: int, start_s: int) -> str:
    """String: sealed counts of one bucket."""
    return f"populer:{{{site}.{shard}}}:sealed:{width_s}:{start_s}"


def names(site: str, shard: int, volume: int) -> str:
    """Hash: names that the sealed counts of a volume have numbered."""
    return f"populer:{{{site}.{shard}}}:names:{volume}"


def member(bucket: Bucket) -> str:
    """How `touched` names a bucket."""
    return f"{bucket.width_s}:{bucket.start_s}"


def bucket_of(member: bytes | str) -> Bucket:
    """The inverse of `member`."""
    width_s, start_s = (member if isinstance(member, str) else member.decode()).split(":")
    return Bucket(int(width_s), int(start_s))


def dropped(site: str, shard: int) -> str:
    """String: up to when counts of unknown items were dropped."""
    return f"populer:{{{site}.{shard}}}:dropped"


def sequence(site: str, shard: int) -> str:
    """String: the shard's change number."""
    return f"populer:{{{site}.{shard}}}:sequence"


def mark(site: str, shard: int) -> str:
    """String: what the process that ranks has left last."""
    return f"populer:{{{site}.{shard}}}:mark"


def touched(site: str, shard: int) -> str:
    """Zset: buckets by their last change."""
    return f"populer:{{{site}.{shard}}}:touched"


def writer(site: str, shard: int, writer_id: str) -> str:
    """String: a writer's last counted batch number."""
    return f"populer:{{{site}.{shard}}}:writer:{writer_id}"


def once(site: str, shard: int, mark: str) -> str:
    """String: marks an idempotency key as counted."""
    return f"populer:{{{site}.{shard}}}:once:{mark}"


def seen(site: str, shard: int, span_s: int, window: int) -> str:
    """Hash: when which visitor counted for which item."""
    return f"populer:{{{site}.{shard}}}:seen:{span_s}:{window}"


def network_reads(site: str, shard: int, span_s: int, window: int) -> str:
    """Hash: reads that networks brought to items, and items had, within a window."""
    return f"populer:{{{site}.{shard}}}:network-reads:{span_s}:{window}"


def network_day(site: str, shard: int, day: int) -> str:
    """Hash: a day's reads of each network, and of all."""
    return f"populer:{{{site}.{shard}}}:network-day:{day}"


def network_past(site: str, shard: int, day: int) -> str:
    """Hash: shares of the days before, of networks seen on a day."""
    return f"populer:{{{site}.{shard}}}:network-past:{day}"


def ids(site: str, shard: int, day: int) -> str:
    """Set: event ids of a day."""
    return f"populer:{{{site}.{shard}}}:ids:{day}"


def known(site: str, shard: int, span: int) -> str:
    """Set: items that are not described and yet known."""
    return f"populer:{{{site}.{shard}}}:known:{span}"


def named(site: str, shard: int, volume: int) -> str:
    """Zset: items that events with the site's key have named."""
    return f"populer:{{{site}.{shard}}}:named:{volume}"


def budget(site: str, shard: int) -> str:
    """Hash: what is left for new items."""
    return f"populer:{{{site}.{shard}}}:budget"


def newcomers(site: str, shard: int, minute: int) -> str:
    """Hash: new items that networks have brought."""
    return f"populer:{{{site}.{shard}}}:newcomers:{minute}"


def pending(site: str, shard: int) -> str:
    """Hash: refused counts of items that nobody has described."""
    return f"populer:{{{site}.{shard}}}:pending"


def items(site: str, shard: int) -> str:
    """Hash: items by id."""
    return f"populer:{{{site}.{shard}}}:items"


def changed(site: str, shard: int) -> str:
    """Zset: items by their last change."""
    return f"populer:{{{site}.{shard}}}:changed"


def dates(site: str, shard: int) -> str:
    """Hash: what ranking knows of the items, sealed."""
    return f"populer:{{{site}.{shard}}}:dates:2"


def secured(site: str, shard: int | None = None) -> str:
    """String: written after what is waited for, of a shard, or of the site's own keys."""
    return f"populer:{{{site}}}:secured" if shard is None else f"populer:{{{site}.{shard}}}:secured"


def traffic(site: str, minute: int) -> str:
    """Hash: a minute's events."""
    return f"populer:{{{site}}}:traffic:{minute}"


def pulse(site: str) -> str:
    """String: since when nothing is read."""
    return f"populer:{{{site}}}:pulse"


def attempts(site: str, number: int) -> str:
    """Hash: who sent how much in a slice."""
    return f"populer:{{{site}}}:attempts:{number}"


def concentration(site: str) -> str:
    """String: how much of what came for each item one sender has sent."""
    return f"populer:{{{site}}}:concentration"


def feeds(site: str) -> str:
    """Hash: how the feeds of a site have fared."""
    return f"populer:{{{site}}}:feeds"


def feed_memory(site: str) -> str:
    """Hash: what the next poll of each feed of a site needs."""
    return f"populer:{{{site}}}:feed-memory"


def discovery(site: str) -> str:
    """String: what reading the pages of a site has come to."""
    return f"populer:{{{site}}}:discovery"


def wanted_pages(site: str) -> str:
    """String: the items of which nobody knows where their pages are."""
    return f"populer:{{{site}}}:wanted-pages"


def noted_pages(site: str) -> str:
    """Hash: where readers have read such items."""
    return f"populer:{{{site}}}:noted-pages"


def asked_round(site: str) -> str:
    """Hash: the last question to the parts of a site."""
    return f"populer:{{{site}}}:round"


def answers(site: str) -> str:
    """Hash: their answers to it."""
    return f"populer:{{{site}}}:answers"


def learned(site: str) -> str:
    """Hash: what lists have learned."""
    return f"populer:{{{site}}}:learned"


def nights(site: str, name: str) -> str:
    """List: a list's nights."""
    return f"populer:{{{site}}}:nights:{name}"


def removed(site: str) -> str:
    """Hash: items taken down."""
    return f"populer:{{{site}}}:removed"


def edits(site: str) -> str:
    """Hash: pins, blocks and boosts, and the site's edition."""
    return f"populer:{{{site}}}:edits"


def aliases(site: str) -> str:
    """Hash: names and the items that they stand for."""
    return f"populer:{{{site}}}:aliases"


def former(site: str) -> str:
    """Hash: addresses that items have had before."""
    return f"populer:{{{site}}}:former"


def audit(site: str) -> str:
    """List: what editors changed."""
    return f"populer:{{{site}}}:audit"


def workers(site: str) -> str:
    """Hash: which worker shows what."""
    return f"populer:{{{site}}}:workers"


def order(site: str, name: str, order_name: str) -> str:
    """String: the order of a list's items at some time."""
    return f"populer:{{{site}}}:order:{name}:{order_name}"


def published(site: str, name: str) -> str:
    """Hash: a published list."""
    return f"populer:{{{site}}}:list:{name}"


def generations(site: str) -> str:
    """Hash: generation of every published list."""
    return f"populer:{{{site}}}:lists"


def filters(site: str) -> str:
    """Hash: the lists of some items that readers ask for."""
    return f"populer:{{{site}}}:filters"


def places(site: str, day: int) -> str:
    """Hash: the pages of the lists at the hours of a day (since the epoch)."""
    return f"populer:{{{site}}}:places:{day}"


def news(site: str) -> str:
    """Channel: what changed, as it changes."""
    return f"populer:{site}:news"
