"""The demo's articles: invented news, read from JSON files beside this one.

Publication is kept relative (`minutes_ago`), so the newsroom is fresh whenever someone starts it; the start
of the demo turns it into a time.
"""

from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

SECTIONS: tuple[str, ...] = (
    "Nasional",
    "Politik",
    "Ekonomi",
    "Olahraga",
    "Teknologi",
    "Gaya Hidup",
    "Daerah",
)

#: What is out when the demo starts; what comes out one by one while it runs; what somebody has to ask for.
Supply = Literal["articles", "wire", "breaking"]


class Article(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    section: str
    lead: str
    author: str
    paragraphs: tuple[str, ...]
    appeal: float
    """How much readers like it, relative to the others: 0.2 (filler) to 10 (everybody reads it)."""

    minutes_ago: float = 0.0
    """When it came out, before the demo's start; what comes out later has none."""

    @property
    def path(self) -> str:
        return f"/berita/{self.id}"

    @property
    def picture_path(self) -> str:
        return f"/gambar/{self.id}.svg"


class Story(NamedTuple):
    """An article that is out. `published_at` in epoch seconds."""

    article: Article
    published_at: float


def load_articles(supply: Supply = "articles") -> list[Article]:
    return msgspec.json.decode(files(__package__).joinpath(f"{supply}.json").read_bytes(), type=list[Article])


def section_slug(section: str) -> str:
    """The section as it stands in an address.

    >>> section_slug("Gaya Hidup")
    'gaya-hidup'
    """
    return section.lower().replace(" ", "-")
