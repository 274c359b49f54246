"""The ops page on a running service: what is asked of it by hand is what comes to be, and nothing else."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import SETTINGS, Desk, Newsroom, Visit
from playwright.sync_api import Locator, Page, Response, expect
from servers import opened
from service import Service, serving, wait_until

from ranking.settings.learned import LearnedSetting, Trial, Tuned
from ranking.store.embedded.data_dir import socket_url
from ranking.store.redis.store import RedisStore
from ranking.watching.concentration import SLICE_S, ItemSummary, Summary

Open = Callable[..., Visit]
HOUR_S = 3600.0
#: Counts the previews that are on their way at once.
COUNT_PREVIEWS = """
window.previews = { now: 0, most: 0, sent: 0 };
const asked = window.fetch;
window.fetch = async (address, options) => {
  if (!String(address).includes("/v1/preview")) return asked(address, options);
  previews.sent += 1;
  previews.most = Math.max(previews.most, ++previews.now);
  try { return await asked(address, options); } finally { previews.now -= 1; }
};
"""


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    """Three articles, `a` the most read and `c` the least; but `c` was read more five hours ago."""
    found = newsroom.publish(3)
    events = [{"item": found.ids[2], "ts": time.time() - 5 * HOUR_S}] * 8
    assert newsroom.http.post("/v1/events", json=events).json()["accepted"] == 8
    wait_until(lambda: newsroom.first(found.section, place=2)["views"] == 10)
    return found


def at(service: Service, desk: Desk | None = None, page: str = "lists", language: str = "en") -> str:
    """The address of one of its pages, for a section's list, in a language."""
    return f"{service.url}/ops?lang={language}#page={page}" + (f"&list=populer&section={desk.section}" if desk else "")


def sign_in(page: Page, key: str) -> None:
    page.locator("#key").fill(key)
    page.locator("#sign-in-form button").click()


def signed_in(service: Service, visit: Open, desk: Desk, where: str = "lists", **options: Any) -> Page:
    page = visit(at(service, desk, where), **options).page
    sign_in(page, service.admin_key)
    expect(page.locator("#live li")).to_have_count(len(desk.ids))
    return page


def ids(page: Page, ranking: str) -> list[str]:
    found: list[str] = page.locator(f"#{ranking} li").evaluate_all("lines => lines.map(line => line.dataset.item)")
    return found


def holds(page: Page, ranking: str, expected: list[str]) -> None:
    """Return once a ranking is as expected."""
    for place, item in enumerate(expected):
        expect(page.locator(f"#{ranking} li").nth(place)).to_have_attribute("data-item", item)
    expect(page.locator(f"#{ranking} li")).to_have_count(len(expected))


def in_store(service: Service, does: Callable[[RedisStore], Coroutine[Any, Any, Any]]) -> None:
    """Have something done to the service's store behind its back."""

    async def done() -> None:
        async with opened(socket_url(service.data_dir)) as store:
            await does(store)

    with ThreadPoolExecutor(1) as thread:  # the browser's driver has a loop of its own in ours
        thread.submit(lambda: asyncio.run(done())).result()


# Signing in


def test_a_wrong_key_is_told_from_the_write_key_and_from_the_right_one(service: Service, visit: Open) -> None:
    page = visit(at(service)).page
    fault = page.locator("#sign-in-fault")
    sign_in(page, "of-nobody-at-all-really")
    expect(fault).to_contain_text("not a key of this site")
    sign_in(page, service.write_key)
    expect(fault).to_contain_text("write key")
    expect(page.locator("#desk")).to_be_hidden()
    sign_in(page, service.admin_key)
    expect(page.locator("#desk")).to_be_visible()
    expect(page.locator("#sign-in")).to_be_hidden()


def test_the_key_stays_in_the_tab_until_it_is_signed_out(service: Service, visit: Open) -> None:
    addresses: list[str] = []
    visited = visit(at(service), prepare=lambda page: page.on("request", lambda asked: addresses.append(asked.url)))
    page = visited.page
    sign_in(page, service.admin_key)
    expect(page.locator("#desk")).to_be_visible()
    page.reload()
    expect(page.locator("#desk")).to_be_visible()
    other = visited.context.new_page()
    other.goto(at(service))
    expect(other.get_by_label("Key", exact=True)).to_be_visible()
    assert visited.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0
    assert not any(service.admin_key in address for address in addresses)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    assert service.admin_key not in page.evaluate("JSON.stringify(sessionStorage)")
    page.reload()
    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    assert service.admin_key not in page.content()


def test_nothing_comes_from_elsewhere_and_the_policy_has_nothing_to_stop(
    service: Service, desk: Desk, visit: Open
) -> None:
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    visited = visit(at(service, desk, "settings"), prepare=lambda page: page.on("response", note))
    page = visited.page
    sign_in(page, service.admin_key)
    holds(page, "live", desk.ids)
    move(page, "Half-life", "24 h")
    page.locator("#live button.title").first.click()
    expect(page.locator("#item tr.total").last).to_be_visible()
    assert {answer.url.split("/ops")[0].split("/v1")[0] for answer in answers} == {service.url}
    assert [answer.url for answer in answers if answer.status >= 400] == []
    assert visited.violations() == []


# Trying other settings


def spoken(slider: Locator) -> str:
    """What a slider says it is at."""
    return (slider.get_attribute("aria-valuetext") or "").replace("\u00a0", " ")


def move(page: Page, label: str, wanted: str, key: str = "ArrowRight") -> None:
    """Move a slider by the keyboard until it says so."""
    slider = page.get_by_label(label, exact=True)
    slider.focus()
    for _ in range(80):
        if spoken(slider) == wanted:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{label} never said {wanted}")


def test_the_slider_moves_the_proposed_list_and_leaves_the_live_one(service: Service, desk: Desk, visit: Open) -> None:
    a, b, c = desk.ids
    page = signed_in(service, visit, desk, "settings")
    expect(page.locator("#try-words")).to_have_text("After 2 h a view counts half, after 6 h 12%.")
    assert ids(page, "proposed") == []
    move(page, "Half-life", "24 h")
    holds(page, "proposed", [c, a, b])
    expect(page.locator("#try-words")).to_have_text("After 24 h a view counts half, after 3 d 12%.")
    expect(page.locator("#toml")).to_have_text('[lists.populer]\nhalf_life = "1d"')
    expect(page.locator("#proposed .move").first).to_contain_text("▲2")
    expect(page.locator("#curve path.curve-live")).to_have_count(1)
    expect(page.locator("#curve path.curve-other")).to_have_count(1)
    holds(page, "live", [a, b, c])
    page.get_by_role("button", name="Reset").click()
    holds(page, "proposed", [])
    expect(page.get_by_label("Half-life", exact=True)).to_have_attribute("aria-valuetext", re.compile("^2.h$"))


def test_other_settings_can_be_tried_too(service: Service, desk: Desk, visit: Open) -> None:
    a, b, c = desk.ids
    page = signed_in(service, visit, desk, "settings")
    page.get_by_text("More settings").click()
    move(page, "Only events of the last", "18 h", "ArrowLeft")
    move(page, "Half-life", "no limit")
    holds(page, "proposed", [c, a, b])
    expect(page.locator("#try-words")).to_have_text("A view counts in full for 18 h, then not at all.")
    page.get_by_label("Items fade with their own age").select_option("gravity")
    move(page, "Gravity", "2", "ArrowRight")
    expect(page.locator("#toml")).to_contain_text('window = "18h"')
    expect(page.locator("#toml")).to_contain_text('aging = "gravity"')
    expect(page.locator("#toml")).to_contain_text("gravity = 2")


@pytest.mark.parametrize(
    ("name", "label", "key", "wanted", "line"),
    [
        ("Trending", "A burst is of the last", "ArrowLeft", "30 min", 'short = "30m"'),
        ("UPDATE", "Leave out items older than", "ArrowLeft", "7 d", 'max_age = "7d"'),
    ],
)
def test_each_kind_of_list_has_settings_of_its_own(
    service: Service, desk: Desk, visit: Open, name: str, label: str, key: str, wanted: str, line: str
) -> None:
    page = signed_in(service, visit, desk, "settings")
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_label("Half-life", exact=True)).to_have_count(0)
    move(page, label, wanted, key)
    expect(page.locator("#toml")).to_have_text(f"[lists.{name.lower()}]\n{line}")
    expect(page.locator("#try-says")).to_contain_text("would")


def test_what_is_pasted_is_what_was_shown(service: Service, desk: Desk, visit: Open, tmp_path: Path) -> None:
    page = signed_in(service, visit, desk, "settings")
    move(page, "Half-life", "6 h")
    visit_context = page.context
    visit_context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#told")).to_contain_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()")
    assert lines == '[lists.populer]\nhalf_life = "6h"'


def test_of_many_moves_the_last_is_shown_and_one_question_is_asked_at_a_time(
    service: Service, desk: Desk, visit: Open
) -> None:
    page = signed_in(service, visit, desk, "settings", prepare=lambda page: page.add_init_script(COUNT_PREVIEWS))
    slider = page.get_by_label("Half-life", exact=True)
    for place in [*range(0, 400, 7), 3]:
        slider.evaluate("(input, place) => { input.value = place; input.dispatchEvent(new Event('input')); }", place)
    expect(page.locator("#toml")).to_have_text('[lists.populer]\nhalf_life = "5m"')
    expect(page.locator("#try-words")).to_have_text("After 5 min a view counts half, after 1 h nothing.")
    holds(page, "proposed", desk.ids)
    assert page.evaluate("previews.most") == 1
    assert page.evaluate("previews.sent") < 30


def test_a_setting_that_makes_no_list_is_said(service: Service, desk: Desk, visit: Open) -> None:
    page = signed_in(service, visit, desk, "settings")
    page.route("**/v1/preview*", lambda route: route.fulfill(status=422, json={"detail": "settings.window: no"}))
    move(page, "Half-life", "3 h")
    expect(page.locator("#try-says")).to_have_text("Settings.window: no.")
    page.unroute("**/v1/preview*")
    move(page, "Half-life", "4 h")
    expect(page.locator("#try-says")).not_to_contain_text("window")


def test_where_the_process_that_ranks_is_away_the_lists_are_there_and_it_is_said(
    service: Service, desk: Desk, visit: Open
) -> None:
    said = "the jobs process did not answer: its log says why, /readyz whether lists are ranked"

    def away(page: Page) -> None:
        page.route(
            re.compile("/v1/(ops/views|preview|items/.*explain)"),
            lambda route: route.fulfill(status=503, headers={"retry-after": "1"}, json={"detail": said}),
        )

    page = signed_in(service, visit, desk, "settings", prepare=away)
    holds(page, "live", desk.ids)
    expect(page.locator("#try-says")).to_contain_text("The jobs process did not answer")
    expect(page.locator("#trouble")).to_be_hidden()
    chosen(page, 0)
    expect(page.locator("#item .fault")).to_contain_text("Try again in 1 s.")
    expect(page.get_by_role("form", name="Pin")).to_be_visible()


# What editors say


def chosen(page: Page, place: int) -> None:
    page.locator("#live button.title").nth(place).click()
    expect(page.locator("#item .why")).to_be_visible()


def test_a_pin_moves_the_live_list_and_its_undo_moves_it_back(service: Service, desk: Desk, visit: Open) -> None:
    a, b, c = desk.ids
    page = signed_in(service, visit, desk)
    chosen(page, 2)
    page.get_by_role("form", name="Pin").get_by_role("button", name="Pin").click()
    holds(page, "live", [c, a, b])
    expect(page.locator("#item")).to_be_hidden()
    expect(page.locator("#in-force")).to_contain_text(f"at 1 in {desk.section}")
    expect(page.locator("#trail li").first).to_contain_text("admin pinned")
    page.locator("#told").get_by_role("button", name="Undo").click()
    holds(page, "live", [a, b, c])
    expect(page.locator("#trail li").first).to_contain_text("admin undid: lifted the pin of")


def test_a_block_takes_an_item_out_and_the_trail_brings_it_back(service: Service, desk: Desk, visit: Open) -> None:
    a, b, c = desk.ids
    page = signed_in(service, visit, desk)
    chosen(page, 0)
    block = page.get_by_role("form", name="Block")
    block.get_by_label("Because").fill("salah kutip")
    block.get_by_role("button").click()
    holds(page, "live", [b, c])
    expect(page.locator("#in-force")).to_contain_text("“salah kutip”")
    page.locator("#trail").get_by_role("button", name=re.compile("^Undo: blocked")).first.click()
    holds(page, "live", [a, b, c])
    expect(page.locator("#in-force")).not_to_contain_text("salah kutip")


def explained(service: Service, desk: Desk, item: str) -> dict[str, Any]:
    """Why an item is where it is, as the service says it."""
    found: dict[str, Any] = httpx2.get(
        f"{service.url}/v1/items/{item}/explain",
        params={"section": desk.section},
        headers={"authorization": f"Bearer {service.admin_key}"},
        trust_env=False,
    ).json()
    return found


def test_a_boost_is_shown_and_lifted(service: Service, desk: Desk, visit: Open) -> None:
    a, b, c = desk.ids
    page = signed_in(service, visit, desk)
    chosen(page, 1)
    boost = page.get_by_role("form", name="Boost")
    boost.get_by_label("Score ×").fill("5")
    boost.get_by_role("button").click()
    holds(page, "live", [b, a, c])
    expect(page.locator("#live li").first).to_contain_text("boost ×5")
    wait_until(lambda: explained(service, desk, b)["boost"] == 5)
    chosen(page, 0)
    expect(page.locator("#item tr.total")).to_have_count(3)
    expect(page.locator("#item tr.total").nth(1)).to_contain_text("× boost")
    expect(page.locator("#item .moves")).to_have_text("An editor has boosted it. 1 place up.")
    page.keyboard.press("Escape")
    page.locator("#in-force").get_by_role("button", name=re.compile("^Lift the boost")).first.click()
    holds(page, "live", [a, b, c])


def test_what_cannot_be_done_is_said_where_it_was_asked_for(service: Service, desk: Desk, visit: Open) -> None:
    page = signed_in(service, visit, desk)
    chosen(page, 0)
    page.route("**/pins/**", lambda route: route.fulfill(status=409, json={"detail": "the site has too many pins"}))
    page.get_by_role("form", name="Pin").get_by_role("button", name="Pin").click()
    expect(page.locator("#item .fault")).to_have_text("The site has too many pins.")
    expect(page.locator("#item")).to_be_visible()


def test_why_an_item_is_where_it_is_adds_up(service: Service, newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    newsroom.http.post("/v1/events", json=[{"item": desk.ids[0], "kind": "click"}] * 3)
    wait_until(lambda: newsroom.first(desk.section)["score"] > 12)
    page = signed_in(service, visit, desk)
    chosen(page, 0)
    expect(page.locator("#item .words")).to_contain_text("At 1 of Populer")
    parts = [float(text) for text in page.locator("#item tbody tr:not(.total) td:last-child").all_inner_texts()]
    totals = [float(text) for text in page.locator("#item tr.total td").all_inner_texts()]
    assert len(parts) == 2
    assert round(sum(parts), 2) == totals[0] == totals[-1]
    page.keyboard.press("Escape")
    expect(page.locator("#live button.title").first).to_be_focused()


def test_titles_are_text_whatever_they_hold(service: Service, newsroom: Newsroom, visit: Open) -> None:
    title = '<img src=x onerror="document.title=1"><b>Judul</b>'
    desk = newsroom.publish(1, title=title)
    page = signed_in(service, visit, desk)
    expect(page.locator("#live button.title").first).to_have_text(title)
    chosen(page, 0)
    expect(page.locator("#item-title")).to_have_text(title)
    assert page.locator("#live img, #item img").count() == 0


# How the service fares


def test_traffic_jobs_and_leader_are_shown(service: Service, newsroom: Newsroom, desk: Desk, visit: Open) -> None:
    headers = {"authorization": f"Bearer {service.admin_key}"}

    def told() -> bool:
        answer = httpx2.get(f"{service.url}/v1/ops/traffic", headers=headers, trust_env=False)
        return sum(answer.json()["events"].get("view", [])) > 0

    wait_until(told)
    page = visit(at(service, desk, "state")).page
    sign_in(page, service.admin_key)
    expect(page.locator("#traffic")).to_contain_text("views")
    assert page.locator("#traffic svg.columns rect").count() > 0
    expect(page.locator("#service")).to_contain_text("rank and publish lists")
    expect(page.locator("#service")).to_contain_text("term 1")
    expect(page.locator("#standing")).to_have_text("All is well")


def test_evidence_is_drawn_and_tried_with_one_click(service: Service, desk: Desk, visit: Open) -> None:
    page = signed_in(service, visit, desk, "settings")
    expect(page.locator("#evidence")).to_contain_text("populer tune --list populer")
    now = time.time()
    trials = (
        Trial(3600.0, 0.76, 2.2, (0.74, 0.78), on_front=True),
        Trial(7200.0, 0.74, 1.5, (0.72, 0.76), on_front=True),
        Trial(21_600.0, 0.67, 0.7, None, on_front=True),
        Trial(None, 0.77, 2.3, (0.75, 0.79)),
    )
    night = Tuned(
        "populer", now, LearnedSetting(7200.0, 0.0), LearnedSetting(7200.0, 0.0), False,
        "half_life = 1h would catch 76 %.",
        horizon_s=3600.0, step_s=3600.0, k=10, first=now - 86_400, steps=24, days=2, trials=trials,
    )  # fmt: skip
    in_store(service, lambda store: store.findings.note("default", night))
    page.reload()
    expect(page.locator("#evidence")).to_contain_text("half_life = 1h would catch 76 %.")
    expect(page.locator("#evidence .words")).to_have_text(
        "It stands at 2 h, which catches 74%. The best, a forecast, catches 77%; the settings bound how far it may "
        "move in a night."
    )
    expect(page.locator("#evidence .front li")).to_have_count(4)
    expect(page.locator("#evidence tbody tr")).to_have_count(4)
    expect(page.locator("#evidence circle.dot")).to_have_count(4)
    expect(page.locator("#evidence tr.best")).to_contain_text("a forecast")
    page.get_by_role("button", name="Try a half-life of 6 h").click()
    expect(page.locator("#toml")).to_have_text('[lists.populer]\nhalf_life = "6h"')
    expect(page.get_by_label("Half-life", exact=True)).to_have_attribute("aria-valuetext", re.compile("^6.h$"))


# On a service of the test's own


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "populer.toml"
    file.write_text(SETTINGS)
    return file


@pytest.fixture
def own(tmp_path: Path, config: Path) -> Iterator[Service]:
    with serving(tmp_path / "data", "--config", str(config)) as started:
        yield started


def test_a_service_that_is_away_is_said_to_be_and_found_again(
    own: Service, config: Path, visit: Open, tmp_path: Path
) -> None:
    with own.client() as http:
        http.put("/v1/items", json=[{"id": "a", "title": "Judul a"}])
        http.post("/v1/events", json={"item": "a"})
        wait_until(lambda: bool(http.get("/v1/lists/populer").json().get("items")))
    page = visit(at(own, page="settings")).page
    sign_in(page, own.admin_key)
    expect(page.locator("#live li")).to_have_count(1)
    port = own.url.rpartition(":")[2]
    own.stop()
    expect(page.locator("#trouble")).to_contain_text("The service does not answer", timeout=20_000)
    expect(page.locator("#live li")).to_have_count(1)
    move(page, "Half-life", "6 h")
    expect(page.locator("#try-says")).to_contain_text("The service does not answer")
    with serving(own.data_dir, "--config", str(config), "--port", port):
        expect(page.locator("#trouble")).to_be_hidden(timeout=30_000)
        expect(page.locator("#age")).to_contain_text("ranked")


def test_a_refused_file_is_an_alarm_until_it_is_mended(own: Service, config: Path, visit: Open) -> None:
    config.write_text('[lists.populer]\nhalf_life = "soon"\n')
    wait_until(lambda: b"config_refused" in httpx2.get(f"{own.url}/readyz", trust_env=False).content)
    page = visit(at(own)).page
    sign_in(page, own.admin_key)
    expect(page.locator("#alarms")).to_contain_text("lists.populer.half_life: expected a duration")
    expect(page.locator("#standing")).to_have_text("1 alarm")
    expect(page.locator("#service")).to_contain_text("Refused")
    config.write_text(SETTINGS + '[lists.populer]\nhalf_life = "6h"\n')
    expect(page.locator("#standing")).to_have_text("All is well", timeout=20_000)
    expect(page.locator("#live-words")).to_contain_text("After 6 h a view counts half")
    expect(page.get_by_label("Half-life", exact=True)).to_have_attribute("aria-valuetext", re.compile("^6.h$"))


def test_lists_that_fade_otherwise_and_that_tune_themselves_are_tried_too(
    own: Service, config: Path, visit: Open
) -> None:
    config.write_text(
        SETTINGS + '[lists.populer]\nhalf_life = "auto"\n[lists.harian]\ndecay = "window"\nwindow = "24h"\n'
    )
    wait_until(lambda: httpx2.get(f"{own.url}/v1/lists/harian", trust_env=False).status_code == 200)
    page = visit(at(own, page="settings")).page
    sign_in(page, own.admin_key)
    expect(page.locator("#live-words")).to_contain_text("Tuned every night")
    move(page, "Half-life", "4 h")
    expect(page.locator("#paste-says")).to_contain_text("and end its nightly tuning")
    expect(page.locator("#toml")).to_have_text('[lists.populer]\nhalf_life = "4h"')
    expect(page.locator("#try-words")).to_have_text("After 4 h a view counts half, after 12 h 12%.")
    page.get_by_role("button", name="Harian").click()
    expect(page.locator("#live-words")).to_have_text("A view counts in full for 24 h, then not at all.")
    expect(page.get_by_label("Half-life", exact=True)).to_be_hidden()
    move(page, "Only events of the last", "2 d")
    expect(page.locator("#try-words")).to_have_text("A view counts in full for 2 d, then not at all.")
    page.get_by_label("Events fade").select_option("half-life")
    expect(page.get_by_label("Half-life", exact=True)).to_be_visible()
    expect(page.locator("#toml")).to_contain_text('decay = "half-life"')


def test_each_site_has_a_key_of_its_own(visit: Open, tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    keys = {"pagi": "admin-key-of-pagi-1234", "sore": "admin-key-of-sore-1234"}
    sites = "".join(
        f'[[sites]]\nid = "{site}"\nname = "Koran {site}"\n[sites.keys]\nadmin = "{key}"\nwrite = "write-{key}"\n'
        for site, key in keys.items()
    )
    file.write_text(SETTINGS + sites)
    with serving(tmp_path / "data", "--config", str(file)) as service:
        page = visit(at(service)).page
        sign_in(page, keys["pagi"])
        expect(page.locator("#desk")).to_be_visible()
        page.get_by_label("Site").select_option("sore")
        expect(page.get_by_label("Key", exact=True)).to_be_visible()
        expect(page.locator("#desk")).to_be_hidden()
        sign_in(page, keys["sore"])
        expect(page.locator("#desk")).to_be_visible()
        page.get_by_label("Site").select_option("pagi")
        expect(page.locator("#desk")).to_be_visible()
        expect(page.locator("#sign-in")).to_be_hidden()


# Voids


def test_an_item_that_one_network_sent_most_of_is_marked_and_its_events_are_voided_and_counted_again(
    service: Service, visit: Open, desk: Desk
) -> None:
    first = desk.ids[0]
    readers = Summary(90, {f"{n:08x}": 1 for n in range(90)}, 0, {"aa": 90}, 0, {})
    attack = Summary(60, {"ff": 50}, 0, {"aa": 60}, 0, {first: ItemSummary(60, {"ff": 50}, {"aa": 60}, "7f")})

    async def note(store: RedisStore) -> None:
        for worker, summary in (("one", readers), ("two", attack)):
            await store.logbook.note_attempts("default", worker, int(time.time() // SLICE_S), summary)

    in_store(service, note)
    page = signed_in(service, visit, desk)
    row = page.locator(f'#live li[data-item="{first}"]')
    expect(row).to_contain_text("one network 83%", timeout=40_000)
    row.get_by_role("button", name="Void events of").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("60 events in the last hour, counted or not, from about 7 networks")
    expect(dialog).to_contain_text("the greatest network sent 83%, of the site’s other items 0%")
    form = dialog.get_by_role("form", name="Void")
    expect(form.locator("[name=kind]")).to_be_focused()
    form.locator("[name=since]").select_option("3600")
    form.get_by_role("button", name="Void").click()
    holds(page, "live", desk.ids[1:])
    expect(page.locator("#in-force")).to_contain_text("events from")
    expect(page.locator("#trail")).to_contain_text("voided events of")
    page.locator("#find-words").fill(f"Judul {first}")
    page.locator("#find").get_by_role("button").click()
    page.locator("#finds button.title").click()
    expect(dialog).to_contain_text("Voided by an editor")
    dialog.get_by_role("button", name="Lift void").click()
    holds(page, "live", desk.ids)
    page.keyboard.press("Escape")
    page.locator("#trail").get_by_role("button", name="Undo: lifted a void of").first.click()
    holds(page, "live", desk.ids[1:])
