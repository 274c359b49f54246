"""Questions to the process that ranks, and their replies, in Redis."""

import asyncio
import secrets
import time

from ranking.store.questions import QueuedQuestion
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
            await self._push(keys.QUESTIONS, f"{to} ".encode() + question)
            found = await self._popped([keys.reply(to)], wait_s)
            return None if found is None else found[1]

    async def next_question(self, wait_s: float, holder: str) -> QueuedQuestion | None:
        own = keys.questions_to(holder)
        found = await self._popped([own, keys.QUESTIONS], wait_s)
        if found is None:
            return None
        to, _, content = found[1].partition(b" ")
        return QueuedQuestion(to.decode(), content, is_passed_on=found[0] == own.encode())

    async def pass_on(self, question: QueuedQuestion, holder: str) -> None:
        await self._push(keys.questions_to(holder), f"{question.to} ".encode() + question.content)

    async def reply(self, to: str, content: bytes) -> None:
        await self._push(keys.reply(to), content)

    async def _push(self, key: str, content: bytes) -> None:
        with translated():
            await self._link.client.rpush(key, content)
            await self._link.client.expire(key, keys.QUESTION_TTL_S)

    async def _popped(self, names: list[str], wait_s: float) -> tuple[bytes, bytes] | None:
        """The first of some lists, waited for, and which; never for longer at a time than a reply may take."""
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            with translated():
                found = await self._link.client.blpop(names, timeout=max(0.05, min(left, self._link.timeout_s / 2)))
            if found is not None:
                return bytes(found[0]), bytes(found[1])
        return None
