"""Template values of a list's page: head tags, tabs, and links between its pages.

Further pages are reached by cursor, so a list that changes meanwhile neither repeats nor drops a story; `back` holds
the cursors of the pages before this one. Cursors live for minutes: search engines keep the first page only, and follow
the links of the others.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from babel.core import get_global
from markupsafe import Markup

from api.http.assets import stylesheet_path
from api.http.problems import Problem
from api.serving.date_labels import full_label, locale_of
from api.serving.feeds import direction_of, headline, item_list, language_of, printed
from api.serving.formats import FORMS, fragment_values
from api.serving.links import Links, links_of, whole_web
from api.serving.phrases import Words, words_of
from api.serving.rendered_list import Content
from api.serving.templating import named_in_templates
from ranking.errors import InvalidCursorError
from ranking.published.cursor import MAX_CURSOR_CHARS, cursor_from
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings

BETWEEN: Final = "~"
DESCRIBED_STORIES: Final = 3
TABS_AT_MOST: Final = 60


class PageTurns(NamedTuple):
    """The cursor of this page (empty: the first), and those of the pages before it."""

    here: str = ""
    before: tuple[str, ...] = ()


@named_in_templates("a tab")
class Tab(NamedTuple):
    """A link to a section's list. The first tab is that of all sections."""

    name: str
    href: str
    current: bool


@named_in_templates("a feed")
class Feed(NamedTuple):
    """The same list for a feed reader."""

    type: str
    href: str


def page_turns_from(here: str, back: str) -> PageTurns:
    """The page turns in an address. Parts of `back` that are no cursor are left out."""
    return PageTurns(here, tuple(filter(_is_cursor, back.split(BETWEEN))) if here and back else ())


def page_values(
    content: Content, links: Links, sections: Sequence[str], turns: PageTurns, stylesheet: str
) -> dict[str, Any]:
    """Values of the page's template."""
    words, site = words_of(content.site.locale), printed(content.site.name)
    first = links.page(content)
    indexed = not turns.here and (content.choice is None or bool(content.rows))
    return {
        **fragment_values(content, links),
        "direction": direction_of(content.site),
        "images": any(row.entry.image for row in content.rows),
        "title": f"{headline(content)} · {site}",
        "site": site,
        "description": _description(content, words, site),
        "robots": None if indexed else "noindex, follow",
        "canonical": links.whole(first) if indexed else None,
        "previous": _previous(content, links, turns),
        "next": _next(content, links, turns),
        "feeds": [Feed(_media_type(form), links.whole(links.form(content, form))) for form in ("feed", "rss")],
        "og_locale": _og_locale(content.site),
        "og_url": links.whole(first) if links.address and indexed else None,
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


def _previous(content: Content, links: Links, turns: PageTurns) -> str | None:
    if not turns.before:
        return links.page(content) if turns.here else None
    return links.page(content, cursor=turns.before[-1], back=BETWEEN.join(turns.before[:-1]))


def _next(content: Content, links: Links, turns: PageTurns) -> str | None:
    if not content.following:
        return None
    back = (*turns.before, turns.here) if turns.here else ()
    while len(BETWEEN.join(back)) > MAX_CURSOR_CHARS:  # from there, back is to the start
        back = back[1:]
    return links.page(content, cursor=content.following, back=BETWEEN.join(back))


def _description(content: Content, words: Words, site: str) -> str:
    stories = "; ".join(printed(row.entry.title) or printed(row.entry.id) for row in content.rows[:DESCRIBED_STORIES])
    form = words.described_section if content.section else words.described
    return form.format(
        title=printed(content.title), section=printed(content.section), site=site, stories=stories or words.empty
    )


def _og_locale(site: SiteSettings) -> str | None:
    """Language and country as Open Graph writes them; the likeliest country where the locale has none."""
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


@named_in_templates("a list")
class NamedList(NamedTuple):
    """A link to a list, on a problem's page."""

    title: str
    href: str


def problem_values(settings: Settings, site: SiteSettings, problem: Problem) -> dict[str, Any]:
    """Values of the template of a page that says what is wrong."""
    words, links = words_of(site.locale), links_of(settings, site, ROOT)
    return {
        "words": words,
        "language": language_of(site),
        "direction": direction_of(site),
        "site": printed(site.name),
        "message": {404: words.not_found, 503: words.not_ready}.get(problem.status, words.bad_request),
        "status": problem.status,
        "stylesheet": f"{ROOT}{stylesheet_path()}",
        "lists": [NamedList(printed(each.title), links.list_page(name)) for name, each in settings.lists.items()],
    }
