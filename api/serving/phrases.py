"""Phrases of pages, in Indonesian, English and Malay.

Dates are formatted by Babel (`date_labels`). A site of another language gets dates in its language and phrases in
English; its own templates can replace them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from api.serving.templating import named_in_templates


@named_in_templates("`words`")
class Words(NamedTuple):
    """The phrases of one language, with placeholders in braces."""

    more: str
    views: str
    all_sections: str
    sections: str
    pages: str
    next_page: str
    previous_page: str
    first_page: str
    page: str
    empty: str
    updated: str
    now: str
    described: str
    described_section: str
    not_found: str
    bad_request: str
    not_ready: str
    to_list: str


WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "id": Words(
            more="Selengkapnya",
            views="Dibaca {} kali",
            all_sections="Semua",
            sections="Kanal",
            pages="Halaman",
            next_page="Berikutnya",
            previous_page="Sebelumnya",
            first_page="Kembali ke awal",
            page="Peringkat {first}–{last}",
            empty="Belum ada berita di daftar ini.",
            updated="Diperbarui {time}",
            now="baru saja",
            described="{title} di {site}: {stories}",
            described_section="{title} kanal {section} di {site}: {stories}",
            not_found="Halaman ini tidak ada.",
            bad_request="Alamat halaman ini tidak benar.",
            not_ready="Daftar ini belum siap. Silakan coba lagi sebentar lagi.",
            to_list="Ke daftar {title}",
        ),
        "en": Words(
            more="More",
            views="{} reads",
            all_sections="All",
            sections="Sections",
            pages="Pages",
            next_page="Next",
            previous_page="Previous",
            first_page="Back to the start",
            page="Ranks {first}–{last}",
            empty="There are no stories in this list yet.",
            updated="Updated {time}",
            now="just now",
            described="{title} at {site}: {stories}",
            described_section="{title} in {section} at {site}: {stories}",
            not_found="There is no such page.",
            bad_request="The address of this page is not right.",
            not_ready="This list is not ready. Please try again in a moment.",
            to_list="To the list {title}",
        ),
        "ms": Words(
            more="Selanjutnya",
            views="Dibaca {} kali",
            all_sections="Semua",
            sections="Bahagian",
            pages="Halaman",
            next_page="Seterusnya",
            previous_page="Sebelumnya",
            first_page="Kembali ke permulaan",
            page="Kedudukan {first}–{last}",
            empty="Belum ada berita dalam senarai ini.",
            updated="Dikemas kini {time}",
            now="baru sahaja",
            described="{title} di {site}: {stories}",
            described_section="{title} bahagian {section} di {site}: {stories}",
            not_found="Halaman ini tiada.",
            bad_request="Alamat halaman ini tidak betul.",
            not_ready="Senarai ini belum sedia. Sila cuba sebentar lagi.",
            to_list="Ke senarai {title}",
        ),
    }
)
FALLBACK = "en"


def phrase_language(locale: str) -> str:
    """The language of the phrases for a locale, whatever its country: a key of `WORDS`.

    >>> phrase_language("ms-MY"), phrase_language("id"), phrase_language("fr")
    ('ms', 'id', 'en')
    """
    language = locale.replace("-", "_").partition("_")[0].lower()
    return language if language in WORDS else FALLBACK


def words_of(locale: str) -> Words:
    """The phrases for a locale.

    >>> words_of("ms-MY").more, words_of("id").now, words_of("fr").more
    ('Selanjutnya', 'baru saja', 'More')
    """
    return WORDS[phrase_language(locale)]
