"""What the page of a list says: its head tags, its tabs, and where its pages lead.

Further pages are walked by cursor, so a list that moves meanwhile neither repeats nor drops a story; `back` has the
cursors of the pages before this one. They are good for minutes: search engines shall keep the first page only, and
follow the links of the others.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from babel.core import get_global
from markupsafe import Markup

from api.http.assets import stylesheet_path
from api.http.problems import Problem
from api.serving.feeds import headline, item_list, language_of, printed
from api.serving.formats import FORMS, fragment_values
from api.serving.labels import full_label, locale_of
from api.serving.links import Links, links_of, whole_web
from api.serving.phrases import Words, words_of
from api.serving.rendered_list import Content
from ranking.errors import InvalidCursorError
from ranking.published.cursor import MAX_CURSOR_CHARS, cursor_from
from ranking.settings.service import Settings, SiteSettings

BETWEEN: Final = "~"
TOLD_STORIES: Final = 3
TABS_AT_MOST: Final = 60


class PageTurns(NamedTuple):
    """Where a reader is: the cursor of this page (empty: the first), and those of the pages before it."""

    here: str = ""
    before: tuple[str, ...] = ()


class Tab(NamedTuple):
    """A link to a section's list; the one to all sections is first."""

    name: str
    href: str
    current: bool


class Feed(NamedTuple):
    """The same list for a feed reader."""

    type: str
    href: str


def walk_of(here: str, back: str) -> PageTurns:
    """The walk that an address tells of. What is no cursor in `back` is nothing to go back to."""
    return PageTurns(here, tuple(filter(_is_cursor, back.split(BETWEEN))) if here and back else ())


def page_values(
    content: Content, links: Links, sections: Sequence[str], walk: PageTurns, stylesheet: str
) -> dict[str, Any]:
    """What the page's template is given."""
    words, site = words_of(content.site.locale), printed(content.site.name)
    first = links.page(content)
    return {
        **fragment_values(content, links),
        "images": any(row.entry.image for row in content.rows),
        "title": f"{headline(content)} · {site}",
        "site": site,
        "description": _description(content, words, site),
        "robots": "noindex, follow" if walk.here else None,
        "canonical": None if walk.here else links.whole(first),
        "previous": _previous(content, links, walk),
        "next": _next(content, links, walk),
        "feeds": [Feed(_media_type(form), links.whole(links.form(content, form))) for form in ("feed", "rss")],
        "og_locale": _og_locale(content.site),
        "og_url": links.whole(first) if links.address else None,
        "og_image": next(filter(None, (whole_web(row.entry.image) for row in content.rows)), None),
        "stylesheet": stylesheet,
        "linked": Markup(item_list(content, links).decode()),  # noqa: S704 - written for a script element
        "tabs": _tabs(content, links, sections, words),
        "updated": full_label(content.generated_at, content.site),
    }


def _tabs(content: Content, links: Links, sections: Sequence[str], words: Words) -> list[Tab]:
    if not sections:
        return []
    shown = list(sections[:TABS_AT_MOST])
    if content.section and content.section not in shown:
        shown.append(content.section)
    return [
        Tab(words.all_sections, links.page(content, ""), not content.section),
        *(Tab(printed(each), links.page(content, each), each == content.section) for each in shown),
    ]


def _previous(content: Content, links: Links, walk: PageTurns) -> str | None:
    if not walk.before:
        return links.page(content) if walk.here else None
    return links.page(content, cursor=walk.before[-1], back=BETWEEN.join(walk.before[:-1]))


def _next(content: Content, links: Links, walk: PageTurns) -> str | None:
    if not content.following:
        return None
    back = (*walk.before, walk.here) if walk.here else ()
    while len(BETWEEN.join(back)) > MAX_CURSOR_CHARS:  # from there, back is to the start
        back = back[1:]
    return links.page(content, cursor=content.following, back=BETWEEN.join(back))


def _description(content: Content, words: Words, site: str) -> str:
    stories = "; ".join(printed(row.entry.title) or printed(row.entry.id) for row in content.rows[:TOLD_STORIES])
    form = words.described_section if content.section else words.described
    return form.format(
        title=printed(content.title), section=printed(content.section), site=site, stories=stories or words.empty
    )


def _og_locale(site: SiteSettings) -> str | None:
    """Language and country as Open Graph writes them; the country is the likeliest where none is said."""
    locale = locale_of(site.locale)
    likely = str(get_global("likely_subtags").get(locale.language, "")).rpartition("_")[2]
    country = locale.territory or likely
    return f"{locale.language}_{country}" if country else None


def _media_type(form: str) -> str:
    return dict(FORMS[form].headers)[b"content-type"].decode().partition(";")[0]


def _is_cursor(text: str) -> bool:
    try:
        cursor_from(text)
    except InvalidCursorError:
        return False
    return True


#: A page stands one level below the service's address.
ROOT: Final = "../"


class NamedList(NamedTuple):
    """A list that there is."""

    title: str
    href: str


def problem_values(settings: Settings, site: SiteSettings, problem: Problem) -> dict[str, Any]:
    """What the template of a page that says what is wrong is given."""
    words, links = words_of(site.locale), links_of(settings, site, ROOT)
    return {
        "words": words,
        "language": language_of(site),
        "site": printed(site.name),
        "message": {404: words.not_found, 503: words.not_ready}.get(problem.status, words.bad_request),
        "status": problem.status,
        "stylesheet": f"{ROOT}{stylesheet_path()}",
        "lists": [NamedList(printed(each.title), links.list_page(name)) for name, each in settings.lists.items()],
    }
