"""The Django example shows the service's list in a template, and an empty place where there is none."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django_site import set_up
from newsrooms import NASTY, NONSENSE, TITLES, Page, misbehaving, silent
from service import Service

NOTHING = '<populer-list list="populer" limit="7"></populer-list>'


@pytest.fixture(scope="module", autouse=True)
def _configured() -> None:
    set_up()


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


def rendered(url: str, text: str, **context: Any) -> str:
    """A template's output, with the service at `url`."""
    from django.template import engines
    from django.test import override_settings

    with override_settings(POPULER_URL=url):
        return str(engines["django"].from_string("{% load populer %}" + text).render(context))


def test_the_script_names_the_article(service: Service) -> None:
    found = rendered(service.url, "{% populer_script item %}{% populer_script %}", item=NASTY)
    assert [each["data-item"] for each in Page(found).of("script")] == [NASTY, ""]


def test_a_list_is_shown_as_the_service_has_it(service: Service) -> None:
    page = Page(rendered(service.url, '{% populer_list "populer" limit=7 theme="thumbs" %}'))
    assert page.of("populer-list") == [{"list": "populer", "limit": "7", "theme": "thumbs"}]
    assert page.text_of("populer-link") == list(TITLES.values())


def test_the_open_article_is_left_out(service: Service) -> None:
    page = Page(rendered(service.url, "{% populer_list limit=2 item=item %}", item=101))
    assert [each["data-id"] for each in page.of("li")] == ["102", "103"]


def test_attributes_are_escaped(service: Service) -> None:
    page = Page(rendered(service.url, "{% populer_list name theme=name %}", name=NASTY))
    assert page.of("populer-list") == [{"list": NASTY, "limit": "7", "theme": NASTY}]
    assert {tag for tag, _ in page.elements} == {"populer-list"}


def test_with_the_service_away_the_last_list_stays(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from populer_django.templatetags import populer as tags

    monkeypatch.setattr(tags, "FRESH_S", 0)
    before = rendered(service.url, "{% populer_list %}")
    asked: list[str] = []

    def away(address: str, timeout: float) -> Any:
        asked.append(address)
        raise OSError("nobody listens")

    monkeypatch.setattr(tags.urllib.request, "urlopen", away)
    assert rendered(service.url, "{% populer_list %}") == before
    assert (len(Page(before).of("li")), len(asked)) == (len(TITLES), 1)


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_service_that_talks_nonsense_leaves_the_place_empty(answer: Any) -> None:
    with misbehaving(answer) as url:
        assert rendered(url, "{% populer_list %}") == NOTHING


def test_a_service_that_does_not_answer_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from populer_django.templatetags import populer as tags

    monkeypatch.setattr(tags, "PATIENCE_S", 0.05)
    never = threading.Event()
    with misbehaving(silent(never)) as url:
        assert rendered(url, "{% populer_list %}{% populer_list 'update' %}").startswith(NOTHING)
        never.set()
