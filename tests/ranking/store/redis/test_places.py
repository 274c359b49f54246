"""The pages of lists are kept by the hour, and not for good."""

import servers

from ranking.published.places import places_packed, ranks_of
from ranking.store.limits import PLACES_DAYS
from ranking.store.redis.store import RedisStore

NOW, HOUR_S, DAY_S = 1_764_532_140.0, 3600, 86_400


async def test_places_are_read_back_in_the_order_of_their_hours(store: RedisStore) -> None:
    moments = [NOW - 26 * HOUR_S, NOW - HOUR_S, NOW]
    for rank, at in enumerate(reversed(moments)):
        await store.lists.note_places("s", at, places_packed(at, {"populer": ["x"] * rank + ["a"]}))
    await store.lists.note_places("s", NOW, places_packed(NOW + 5, {"populer": ["a"]}))  # another leader, the same hour
    kept = await store.lists.places("s", NOW - 30 * HOUR_S, NOW + 60)
    assert ranks_of("a", kept) == {
        "populer": [
            {"at": NOW - 26 * HOUR_S, "rank": 3},
            {"at": NOW - HOUR_S, "rank": 2},
            {"at": NOW + 5, "rank": 1},
        ]
    }
    assert len(await store.lists.places("s", NOW - HOUR_S, NOW + 60)) == 2
    assert await store.lists.places("other", NOW - HOUR_S, NOW) == []


async def test_places_of_a_long_range_are_those_that_can_be_kept(store: RedisStore, topology: servers.Topology) -> None:
    await store.lists.note_places("s", NOW, b"x")
    assert await store.lists.places("s", 0.0, NOW + 1) == [b"x"]  # it does not look through fifty years
    lives_s = await store._link.client.ttl(f"populer:{{s}}:places:{int(NOW // DAY_S)}")
    assert 0 < lives_s <= (PLACES_DAYS + 1) * DAY_S
