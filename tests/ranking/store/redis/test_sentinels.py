"""What the driver does to the list of sentinels when several ask at once."""

import asyncio
from typing import Any

from ranking.store.redis.connection import close, connected

URL = "redis+sentinel://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3/mymaster"
PRIMARY = {
    "ip": "10.0.0.1",
    "port": 6379,
    "is_master": True,
    "is_sdown": False,
    "is_odown": False,
    "num-other-sentinels": 2,
}


async def test_no_sentinel_is_forgotten_when_many_ask_at_once() -> None:
    client = connected(URL, timeout_s=1.0, reply_timeout_s=1.0)
    manager = client.connection_pool.sentinel_manager
    before = list(manager.sentinels)

    def answering(state: dict[str, Any]) -> Any:
        async def masters() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"mymaster": state}

        return masters

    for sentinel, state in zip(before, (PRIMARY | {"is_sdown": True}, PRIMARY, PRIMARY), strict=True):
        sentinel.sentinel_masters = answering(state)
    found = await asyncio.gather(*(manager.discover_master("mymaster") for _ in range(5)))
    assert set(found) == {("10.0.0.1", 6379)}
    assert manager.sentinels[0] is before[1], "the one that knew is asked first from now on"
    assert {id(each) for each in manager.sentinels} == {id(each) for each in before}
    assert len(manager.sentinels) == 3
    await close(client)
