"""Answers questions of other processes about lists, in the process that has the site's history in memory."""

import asyncio

import msgspec
import structlog

from jobs.refresh import RefreshLists
from jobs.site_leases import SiteLeases
from ranking.errors import NotReadyError, PopulerError
from ranking.refreshing.answers import answer_as_ranked
from ranking.refreshing.questions import decoded_question, encoded_reply
from ranking.store.questions import QuestionQueue

log = structlog.get_logger("jobs")

LISTEN_S = 1.0
PAUSE_S = 0.5
PARTED = (
    "no process has the whole history of this site, as sites.jobs_processes is above 1; use `populer rank` and"
    " `populer explain`"
)


async def answer_loop(queue: QuestionQueue, lists: RefreshLists, leases: SiteLeases) -> None:
    """Answer questions, one after the other, while this process is one of those that share the sites; until cancelled.

    One about a site that another process works for is passed on to that one, once.
    """
    while True:
        if not leases.is_sharing:
            await asyncio.sleep(PAUSE_S)
            continue
        try:
            asked = await queue.next_question(LISTEN_S, leases.holder)
            if asked is None:
                continue
            holder = "" if asked.is_passed_on else leases.holder_of(_site_of(asked.content))
            if holder and holder != leases.holder:
                await queue.pass_on(asked, holder)
            else:
                await queue.reply(asked.to, await _reply(lists, asked.content))
        except PopulerError:
            await asyncio.sleep(PAUSE_S)  # the store is away; the refresh says so


def _site_of(content: bytes) -> str:
    """The site that a question is about; nothing where it cannot be read."""
    try:
        return decoded_question(content).site
    except (PopulerError, msgspec.MsgspecError):
        return ""


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
