"""Questions to the processes that hold the parts of a site, in Redis. See `keys` for what lies where."""

from ranking.errors import OvertakenError
from ranking.store.redis import keys
from ranking.store.redis.link import Link
from ranking.store.redis.scripts import LuaScript
from ranking.store.rounds import Round

ASK = LuaScript("ask")
ANSWER = LuaScript("answer")


class RedisRounds:
    """RoundStore on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def ask(self, site: str, of: Round, question: bytes) -> None:
        where = [keys.asked_round(site), keys.answers(site)]
        later = await self._link.run(ASK, where, [of.epoch, of.number, question, keys.ROUND_TTL_S])
        if later:
            raise OvertakenError(later)

    async def asked(self, site: str, known: Round | None) -> tuple[Round, bytes] | None:
        if await self._round(site) in (None, known):
            return None
        epoch, number, question = await self._link.command(
            "HMGET", keys.asked_round(site), "epoch", "number", "question"
        )
        return None if epoch is None else (Round(int(epoch), int(number)), question)

    async def _round(self, site: str) -> Round | None:
        epoch, number = await self._link.command("HMGET", keys.asked_round(site), "epoch", "number")
        return None if epoch is None else Round(int(epoch), int(number))

    async def answer(self, site: str, of: Round, process: str, answer: bytes) -> None:
        where = [keys.asked_round(site), keys.answers(site)]
        await self._link.run(ANSWER, where, [*of, process, answer, keys.ROUND_TTL_S])

    async def answered(self, site: str, of: Round) -> list[str]:
        if await self._round(site) != of:
            return []
        return [process.decode() for process in await self._link.command("HKEYS", keys.answers(site))]

    async def answers(self, site: str, of: Round) -> dict[str, bytes]:
        found = await self._link.command("HGETALL", keys.answers(site))
        if await self._round(site) != of:  # asked after they were read: what was read is of this round or none
            return {}
        return {process.decode(): answer for process, answer in found.items()}
