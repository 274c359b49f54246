"""What a reader asks of a list: the items of a tag, an author, a language, a type, paid for or free, in a section.

Each combination that is asked for is a list of its own, published as one more section of the list that it is of, under
a name (`key`) that no section can have. Names are `folded`, so that every way to write them is one list.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from ranking.intake.item_filter import ItemFilter, names_of
from ranking.intake.text import folded

#: Begins the name of a combination; names of sections have no control characters.
MARK = "\x00"
MAX_NAME_CHARS = 200
#: The parameters beside `section`, which alone has lists of its own.
PARAMETERS = ("tag", "author", "language", "premium", "type")
TRUTHS: Mapping[str, bool] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class ReaderFilter(NamedTuple):
    """A combination; empty and None: nothing is asked."""

    section: str = ""
    tag: str = ""
    author: str = ""
    language: str = ""
    premium: bool | None = None
    type: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of an address that ask for it."""
        given = {
            name: value for name, value in zip(self._fields, self, strict=True) if isinstance(value, str) and value
        }
        return given if self.premium is None else {**given, "premium": "true" if self.premium else "false"}

    @property
    def key(self) -> str:
        """Its name among the sections of a list.

        >>> ReaderFilter(tag="pemilu 2024", premium=False).key
        '\\x00tag=pemilu+2024&premium=false'
        """
        return MARK + urlencode(self.parameters)

    @property
    def item_filter(self) -> ItemFilter:
        """The items that it takes."""
        section, tag, author, kind, language = (
            (each,) if each else () for each in (self.section, self.tag, self.author, self.type, self.language)
        )
        return ItemFilter(names_of(section, tag, author, kind, language, self.premium, ""))


def reader_filter(section: str, given: Mapping[str, str]) -> ReaderFilter | None:
    """The combination that parameters ask for; None: they name a section alone, or nothing.

    Raises:
        ValueError: one cannot be used; the sentence names it.
    """
    wanted = {name: given[name] for name in PARAMETERS if given.get(name)}
    if not wanted:
        return None
    for name, text in (("section", section), *wanted.items()):
        if len(text) > MAX_NAME_CHARS:
            raise ValueError(f"{name}: expected a name of at most {MAX_NAME_CHARS} characters")
    premium = wanted.pop("premium", None)
    if premium is not None and premium.lower() not in TRUTHS:
        raise ValueError(f"premium: expected true or false, found {premium[:40]!r}")
    names = {name: folded(text) for name, text in {"section": section, **wanted}.items()}
    names["language"] = names.get("language", "").replace("_", "-")
    return ReaderFilter(**names, premium=None if premium is None else TRUTHS[premium.lower()])


def shown_part(section: str, otherwise: str | None = None) -> dict[str, str | dict[str, str] | None]:
    """A section, or the filter that it is the key of, as answers say it; `otherwise`: where there is no section."""
    choice = filter_from_key(section)
    if choice is None:
        return {"section": section or otherwise}
    parameters = {name: text for name, text in choice.parameters.items() if name != "section"}
    return {"section": choice.section or otherwise, "filter": parameters}


@lru_cache(maxsize=1024)
def filter_from_key(section: str) -> ReaderFilter | None:
    """The combination that a section of a list is; None: it is a section."""
    if not section.startswith(MARK):
        return None
    found = dict(parse_qsl(section[len(MARK) :]))
    premium = found.pop("premium", None)
    return ReaderFilter(**found, premium=None if premium is None else TRUTHS[premium])
