"""Alarms reach their receivers once, once more each hour, and when they are over; whoever leads, whatever fails."""

import asyncio
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import servers
from manual import block
from receiver import Receiver, receiving

from jobs import webhooks
from jobs.alarm_sender import AWAY_AFTER_S, NOTE_HOLDS_S, AlarmSender
from ranking.errors import StoreUnavailableError
from ranking.settings.service import Settings
from ranking.store.lease import OF_NO_SITE
from ranking.store.protocol import Store
from ranking.watching.alarms import Alarm
from ranking.watching.episodes import OVER_AFTER_S, REPEAT_S, Raised

NOW, SITE = servers.NOW, servers.SITE
SECRET = "secret-of-the-newsdesk"
STALE = Alarm("list_stale", "list populer was ranked 18 min ago", SITE, "populer", NOW - 60)
SPOOL = Alarm("spool", "3 events wait on this host's disk")


class Term:
    def __init__(self, epoch: int = 1) -> None:
        self.number = epoch

    def epoch(self, site: str) -> int:
        assert site == OF_NO_SITE
        return self.number


@pytest.fixture
async def store(server: servers.Valkey) -> AsyncIterator[Store]:
    async with servers.opened(server.url) as store:
        yield store


@pytest.fixture
def desk() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with webhooks.client() as http:
        yield http


def settings_of(desk: Receiver, **of_desk: Any) -> Settings:
    webhooks = {"desk": {"url": desk.url, "secret": SECRET, **of_desk}}
    return Settings.model_validate({"alarms": {"webhooks": webhooks}, "sites": [{"id": SITE}]})


class Sending:
    """A sender with a clock of its own, in a process that leads."""

    def __init__(self, store: Store, http: httpx2.AsyncClient, settings: Settings, epoch: int = 1) -> None:
        self.store, self.http, self.now, self.term = store, http, NOW, Term(epoch)
        self.sender = AlarmSender(
            store,
            settings,
            self.term,
            clock=lambda: self.now,
            monotonic=lambda: self.now,  # type: ignore[arg-type]
        )

    async def look(self, *raised: Alarm, after_s: float = 0.0) -> None:
        self.now += after_s
        await self.store.logbook.note_raised("worker", Raised(await self.store.server.time(), raised))
        await self.sender.look(self.http)


async def test_a_receiver_is_told_when_an_alarm_is_raised_each_hour_and_when_it_is_over(
    store: Store, desk: Receiver, http: httpx2.AsyncClient
) -> None:
    sending = Sending(store, http, settings_of(desk))
    await sending.look(STALE, SPOOL)
    await sending.look(STALE, SPOOL, after_s=10)
    assert desk.told == [("raised", "list_stale", SITE), ("raised", "spool", None)]
    content = desk.sent[0].content
    assert content["says"] == ["list populer was ranked 18 min ago"]
    assert (content["since"], content["at"]) == ("2025-11-30T19:48:00Z", "2025-11-30T19:49:00Z")
    for _ in range(12):
        await sending.look(STALE, after_s=300)
    assert desk.told[2:] == [("over", "spool", None), ("lasts", "list_stale", SITE)]
    await sending.look(after_s=OVER_AFTER_S - 1)
    assert len(desk.sent) == 4
    await sending.look(after_s=1)
    await sending.look(after_s=REPEAT_S)
    assert desk.told[4:] == [("over", "list_stale", SITE)]
    assert await store.logbook.episodes() == []


async def test_a_message_is_signed_with_its_moment(store: Store, desk: Receiver, http: httpx2.AsyncClient) -> None:
    await Sending(store, http, settings_of(desk)).look(STALE)
    (sent,) = desk.sent
    at, _, signed = sent.headers["populer-signature"].partition(",v1=")
    moment = at.removeprefix("t=")
    assert int(moment) == int(NOW)
    assert signed == hmac.new(SECRET.encode(), f"{moment}.".encode() + sent.body, hashlib.sha256).hexdigest()


async def test_a_receiver_that_checks_as_the_manual_says_believes_the_message_and_no_other(
    store: Store, desk: Receiver, http: httpx2.AsyncClient
) -> None:
    code = block("docs/ops.md", "python")
    await Sending(store, http, settings_of(desk)).look(STALE)
    (sent,) = desk.sent

    def genuine(body: bytes, now: float = NOW) -> bool:
        request = SimpleNamespace(headers={"Populer-Signature": sent.headers["populer-signature"]})
        clock = SimpleNamespace(time=lambda: now)
        names = {"request": request, "secret": SECRET.encode(), "body": body, "hmac": hmac, "time": clock}
        exec(code, names)  # noqa: S102 - what the manual says
        return bool(names["genuine"])

    assert genuine(sent.body)
    assert not genuine(sent.body + b" ")
    assert not genuine(sent.body, NOW + 301)


async def test_slack_gets_a_text_without_markup(store: Store, desk: Receiver, http: httpx2.AsyncClient) -> None:
    alarm = STALE._replace(says="item <b> & others")
    await Sending(store, http, settings_of(desk, format="slack", secret=None)).look(alarm)
    assert desk.sent[0].content == {
        "text": f"Alarm of {SITE}: list_stale (since 2025-11-30T19:48:00Z)\nitem &lt;b&gt; &amp; others"
    }
    assert "populer-signature" not in desk.sent[0].headers


async def test_a_receiver_gets_the_alarms_that_it_wants(store: Store, desk: Receiver, http: httpx2.AsyncClient) -> None:
    await Sending(store, http, settings_of(desk, alarms=["spool"])).look(STALE, SPOOL)
    assert desk.told == [("raised", "spool", None)]


async def test_an_alarm_that_comes_and_goes_is_told_once(
    store: Store, desk: Receiver, http: httpx2.AsyncClient
) -> None:
    sending = Sending(store, http, settings_of(desk))
    for _ in range(20):
        await sending.look(STALE)
        await sending.look(after_s=OVER_AFTER_S / 2)
    assert desk.told == [("raised", "list_stale", SITE)]


async def test_a_receiver_that_fails_is_told_later_how_things_are_then(
    store: Store, desk: Receiver, http: httpx2.AsyncClient
) -> None:
    desk.status = 503
    sending = Sending(store, http, settings_of(desk))
    await sending.look(STALE)
    await sending.look(STALE, after_s=4)
    assert len(desk.sent) == 1, "it is left alone for a while"
    await sending.look(STALE, after_s=1)
    assert (await store.logbook.receivers())["desk"].failures == 2
    assert (await store.logbook.receivers())["desk"].error == "it answered 503"
    desk.sent.clear()
    desk.status = 204
    await sending.look(after_s=OVER_AFTER_S)
    assert desk.told == [("over", "list_stale", SITE)]
    assert (await store.logbook.receivers())["desk"].error is None


async def test_a_dead_receiver_holds_up_no_other_one(store: Store, desk: Receiver, http: httpx2.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it never answers
        dead = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        named = {"dead": {"url": dead}, "desk": {"url": desk.url}}
        settings = Settings.model_validate({"alarms": {"webhooks": named}, "sites": [{"id": SITE}]})
        looking = asyncio.create_task(Sending(store, http, settings).look(STALE))
        async with asyncio.timeout(60):
            while not desk.sent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not looking.done()
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking


async def test_another_process_that_takes_over_tells_nothing_again(
    store: Store, desk: Receiver, http: httpx2.AsyncClient
) -> None:
    first, second = (Sending(store, http, settings_of(desk), epoch) for epoch in (1, 0))
    await first.look(STALE)
    await second.look(STALE)
    first.term.number, second.term.number = 0, 2
    await second.look(STALE, SPOOL)
    await first.look(STALE, SPOOL)
    await second.look(after_s=OVER_AFTER_S)
    await first.look(after_s=OVER_AFTER_S)
    assert desk.told == [
        ("raised", "list_stale", SITE), ("raised", "spool", None), ("over", "list_stale", SITE), ("over", "spool", None)
    ]  # fmt: skip


async def test_a_leader_tells_that_the_store_is_away_and_that_it_is_back(
    store: Store, desk: Receiver, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending, other = (Sending(store, http, settings_of(desk), epoch) for epoch in (1, 0))
    await sending.look()
    await other.look()

    async def away() -> list[Raised]:
        raise StoreUnavailableError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(type(store.logbook), "raised", lambda _: away())
        patched.setattr(type(store.logbook), "note_episode", lambda *_: away())
        patched.setattr(type(store.logbook), "episodes", lambda _: away())
        for each in (sending, other):
            each.term.number = 0
            await each.sender.look(http)
            each.now += AWAY_AFTER_S
            await each.sender.look(http)
            await each.sender.look(http)
    assert desk.told == [("raised", "store_away", None)]
    assert "connection refused" in desk.sent[0].content["says"][0]
    other.term.number = 2  # the other one leads now, and knows of nothing
    await other.look()
    await sending.look()
    await other.look()
    await other.look(after_s=OVER_AFTER_S)
    assert desk.told[1:] == [("over", "store_away", None)]


async def test_nothing_is_over_while_no_worker_says_anything(
    store: Store, desk: Receiver, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(store, http, settings_of(desk))
    await sending.look(STALE)
    later = await store.server.time() + NOTE_HOLDS_S + 1

    async def time_of_store(_: object) -> float:
        return later

    monkeypatch.setattr(type(store.server), "time", time_of_store)
    for _ in range(3):
        sending.now += OVER_AFTER_S
        await sending.sender.look(http)
    assert desk.told == [("raised", "list_stale", SITE)]


async def test_a_new_term_keeps_the_episodes_that_the_store_has_not_taken(
    store: Store, desk: Receiver, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise StoreUnavailableError("out of memory")

    sending = Sending(store, http, settings_of(desk))
    with monkeypatch.context() as patched:
        patched.setattr(type(store.logbook), "note_episode", refused)
        await sending.look(STALE)
        sending.term.number = 2
        await sending.look(STALE)
    await sending.look(STALE)
    assert desk.told == [("raised", "list_stale", SITE)]
    assert [each.key for each in await store.logbook.episodes()] == [("list_stale", SITE)]
