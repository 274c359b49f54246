"""A question comes to any of the processes that share the sites, and is answered by the one that works for its site."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import servers

from jobs.questions import answer_loop
from jobs.refresh import RefreshLists
from jobs.site_leases import SiteLeases
from ranking.refreshing.questions import Preview, decoded_reply, encoded_question
from ranking.store.redis import keys
from ranking.store.redis.store import RedisStore

PINNED = {"koran": "satu", "radio": "dua"}
SETTINGS = servers.settings(sites=[{"id": site, "jobs": name} for site, name in PINNED.items()])
QUESTION = encoded_question(Preview("radio", "populer"))


@contextlib.asynccontextmanager
async def answering(store: RedisStore, lists: RefreshLists, leases: SiteLeases) -> AsyncIterator[None]:
    task = asyncio.create_task(answer_loop(store.questions, lists, leases))
    try:
        yield
    finally:
        while not task.done():  # redis-py swallows a cancellation that comes together with a reply
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)


async def test_a_question_about_the_site_of_another_process_is_passed_on_to_it(server: servers.Valkey) -> None:
    async with servers.opened(server.unix_url) as store:
        satu, dua = (SiteLeases(store.lease, PINNED, 60.0, name=name) for name in ("satu", "dua"))
        for each in (satu, dua, satu, dua, satu):
            await each.renew()
        none, lists = RefreshLists(store, SETTINGS), RefreshLists(store, SETTINGS)
        await lists("radio", servers.NOW, dua.epoch("radio"))
        asked = asyncio.create_task(store.questions.ask(QUESTION, servers.PATIENCE_S))
        async with answering(store, none, satu):
            queue = keys.questions_to(dua.holder)
            await servers.eventually(lambda: asyncio.to_thread(server.admin.llen, queue), "it to be passed on")
            async with answering(store, lists, dua):
                reply = await asked
                assert reply is not None
                assert b'"list":"populer"' in (decoded_reply(reply) or b"")
                await dua.leave()
            await satu.renew()
            reply = await store.questions.ask(QUESTION, servers.PATIENCE_S)
            assert reply is not None
            assert decoded_reply(reply) is None, "it works for the site now, and has not ranked it yet"
