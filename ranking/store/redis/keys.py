"""Every key in Redis: its type, its members, its lifetime.

The data of a site is spread over shards, so that a cluster can share the load; an item's shard is a checksum of its
id. All keys of one shard carry the hash tag `{site.shard}` and lie in one cluster slot, because one script call counts
a whole batch there, all of it or nothing. The published lists of a site carry the tag `{site}`.

    populer:layout                        hash    schema, shards: what this store's keys were written with; life: a name
                                                  made with the store, so that one that was lost is not taken for it
                                                  when it has as many changes again; held: since when lists stay as
                                                  they were, as it has another life than the service knew; accepted:
                                                  the life that an operator has taken as it is. For good.
    populer:rights                        any     what a user's rights are tried on when the store is opened; also the
                                                  name of a channel. Deleted at once, gone after 5 seconds in any case.
    populer:salt:DAY                      string  32 random bytes under which the visitors of DAY (days since the epoch,
                                                  UTC) are hashed, for all sites. Deleted when their use is over, gone
                                                  47 hours after the day began in any case.
    populer:secret                        string  32 random bytes under which events' ids and idempotency keys are
                                                  hashed (`intake/marks.py`), for all sites. For good.
    populer:sites                         hash    site -> "", or since when (epoch seconds) it is in the settings no
                                                  more. For good, until it is cleared away.
    populer:questions                     list    questions that wait for the process that ranks. A minute.
    populer:reply:ID                      list    the reply to one. A minute.

    per site and shard
    populer:{s.n}:counts:W:T              hash    counts of the bucket of W seconds that starts at T (epoch seconds).
                                                  field `channel|item`, value events. Gone at T + W + retention.keep.
                                                  Channels that open with `!` are shadows: events left out, by reason.
    populer:{s.n}:sealed:W:T              string  sealed counts of the same bucket: `N:value`, where N is the sequence
                                                  of their sealing and `ranking/counts/sealed.py` has its form. At
                                                  that change nothing else counted anywhere in the bucket's span; what
                                                  came later lies in an open bucket, and both are to be added up. Gone
                                                  when the open one would be.
    populer:{s.n}:names:V                 hash    names that the sealed counts of volume V (30 days) have numbered.
                                                  `count`: how many; `digest`: of all that was written of them; 0, 1,
                                                  ...: chunks of them in the order of their numbers. Names are only
                                                  ever added. Gone with the volume's last.
    populer:{s.n}:dropped                 string  epoch seconds up to which counts of items that nobody described were
                                                  dropped (`retention.unknown`). A year, renewed.
    populer:{s.n}:sequence                string  grows by one with every change in the shard. Lifetime: keep, renewed.
    populer:{s.n}:mark                    string  random, left by the process that ranks once it has read all changes: a
                                                  store without the last one has gone back. A year, renewed.
    populer:{s.n}:touched                 zset    `W:T` scored with the sequence of its last change: the index of all
                                                  buckets, and what a reader must read again. Pruned with its buckets.
    populer:{s.n}:writer:ID               string  number of the last batch that writer ID has counted, and its outcomes.
                                                  A batch with no higher number was counted, its reply was lost.
                                                  7 days, renewed.
    populer:{s.n}:once:MARK               string  a request was counted here whose idempotency key has this mark: the
                                                  mark of its body. `claim-MARK`: of one that counts in several
                                                  shards, in one of them. 24 hours.
    populer:{s.n}:seen:S:K                hash    visitor, kind and item as 8 bytes -> second at which that counted,
                                                  within the window of S seconds that starts at K * S. Twice the span
                                                  after its last change, at least an hour.
    populer:{s.n}:network-reads:S:K       hash    an item (8 bytes), or a network and an item (16) -> their reads within
                                                  the window of S seconds that starts at K * S, times 2^20, and the
                                                  second of the last one in the window. As `seen`.
    populer:{s.n}:network-day:D           hash    network as 8 bytes -> reads received on day D; `all`. Two days.
    populer:{s.n}:network-past:D          hash    network as 8 bytes, seen on day D -> its shares of the days before in
                                                  thousandths, the latest first; `days`: how many are known. Two days.
    populer:{s.n}:ids:D                   set     ids of events received on day D, as 8 bytes. Two days.
    populer:{s.n}:known:K                 set     items that events were taken for though nobody had described them, as
                                                  8 bytes, in the K-th span of retention.keep. Twice that span.
    populer:{s.n}:named:V                 zset    items that are not described, and that an event of volume V (30 days)
                                                  named which came with the site's key -> sequence of the change that
                                                  noted it. Gone with the volume's last counts.
    populer:{s.n}:budget                  hash    `tokens`, `at`: what is left for new such items. Until it is full.
    populer:{s.n}:newcomers:M             hash    network as 8 bytes -> new items that it has brought in minute M. Two
                                                  minutes.
    populer:{s.n}:pending                 hash    what was refused of new items, until they are described: item as 8
                                                  bytes -> "W:T", expires at, channel, n, ... (MessagePack). At most
                                                  50,000 fields, any of which makes room; `n` and a network -> `DAY:n`,
                                                  items of that network. Two days, renewed.
    populer:{s.n}:items                   hash    item id -> item (MessagePack). Until it is deleted.
    populer:{s.n}:changed                 zset    item id scored with the sequence of its last change. A year, renewed.
    populer:{s.n}:secured                 string  written so that a wait for it is one for all before it; also beside
                                                  the site's own keys: `populer:{s}:secured`. A minute.
    populer:{s.n}:dates:2                 hash    what ranking knows of the items, sealed: `cursor`, the change up to
                                                  which it does; `entries`, how many; 0, 1, ...: chunks in the order of
                                                  the changes, see `ranking/counts/item_dates.py`. A year.

    for all sites
    populer:{leader}:holder               string  which process does the scheduled work. Gone when its lease runs out.
    populer:{leader}:epoch                string  number of the last term of a holder; a list that an earlier term has
                                                  ranked is not published over one of a later. For good.

    populer:{leader}:jobs                 hash    `JOB SITE` -> the last run of that job (JSON). 7 days, renewed.
    populer:{leader}:raised               hash    worker -> the alarms that it raises (JSON, `episodes.Raised`), where
                                                  alarms have receivers. Two minutes, renewed.
    populer:{leader}:episodes             hash    `ALARM SITE` -> since when it is raised, and which receiver has been
                                                  told what of it (JSON, `episodes.Episode`). 7 days, renewed.
    populer:{leader}:receivers            hash    receiver of alarms -> how it has fared (JSON,
                                                  `episodes.ReceiverState`). 7 days, renewed.

    per site
    populer:{s}:traffic:M                 hash    `WORKER NAME` -> events that this worker had in minute M (since the
                                                  epoch). NAME is a kind of those that count, or `!` and the reason of
                                                  those left out. Six hours.
    populer:{s}:pulse                     string  since when nothing is read, and what is usual (JSON). An hour.
    populer:{s}:attempts:N                hash    worker -> who sent how much for which item in slice N (five minutes,
                                                  since the epoch), senders as salted hashes (JSON,
                                                  `concentration.Summary`). Two hours.
    populer:{s}:feeds                     hash    address of a feed -> how it has fared (JSON, `sources.FeedState`).
                                                  30 days, renewed.
    populer:{s}:feed-memory               hash    address of a feed -> what its next poll needs (JSON,
                                                  `sources.FeedMemory`). 30 days, renewed.
    populer:{s}:discovery                 string  what reading articles' own pages has come to (JSON,
                                                  `sources.Discovery`). 30 days, renewed.
    populer:{s}:wanted-pages              string  the items of which nobody knows where their pages are (JSON). An hour.
    populer:{s}:noted-pages               hash    item -> the address where readers read it. An hour, or until the job
                                                  that reads pages takes it.
    populer:{s}:concentration             string  the last hour of all workers added up (JSON). An hour.
    populer:{s}:learned                   hash    list -> what it has learned to go by (JSON, `learned.InEffect`). A
                                                  year, renewed every night.
    populer:{s}:nights:L                  list    what tuning list L found each night (JSON, `learned.Tuned`), the
                                                  newest first; the last 100. A year, renewed.
    populer:{s}:removed                   hash    item id -> epoch seconds it was taken down. Until it is put again,
                                                  or for a year.
    populer:{s}:edits                     hash    [kind, list, section, item] (JSON) -> pin, block, boost or void (JSON;
                                                  a void has its number as section). Until it is lifted, or over and
                                                  another is made. `edition`: milliseconds of the server's clock at the
                                                  last change here, in `removed` or in `aliases`; it only
                                                  grows. `voids`: the number
                                                  that a void was given last.
    populer:{s}:aliases                   hash    name -> the item that it stands for. Until it is lifted.
    populer:{s}:former                    hash    name of an address that an item has had before -> the item; "": a
                                                  number that grows with them. For good, at most 500,000.
    populer:{s}:audit                     list    who changed what of these, and when (JSON), the newest first; the last
                                                  1,000. A year, renewed.
    populer:{s}:workers                   hash    worker -> `EDITION MS`: what it shows, and when it said so. An hour,
                                                  renewed.
    populer:{s}:list:L                    hash    the published list L: `generation`, `slot`, `epoch`, `stamp`, and one
                                                  body `section:NAME` per section. 7 days, renewed by every publish.
    populer:{s}:order:L:NAME              string  ids of the items of L (one section's) in their order, packed (see
                                                  paging.py), called by their content. 7 days, renewed, while it is
                                                  the order or an order is packed against it; then `refresh.paging`.
    populer:{s}:filters                   hash    a list and what readers ask of it (see `reader_filter.py`) -> epoch
                                                  seconds at which one did. An hour, renewed.
    populer:{s}:lists                     hash    list -> generation: what changed, in one look. 7 days, renewed.
    populer:s:news                        channel `list L generation`, and with the editions before and after a change:
                                                  `item E F ID` (taken down), `edits E F`, `removed E F`, `aliases E F`.
                                                  A reader that
                                                  missed one finds out from `lists` and `edition` at its next look.

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
JOB_RUNS_TTL_S = 7 * DAY_S
ALARMS_RAISED_TTL_S = 120
ALARM_EPISODES_TTL_S = 7 * DAY_S
PULSE_TTL_S = HOUR_S
FILTERS_TTL_S = HOUR_S
PLACES_TTL_S = (PLACES_DAYS + 1) * DAY_S
FEEDS_TTL_S = 30 * DAY_S
PAGES_TTL_S = HOUR_S
LEARNED_TTL_S = 365 * DAY_S


def salt(day: int) -> str:
    """String: the salt of a day."""
    return f"populer:salt:{day}"


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
