"""Answers questions of other processes about lists, in the process that has the history in memory."""

import asyncio

import msgspec
import structlog

from jobs.leadership import Leadership
from jobs.refresh import RefreshLists
from ranking.errors import NotReadyError, PopulerError
from ranking.refreshing.answers import answer_as_ranked
from ranking.refreshing.questions import decoded_question, encoded_reply
from ranking.store.questions import QuestionQueue

log = structlog.get_logger("jobs")

LISTEN_S = 1.0
PAUSE_S = 0.5
PARTED = (
    "no process has the whole history of this site, as sites.jobs_processes is above 1; use `populer rank` and"
    " `populer explain` on a copy of the store"
)


async def answer_loop(queue: QuestionQueue, lists: RefreshLists, leadership: Leadership) -> None:
    """Answer questions, one after the other, whenever this process leads; until cancelled."""
    while True:
        if not leadership.epoch:
            await asyncio.sleep(PAUSE_S)
            continue
        try:
            asked = await queue.next_question(LISTEN_S)
            if asked is not None:
                to, content = asked
                await queue.reply(to, await _reply(lists, content))
        except PopulerError:
            await asyncio.sleep(PAUSE_S)  # the store is away; the refresh says so


async def _reply(lists: RefreshLists, content: bytes) -> bytes:
    try:
        question = decoded_question(content)
        if question.site in lists.parted:
            return encoded_reply(NotReadyError(PARTED))
        site = lists.site(question.site)
        if site is None:
            return encoded_reply(NotReadyError("the lists are not ranked yet"))
        return encoded_reply(await answer_as_ranked(site, question))
    except (PopulerError, msgspec.MsgspecError) as error:
        return encoded_reply(error)
    except Exception as error:  # one bad question must not end the loop
        log.exception("a question was not answered")
        return encoded_reply(error)
