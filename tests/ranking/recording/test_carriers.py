"""On real reads, readers behind carriers keep the first ten places, and nobody who sends from one network gets in."""

import sys
from pathlib import Path

import pytest
import servers

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "data" / "article-reads" / "events.csv.gz"
sys.path.append(str(ROOT / "bench"))
HOURS = 12

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not REAL.exists(), reason=f"the real reads are not at {REAL}"),
    pytest.mark.timeout(300),
]


async def test_the_bound_leaves_the_first_ten_to_carriers_readers(server: servers.Valkey) -> None:
    import attacks

    async with servers.opened(server.url) as store:
        rows, site = await attacks.honest(store, attacks.reads_of(REAL, HOURS / 24), 1.0)
        same, _, lost = (row.value for row in rows)
        assert same >= 9.8
        assert lost <= 2.0
        bought = {row.name: row.value for row in await attacks.bought(site, site.counted[-1][0])}
        assert bought["one network, an item that nobody reads"] == 5
        assert bought["rank 10: networks within one span"] >= 5
