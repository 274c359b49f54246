"""Questions to the process that ranks, and their replies, in Redis."""

import asyncio
import secrets
import time

from ranking.store.redis import keys
from ranking.store.redis.connection import translated
from ranking.store.redis.link import Link

#: Questions of one process under way at once: each holds a connection for as long as it waits.
MOST_ASKED = 8


class RedisQuestions:
    """QuestionQueue on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._asking = asyncio.Semaphore(MOST_ASKED)

    async def ask(self, question: bytes, wait_s: float) -> bytes | None:
        to = secrets.token_hex(8)
        async with self._asking:
            with translated():
                await self._link.client.rpush(keys.QUESTIONS, f"{to} ".encode() + question)
                await self._link.client.expire(keys.QUESTIONS, keys.QUESTION_TTL_S)
            return await self._popped(keys.reply(to), wait_s)

    async def next_question(self, wait_s: float) -> tuple[str, bytes] | None:
        found = await self._popped(keys.QUESTIONS, wait_s)
        if found is None:
            return None
        to, _, question = found.partition(b" ")
        return to.decode(), question

    async def reply(self, to: str, content: bytes) -> None:
        with translated():
            await self._link.client.rpush(keys.reply(to), content)
            await self._link.client.expire(keys.reply(to), keys.QUESTION_TTL_S)

    async def _popped(self, key: str, wait_s: float) -> bytes | None:
        """The first of a list, waited for; never for longer at a time than a reply may take."""
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            with translated():
                found = await self._link.client.blpop([key], timeout=max(0.05, min(left, self._link.timeout_s / 2)))
            if found is not None:
                return bytes(found[1])
        return None
