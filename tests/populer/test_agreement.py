"""One list, four ways to it: a preview, `rank --set`, the file, and what readers are given. They have to agree.

Each draws its settings of the same words by another road, and an editor previews a list to publish just that.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import Any

import pytest
import servers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from servers import NOW, SITE, WRITER
from soak import either

from populer.commands.rank import ListAtMoment, ranked
from populer.config import validated, with_list_settings
from ranking.errors import InvalidQuestionError, SettingsError
from ranking.refreshing.answers import answer_as_ranked
from ranking.refreshing.questions import Preview
from ranking.refreshing.ranked_site import RankedSite
from ranking.refreshing.refresher import Refresher
from ranking.settings.lists import changed_table
from ranking.settings.presets import PRESETS
from ranking.settings.service import Settings

LIST = "populer"
SECTIONS = ("", "Politik", "Olahraga")
HOUR_S = 3600
#: Values of every setting that bears on what is listed.
VALUES: dict[str, list[Any]] = {
    "preset": ["none", *PRESETS],
    "kind": ["ranked", "burst", "latest"],
    "size": [1, 3, 10],
    "depth": [2, 40],
    "weights": [{"view": 1}, {"view": 0, "click": 1}, {"view": 1, "click@list:populer": 5}],
    "self_click_weight": [0, 0.5],
    "position_bias": [1],
    "bonus_kinds": [["click"]],
    "decay": ["half-life", "window", "linear", "power", "daily", "day-blend", "forecast"],
    "half_life": ["15m", "2h", "none", "auto"],
    "window": ["3h", "2d", "none"],
    "period": ["none", "today", "yesterday", "this week", "this month"],
    "week_start": ["sunday"],
    "power": [0.5, 2],
    "daily": [0.5],
    "shape": ["plain", "minus-one", "plus-one", "log", "discourse-top"],
    "exponent": [0.5, 2],
    "aging": ["none", "half-life", "gravity"],
    "aging_half_life": ["3h"],
    "gravity": [1.2],
    "max_age": ["1d", "none"],
    "min_age": ["0s", "2h"],
    "revival": ["0s", "6h"],
    "listed": ["known", "described", "all"],
    "min_count": [0, 3],
    "floor": [0, 2.5],
    "scale": ["none", "section-activity", "section-best"],
    "section_floor": [0, 50],
    "max_per_section": [0, 1],
    "max_tenure": ["none", "1h"],
    "hysteresis": [0, 0.2],
    "fill": ["none", "widen", "latest"],
    "movement": ["30m", "5h"],
    "method": ["chi-square", "z-score", "ewma", "ratio", "share", "excess", "acceleration"],
    "short": ["30m", "1h"],
    "baseline": ["5h", "2d"],
    "minimum": [0, 2],
    "hold": ["0s", "3h"],
}
TABLES = st.lists(st.sampled_from(sorted(VALUES)), max_size=5, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in names})
)


class Newsroom:
    """A service whose readers are the same for every example, and the loop that it runs in."""

    def __init__(self, service: servers.Service, url: str, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.service = service
        self.url = url
        self.run = run
        self.term = 0

    def published(self, given: Settings) -> dict[str, Any]:
        """What readers are given under `given`: section -> items, as the API answers them."""
        return dict(self.run(self._published(given)))

    async def _published(self, given: Settings) -> dict[str, Any]:
        self.term += 1  # of each term the list goes over the one before
        generations = await Refresher(RankedSite(self.service.store, given, SITE)).refresh(NOW, self.term)

        async def answers() -> dict[str, Any]:
            query = {"limit": 1000}
            every = [
                (await self.service.http.get(f"/v1/lists/{LIST}", params={**query, "section": section})).json()
                for section in SECTIONS
            ]
            there = all(answer.get("generation", 0) >= generations[LIST] for answer in every)
            return {section: answer["items"] for section, answer in zip(SECTIONS, every, strict=True)} if there else {}

        found: dict[str, Any] = await servers.eventually(answers, "the list to be served", 60)
        return found

    def previewed(self, given: Settings, section: str, changes: dict[str, Any]) -> Any:
        return self.run(self._previewed(given, section, changes))

    async def _previewed(self, given: Settings, section: str, changes: dict[str, Any]) -> Any:
        site = RankedSite(self.service.store, given, SITE)
        async with site.updated(NOW) as slot:
            site.set_ranked(slot)
        return (await answer_as_ranked(site, Preview(SITE, LIST, changes, section, limit=100)))["preview"]

    def ranked(self, given: Settings, section: str) -> Any:
        site = next(each for each in given.sites if each.id == SITE)
        found = ranked(given, self.url, ListAtMoment(site, LIST, section, NOW, 1000), NOW)
        return self.run(found)["items"]


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    random = Random(7)
    items = [
        {
            "id": f"berita-{n:02}", "title": f"Judul {n}", "section": (None, "Politik", "Olahraga")[n % 3],
            "published_at": NOW - random.random() * 3 * 86_400 + HOUR_S,
        }
        for n in range(30)
    ]  # fmt: skip
    events: list[dict[str, Any]] = []
    for _ in range(900):
        ts = NOW - random.choice([HOUR_S, 6 * HOUR_S, 40 * HOUR_S, 200 * HOUR_S]) * random.random()
        event = {"item": f"berita-{min(random.randrange(34), random.randrange(34)):02}", "ts": ts}
        if random.random() < 0.2:
            event |= {"kind": "click", "source": "list:populer", "position": random.randrange(1, 9)}
        events.append(event)

    async def fill(service: servers.Service) -> None:
        await service.put(*items)
        answer = await service.http.post("/v1/events", json=events, headers=WRITER)
        assert answer.json()["accepted"] == len(events), answer.text

    with servers.Valkey() as server, asyncio.Runner() as runner:
        stack = servers.serving(server, servers.settings(), servers.Clock())
        service = runner.run(stack.__aenter__())
        runner.run(fill(service))
        yield Newsroom(service, server.unix_url, runner.run)
        runner.run(stack.__aexit__(None, None, None))


def shown(items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("rank", "id", "score", "views", "previous_rank", "is_new", "source")
    return [tuple(item[name] for name in names) for item in items]


def as_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


@settings(max_examples=either(20, 2000), deadline=None)
@given(table=TABLES, changes=TABLES)
@example(table={}, changes={"period": "today"})
@example(table={"period": "today"}, changes={"period": "none"})
@example(table={"period": "this week", "kind": "burst"}, changes={"kind": "ranked"})
@example(table={"weights": {"view": 4, "click": 5}}, changes={"weights": {"view": 2}})
@example(table={"half_life": "auto"}, changes={"period": "today"})
@example(table={"preset": "lobsters", "half_life": "2h"}, changes={"preset": "reddit"})
@example(table={"decay": "linear", "window": "3h"}, changes={"window": "none"})
def test_preview_rank_file_and_page_agree_under_any_settings(
    newsroom: Newsroom, table: dict[str, Any], changes: dict[str, Any]
) -> None:
    raw = servers.tables(lists={LIST: changed_table(LIST, {}, table, ())})
    try:
        given = validated(raw)
    except (SettingsError, ValidationError):
        assume(False)
    texts = [f"{name}={as_text(value)}" for name, value in changes.items()]
    try:
        of_file = validated({**raw, "lists": {LIST: changed_table(LIST, given.table(LIST), changes)}})
    except SettingsError:
        with pytest.raises(SettingsError):
            with_list_settings(given, raw, LIST, texts)
        with pytest.raises(InvalidQuestionError):
            newsroom.previewed(given, "", changes)
        return
    page = newsroom.published(of_file)
    of_command = with_list_settings(given, raw, LIST, texts)
    assert of_command.lists[LIST] == of_file.lists[LIST]
    for section in SECTIONS:
        assert shown(newsroom.previewed(given, section, changes)) == shown(page[section])
        assert shown(newsroom.ranked(of_command, section)) == shown(page[section])
