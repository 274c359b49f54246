"""A search among items: words of titles, sections, tags, authors, times and states."""

from typing import Literal, NamedTuple, get_args

from ranking.intake.items import Item
from ranking.intake.text import folded

State = Literal["listed", "scheduled", "hidden", "expired", "page", "untitled"]
STATES: tuple[State, ...] = get_args(State)


class ItemQuery(NamedTuple):
    """What is looked for; None and empty: anything. `words` and names are `folded`, times in epoch seconds.

    `since` and `until` bound when an item was published, or first seen where that is unknown.
    """

    words: tuple[str, ...] = ()
    section: str = ""
    tag: str = ""
    author: str = ""
    language: str = ""
    type: str = ""
    premium: bool | None = None
    since: float | None = None
    until: float | None = None
    state: State | None = None

    def matches(self, item: Item, now: float) -> bool:
        """Whether an item is one that is looked for, at `now` (epoch seconds)."""
        published = item.first_seen if item.published_at is None else item.published_at
        return (
            (self.since is None or published >= self.since)
            and (self.until is None or published < self.until)
            and (self.premium is None or item.premium is self.premium)
            and _is_among(self.section, item.sections or (item.section,))
            and _is_among(self.author, item.authors or (item.author,))
            and _is_among(self.tag, item.tags)
            and (not self.type or folded(item.type or "") == self.type)
            and (not self.language or _speaks(self.language, item.language or ""))
            and (self.state is None or _is_in(self.state, item, now))
            and (not self.words or _has(self.words, item))
        )


def _is_among(wanted: str, names: tuple[str | None, ...]) -> bool:
    return not wanted or any(folded(name or "") == wanted for name in names)


def _speaks(wanted: str, language: str) -> bool:
    """Whether a language is the wanted one, or a form of it."""
    language = language.lower()
    return language == wanted or language.startswith(f"{wanted}-")


def _has(words: tuple[str, ...], item: Item) -> bool:
    title, name = folded(item.title), item.id.casefold()
    address = _bare(item.url or "")
    return all(word in title or word == name or ("/" in word and _bare(word) in address) for word in words)


def _bare(address: str) -> str:
    """An address as it is compared: without scheme, query and the last slash.

    >>> _bare("https://koran.example/beras/?from=https://cari.example/")
    'koran.example/beras'
    """
    return folded(address).partition("?")[0].partition("#")[0].rpartition("://")[2].rstrip("/")


def _is_in(state: State, item: Item, now: float) -> bool:
    match state:
        case "hidden":
            return item.hidden
        case "expired":
            return item.expires_at is not None and item.expires_at <= now
        case "scheduled":
            return item.published_at is not None and item.published_at > now
        case "page":
            return item.by_page
        case "untitled":
            return not item.title
        case "listed":
            return not item.is_withdrawn(now) and (item.published_at is None or item.published_at <= now)
