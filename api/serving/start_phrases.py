"""Phrases of the service's first page and of the page that makes lines to embed, in Indonesian, English and Malay."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from api.serving.phrases import phrase_language


class StartWords(NamedTuple):
    """The phrases of one language."""

    runs: str
    lists: str
    steps: str
    lines: str
    lines_why: str
    choose: str
    describe: str
    describe_why: str
    desk: str
    desk_why: str
    open_desk: str
    example_name: str
    more: str
    api: str
    site: str
    list: str
    section: str
    all_sections: str
    theme: str
    limit: str
    show: str
    sample: str
    sample_why: str
    paste: str
    item_why: str
    wordpress_why: str
    react_why: str
    amp_why: str
    copy: str
    copied: str
    selected: str
    back: str


START_WORDS: Final[Mapping[str, StartWords]] = MappingProxyType(
    {
        "id": StartWords(
            runs="Layanan Populer berjalan di sini untuk {}.",
            lists="Daftar",
            steps="Tiga langkah berikutnya",
            lines="Pasang dua baris di situs",
            lines_why="Baris pertama menghitung artikel yang dibuka, baris kedua menampilkan daftar.",
            choose="Pilih daftar, kanal, dan tema, lalu salin barisnya",
            describe="Beri tahu judul artikel",
            describe_why="Daftar hanya memuat artikel yang dikenal judulnya. Tulis host dan feed di populer.toml:",
            desk="Buka meja redaksi",
            desk_why="Kunci admin ada di keys.json dalam folder data layanan, atau buat satu dengan:",
            open_desk="Ke meja redaksi",
            example_name="NAMA",
            more="Lainnya",
            api="Dokumentasi API",
            site="Situs",
            list="Daftar",
            section="Kanal",
            all_sections="Semua",
            theme="Tema",
            limit="Jumlah",
            show="Tampilkan",
            sample="Contoh halaman",
            sample_why="Yang dibuka di contoh ini tidak dihitung.",
            paste="Baris untuk disalin",
            item_why="Ganti ID dengan id artikel. Tanpa data-item, alamat halaman yang dipakai.",
            wordpress_why="Untuk plugin di examples/wordpress: baris pertama di wp-config.php, kedua di halaman.",
            react_why="Untuk komponen di examples/react, termasuk Next.js.",
            amp_why="Skrip yang diperlukan AMP ada di examples/amp.",
            copy="Salin",
            copied="Tersalin.",
            selected="Terpilih. Tekan Ctrl+C untuk menyalin.",
            back="Kembali",
        ),
        "en": StartWords(
            runs="The Populer service runs here for {}.",
            lists="Lists",
            steps="The next three steps",
            lines="Put two lines into your pages",
            lines_why="The first counts the article that is open, the second shows a list.",
            choose="Choose list, section and theme, and copy the lines",
            describe="Describe your articles",
            describe_why="Lists show only articles whose titles are known. Name hosts and feeds in populer.toml:",
            desk="Open the newsroom's page",
            desk_why="The admin key is in keys.json of the service's data directory, or make one:",
            open_desk="To the newsroom's page",
            example_name="NAME",
            more="More",
            api="Documentation of the API",
            site="Site",
            list="List",
            section="Section",
            all_sections="All",
            theme="Theme",
            limit="How many",
            show="Show",
            sample="Sample page",
            sample_why="What is opened in this sample is not counted.",
            paste="Lines to paste",
            item_why="Replace ID by the article's id. Without data-item the page's address stands for it.",
            wordpress_why="For the plugin in examples/wordpress: the first line in wp-config.php, the second in pages.",
            react_why="For the components in examples/react, also in Next.js.",
            amp_why="The scripts that AMP needs are in examples/amp.",
            copy="Copy",
            copied="Copied.",
            selected="Selected. Press Ctrl+C to copy.",
            back="Back",
        ),
        "ms": StartWords(
            runs="Perkhidmatan Populer berjalan di sini untuk {}.",
            lists="Senarai",
            steps="Tiga langkah seterusnya",
            lines="Letakkan dua baris di laman",
            lines_why="Baris pertama mengira artikel yang dibuka, baris kedua memaparkan senarai.",
            choose="Pilih senarai, bahagian dan tema, kemudian salin barisnya",
            describe="Beritahu tajuk artikel",
            describe_why="Senarai memuatkan artikel bertajuk sahaja. Tulis hos dan suapan di populer.toml:",
            desk="Buka meja editor",
            desk_why="Kunci admin ada dalam keys.json di folder data perkhidmatan, atau buat satu dengan:",
            open_desk="Ke meja editor",
            example_name="NAMA",
            more="Lain-lain",
            api="Dokumentasi API",
            site="Laman",
            list="Senarai",
            section="Bahagian",
            all_sections="Semua",
            theme="Tema",
            limit="Bilangan",
            show="Paparkan",
            sample="Contoh halaman",
            sample_why="Yang dibuka dalam contoh ini tidak dikira.",
            paste="Baris untuk disalin",
            item_why="Gantikan ID dengan id artikel. Tanpa data-item, alamat halaman digunakan.",
            wordpress_why="Untuk pemalam di examples/wordpress: baris pertama dalam wp-config.php, kedua di halaman.",
            react_why="Untuk komponen di examples/react, termasuk Next.js.",
            amp_why="Skrip yang diperlukan AMP ada di examples/amp.",
            copy="Salin",
            copied="Disalin.",
            selected="Dipilih. Tekan Ctrl+C untuk menyalin.",
            back="Kembali",
        ),
    }
)


def start_words_of(locale: str) -> StartWords:
    """The phrases for a locale.

    >>> start_words_of("ms-MY").list, start_words_of("fr").list
    ('Senarai', 'List')
    """
    return START_WORDS[phrase_language(locale)]
