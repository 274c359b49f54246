"""Answers are drawn from what the lists were ranked by, and ranking for them never holds up the event loop."""

import asyncio
import threading

import pytest
from memory_store import MemoryStore

from ranking.errors import NotReadyError
from ranking.intake.items import Item
from ranking.lists.item_pool import ItemPool
from ranking.lists.rules import Candidates
from ranking.refreshing.answers import answer_as_ranked
from ranking.refreshing.questions import Explain, Preview, Question
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.reporting.today import Today
from ranking.scoring.sums import Moment
from ranking.settings.lists import ListSettings
from ranking.settings.service import Settings

NOW = 1_764_532_200.0
QUESTIONS = [Explain("s", "populer", "last"), Preview("s", "populer", {"half_life": "3h"})]
TIMEOUT_S = 30.0


async def capped_site(left_out: int) -> RankedSite:
    """A ranked site where a cap keeps `left_out` items that score more out above the item `last`."""
    store = MemoryStore()
    for number in range(left_out + 1):
        store.put(Item(id=f"crowd {number}", title="A", section="Politik", published_at=NOW - 600, first_seen=NOW))
        store.see(f"crowd {number}", NOW - 60, 100 + number)
    store.put(Item(id="last", title="B", section="Olahraga", published_at=NOW - 600, first_seen=NOW))
    store.see("last", NOW - 60, 5)
    settings = Settings.model_validate({"lists": {"populer": {"max_per_section": 1, "hysteresis": 0}}})
    site = RankedSite(store, settings, "s")
    await Refresher(site).refresh(NOW)
    return site


@pytest.mark.parametrize("question", QUESTIONS)
async def test_answer_lets_the_event_loop_turn_while_it_ranks(
    question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await capped_site(3)
    loop, loop_thread, threads = asyncio.get_running_loop(), threading.get_ident(), set[int]()
    score = ItemPool.candidates

    def scored_beside_the_loop(pool: ItemPool, settings: ListSettings, moment: Moment) -> Candidates:
        threads.add(threading.get_ident())
        if threading.get_ident() != loop_thread:
            turned = threading.Event()
            loop.call_soon_threadsafe(turned.set)
            assert turned.wait(TIMEOUT_S), "the event loop did not turn while a list was ranked"
        return score(pool, settings, moment)

    monkeypatch.setattr(ItemPool, "candidates", scored_beside_the_loop)
    assert (await answer_as_ranked(site, question))["list"] == "populer"
    assert threads
    assert loop_thread not in threads


async def test_explain_scores_the_pool_as_often_when_many_rows_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    scored = []
    score = ItemPool.candidates

    def counted(pool: ItemPool, settings: ListSettings, moment: Moment) -> Candidates:
        scored[-1] += 1
        return score(pool, settings, moment)

    monkeypatch.setattr(ItemPool, "candidates", counted)
    for left_out in (2, 60):
        scored.append(0)
        site = await capped_site(left_out)
        scored[-1] = 0
        explanation = await answer_as_ranked(site, QUESTIONS[0])
        assert (explanation["rank"], explanation["place"]) == (2, left_out + 2)
        assert [(move["by"], move["places"]) for move in explanation["moves"]] == [("max_per_section", left_out)]
    assert scored[0] == scored[1] > 0


async def test_answer_is_refused_before_the_first_refresh() -> None:
    with pytest.raises(NotReadyError):
        await answer_as_ranked(RankedSite(MemoryStore(), Settings(), "s"), QUESTIONS[0])


async def test_today_is_made_once_for_many_looks_and_anew_after_a_while() -> None:
    site = await capped_site(3)
    first = await answer_as_ranked(site, Today("s"))
    assert await answer_as_ranked(site, Today("s")) is first
    site.set_ranked(NOW + 60)
    assert (await answer_as_ranked(site, Today("s")))["at"] == NOW + 60
