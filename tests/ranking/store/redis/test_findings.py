"""What lists have learned is kept on every kind of store: what is in effect, and the nights that say why."""

import msgspec
import servers

from ranking.settings.learned import Correction, LearnedSetting, Trial, Tuned
from ranking.store import limits
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore

SITE, NIGHT = "koran", 1_764_522_000.0
CORRECTION = Correction(3600.0, 3600.0, {"30m": 0.7, "1d x reads": -0.01})
BEFORE = LearnedSetting(7200.0, 0.0)


def night(number: int, name: str = "populer") -> Tuned:
    at = NIGHT + number * 86_400
    trials = (Trial(3600.0, 0.76, 2.2, (0.74, 0.78)), Trial(7200.0, 0.74, 1.3))
    return Tuned(
        name, at, BEFORE, LearnedSetting(3600.0, at, CORRECTION), True, "1h catches more",
        horizon_s=3600.0, step_s=3600.0, k=7, steps=168, days=7, bounds_s=(900.0, 86_400.0), trials=trials,
    )  # fmt: skip


async def test_what_was_found_last_is_in_effect_and_the_nights_say_why(store: RedisStore) -> None:
    found = store.findings
    assert await found.in_effect(SITE) == {}
    assert await found.nights(SITE, "populer", 10) == []
    for number in (1, 2, 3):
        assert await found.note(SITE, night(number))
    assert await found.note(SITE, night(2, "trending"))
    assert await found.note("kedua", night(9))
    assert await found.in_effect(SITE) == {"populer": night(3).after, "trending": night(2).after}
    assert await found.nights(SITE, "populer", 2) == [night(3), night(2)]


async def test_a_night_is_written_once_and_never_over_a_later_one(store: RedisStore) -> None:
    assert await store.findings.note(SITE, night(2))
    other = msgspec.structs.replace(night(2), after=BEFORE)
    assert not await store.findings.note(SITE, other)
    assert not await store.findings.note(SITE, night(1))
    assert await store.findings.nights(SITE, "populer", 10) == [night(2)]
    assert (await store.findings.in_effect(SITE))["populer"] == night(2).after


async def test_a_hundred_nights_are_kept_for_a_year(store: RedisStore, topology: servers.Topology) -> None:
    for number in range(limits.NIGHTS + 5):
        await store.findings.note(SITE, night(number))
    assert len(await store.findings.nights(SITE, "populer", 1_000)) == limits.NIGHTS
    for key in (keys.learned(SITE), keys.nights(SITE, "populer")):
        assert keys.LEARNED_TTL_S - 60 < topology.every_key()[key] <= keys.LEARNED_TTL_S
