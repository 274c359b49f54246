"""What the demo's people would read, and when: arithmetic that no clock and no network is asked for."""

import re
from collections import Counter
from random import Random

import msgspec
import pytest

from populer.demo import art
from populer.demo.articles import SECTIONS, Article, Story, load_articles
from populer.demo.audience import (
    HISTORY_SPAN_S,
    HOUR_S,
    Surge,
    click_events,
    day_rhythm,
    history_events,
    interests,
    poisson,
    readers_clock,
    usual_rate,
    view_events,
)
from populer.demo.newsdesk import Newsdesk, sample_newsdesk
from populer.demo.robots import ATTACK_EVENTS, WAVES, attack

STARTED_AT = 1_764_530_940.0  # Senin, 01 Desember 2025 | 02:29 in Jakarta
ARTICLES = load_articles()
WIRE, BREAKING = load_articles("wire"), load_articles("breaking")
STORIES = sample_newsdesk(STARTED_AT).stories


def story(name: str, *, appeal: float = 1.0, minutes_ago: float = 0.0) -> Story:
    article = Article(name, f"Judul {name}", "Daerah", "", "", (), appeal)
    return Story(article, STARTED_AT - 60 * minutes_ago)


@pytest.mark.parametrize("article", [*ARTICLES, *WIRE, *BREAKING], ids=lambda article: article.id)
def test_every_article_is_well_formed(article: Article) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", article.id)
    assert 45 <= len(article.title) <= 85
    assert article.section in SECTIONS
    assert 3 <= len(article.paragraphs) <= 5
    assert article.lead
    assert article.author
    assert 0.2 <= article.appeal <= 10


def test_there_are_articles_enough_for_every_list_and_section() -> None:
    every = [*ARTICLES, *WIRE, *BREAKING]
    assert len({article.id for article in every}) == len({article.title for article in every}) == len(every)
    assert {article.section for article in ARTICLES} == set(SECTIONS)
    assert len(ARTICLES) > 30


def test_what_is_held_back_has_no_age_and_the_rest_has() -> None:
    assert all(3 <= article.minutes_ago <= 3 * 24 * 60 for article in ARTICLES)
    assert all(article.minutes_ago == 0 for article in (*WIRE, *BREAKING))


def test_the_articles_file_refuses_unknown_fields() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"id":"a","judul":"b"}', type=Article)


def test_the_same_article_always_has_the_same_picture_and_others_have_another() -> None:
    for section in SECTIONS:
        assert art.picture(section, "satu") == art.picture(section, "satu")
        assert art.picture(section, "satu") != art.picture(section, "dua")


def test_the_desk_has_the_newest_first_and_publishes_what_it_held() -> None:
    desk = Newsdesk(STARTED_AT, ARTICLES[:3], WIRE[:1], BREAKING[:1])
    assert desk.held == [WIRE[0], BREAKING[0]]
    desk.publish(BREAKING[0], STARTED_AT + 5)
    assert desk.stories[0].article is BREAKING[0]
    assert desk.urgent(BREAKING[0].id)
    assert desk.next_breaking() is None
    assert desk.next_wire() is WIRE[0]
    desk.publish(WIRE[0], STARTED_AT + 6)
    assert not desk.urgent(WIRE[0].id)
    assert desk.held == []
    assert [each.published_at for each in desk.stories] == sorted(
        (each.published_at for each in desk.stories), reverse=True
    )


def test_when_all_breaking_news_is_out_its_stories_take_turns() -> None:
    desk = Newsdesk(STARTED_AT, ARTICLES[:3], breaking=BREAKING[:3])
    for article in BREAKING[:3]:
        desk.publish(article, STARTED_AT)
    assert [desk.next_update().article for _ in range(6)] == BREAKING[:3] * 2


def test_history_lies_in_its_span_and_never_before_publication() -> None:
    events = history_events(STORIES, STARTED_AT, Random(1))
    published = {each.article.id: each.published_at for each in STORIES}
    for event in events:
        assert STARTED_AT - HISTORY_SPAN_S <= event["ts"] <= STARTED_AT
        assert event["ts"] >= published[event["item"]]
    times = [event["ts"] for event in events]
    assert times == sorted(times)


def test_history_is_as_dense_as_what_follows_it() -> None:
    """The list that a newcomer sees first is already the one that readers keep up."""
    events = history_events(STORIES, STARTED_AT, Random(1))
    last_minutes = sum(event["ts"] > STARTED_AT - 300 for event in events)
    rates = [usual_rate(-second) for second in range(300)]
    assert last_minutes / 300 == pytest.approx(sum(rates) / 300, rel=0.05)


def test_history_is_the_same_for_the_same_seed() -> None:
    assert history_events(STORIES, STARTED_AT, Random(7)) == history_events(STORIES, STARTED_AT, Random(7))


def test_history_follows_appeal() -> None:
    stories = [story("liked", appeal=10, minutes_ago=600), story("ignored", appeal=1, minutes_ago=600)]
    read = Counter(event["item"] for event in history_events(stories, STARTED_AT, Random(2)))
    assert read["liked"] / read["ignored"] == pytest.approx(10, rel=0.1)


def test_an_article_published_at_this_moment_has_no_history() -> None:
    assert history_events([story("new", appeal=10)], STARTED_AT, Random(1)) == []


def test_the_readers_day_passes_in_24_minutes_and_begins_in_the_morning() -> None:
    assert readers_clock(0) == 7 * HOUR_S
    assert readers_clock(24 * 60) == readers_clock(0)
    assert readers_clock(60) - readers_clock(0) == HOUR_S


def test_fewer_people_read_at_night() -> None:
    assert day_rhythm(3 * HOUR_S) < 0.15
    assert day_rhythm(20 * HOUR_S) == 1.0
    assert usual_rate(20 * 60) < usual_rate(13 * 60) / 5  # three in the morning, eight in the evening


def test_nobody_wants_a_story_before_it_is_out_and_everybody_less_as_it_ages() -> None:
    later = Story(story("later").article, STARTED_AT + 60)
    assert interests([later], STARTED_AT) == [0.0]
    fresh, old = interests([story("fresh"), story("old", minutes_ago=300)], STARTED_AT)
    assert fresh == 2 * old


def test_a_surge_rises_holds_fades_and_ends() -> None:
    surge = Surge("a", 100.0, 20.0)
    seen = [surge.beyond(100.0 + second) for second in range(600)]
    peak = seen.index(max(seen))
    assert seen[:peak] == sorted(seen[:peak])
    assert seen[peak:] == sorted(seen[peak:], reverse=True)
    assert max(seen) == 20.0
    assert not surge.over(100.0)
    assert surge.over(700.0)


def test_the_poisson_draw_has_its_mean() -> None:
    rng = Random(3)
    draws = [poisson(7.5, rng) for _ in range(4000)]
    assert sum(draws) / len(draws) == pytest.approx(7.5, rel=0.03)
    assert poisson(0.0, rng) == 0


def test_every_view_is_by_a_reader_of_its_own() -> None:
    events = view_events(["a", "b"], [3.0, 1.0], 400, Random(3))
    assert len({event["visitor"] for event in events}) == 400
    assert Counter(event["item"] for event in events)["a"] == pytest.approx(300, rel=0.1)
    assert view_events(["a"], [0.0], 5, Random(3)) == []


def test_a_click_names_its_place_and_is_followed_by_the_same_readers_view() -> None:
    rng = Random(4)
    ids = [article.id for article in ARTICLES[:7]]
    positions = Counter[int]()
    for _ in range(500):
        click, view = click_events(ids, rng)
        assert click["source"] == "list:populer"
        assert ids[click["position"] - 1] == click["item"] == view["item"]
        assert click["visitor"] == view["visitor"]
        positions[click["position"]] += 1
    assert positions[1] > positions[7] > 0
    assert click_events([], rng) == []


def test_robots_come_in_all_their_kinds_at_once() -> None:
    batches = list(attack("a", Random(1)))
    assert sum(len(batch.events) for batch in batches) == ATTACK_EVENTS
    assert {tuple(batch.headers.items()) for batch in batches[: len(WAVES)]} == {
        tuple(wave.headers.items()) for wave in WAVES
    }
    assert {event["item"] for batch in batches for event in batch.events} == {"a"}


def test_one_robot_is_one_reader_and_a_click_farm_is_never_the_same() -> None:
    readers: dict[str, list[str]] = {}
    for batch in attack("a", Random(1)):
        readers.setdefault(batch.headers["X-Forwarded-For"], []).extend(event["visitor"] for event in batch.events)
    kinds = sorted((len(set(found)), len(found)) for found in readers.values())
    assert kinds == [(1, 600), (300, 300), (900, 900), (1500, 1500)]
