"""Answers the leader of a site that is shared out to several processes, in each that holds a part of it."""

import asyncio

import structlog

from jobs.refresh import RefreshLists
from ranking.errors import PopulerError
from ranking.refreshing.site_parts import decoded_question, encoded
from ranking.store.rounds import Round, RoundStore

log = structlog.get_logger("jobs")

LOOK_S = 0.03
PAUSE_S = 0.5
#: How often the settings are looked at where no site is shared out.
IDLE_S = 1.0


async def part_loop(rounds: RoundStore, lists: RefreshLists) -> None:
    """Answer for the parts that this process holds, until cancelled."""
    known: dict[str, Round] = {}
    while True:
        sites = lists.parted
        for site in sites:
            try:
                asked = await rounds.asked(site, known.get(site))
                if asked is not None:
                    known[site] = asked[0]
                    await _answer(rounds, lists, site, *asked)
            except PopulerError:
                await asyncio.sleep(PAUSE_S)
            except Exception:  # one bad question must not end the loop
                log.exception("A question to the parts of a site was not answered.", site=site)
                await asyncio.sleep(PAUSE_S)
        await asyncio.sleep(LOOK_S if sites else IDLE_S)


async def _answer(rounds: RoundStore, lists: RefreshLists, site: str, of: Round, content: bytes) -> None:
    question = decoded_question(content)
    if question.leader == lists.process or lists.process not in question.parts:
        return
    part = lists.part(site, question.slot)
    await rounds.answer(site, of, lists.process, encoded(await part.answer(question)))
    if question.wanted == "front":
        await part.prepare()
