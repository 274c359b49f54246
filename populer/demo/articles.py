"""The demo's articles: invented news, read from `articles.json`.

Publication is kept relative (`minutes_ago`), so the newsroom is fresh whenever someone starts it; the start
of the demo turns it into a time.
"""

from importlib.resources import files

import msgspec

SECONDS_PER_MINUTE = 60.0

SECTIONS: tuple[str, ...] = (
    "Nasional",
    "Politik",
    "Ekonomi",
    "Olahraga",
    "Teknologi",
    "Gaya Hidup",
    "Daerah",
)


class Article(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    section: str
    lead: str
    author: str
    paragraphs: tuple[str, ...]
    minutes_ago: float
    appeal: float
    """How much readers like it, relative to the others: 0.2 (filler) to 10 (everybody reads it)."""

    @property
    def path(self) -> str:
        return f"/berita/{self.id}"

    def published_at(self, started_at: float) -> float:
        """Epoch seconds of publication in a demo that started at `started_at`.

        >>> article = Article("a", "Judul", "Daerah", "", "", (), minutes_ago=2, appeal=1)
        >>> article.published_at(1000.0)
        880.0
        """
        return started_at - self.minutes_ago * SECONDS_PER_MINUTE


def load_articles() -> list[Article]:
    return msgspec.json.decode(files(__package__).joinpath("articles.json").read_bytes(), type=list[Article])


def section_slug(section: str) -> str:
    """The section as it stands in an address.

    >>> section_slug("Gaya Hidup")
    'gaya-hidup'
    """
    return section.lower().replace(" ", "-")
