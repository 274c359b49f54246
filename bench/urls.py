"""How fast addresses become canonical: `python bench/urls.py [--json]`, a few seconds.

The baseline is `urllib.parse.urlsplit`, which only takes an address apart. Rounds alternate, and the best of each
counts, so that a machine that others use weighs on both alike.
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from report import Row, parser_of, show

from ranking.intake.urls import canonical

ROUNDS = 300
EACH = 100
GOAL_PER_S = 300_000
FORMS = (
    "https://www.example.com/berita/2025/12/01/judul-artikel-yang-panjang-{}",
    "https://example.com/read/2025/11/18/{}/judul-artikel?page=all",
    "https://m.example.com/berita/judul-artikel-{}/?utm_source=x&utm_medium=social&fbclid=IwAR0abcdefghijklmnop",
    "https://example.com/berita/judul-{}/amp/",
    "/berita/judul-{}/",
    "https://example.com/?p={}",
)


def per_s(function: Callable[[str], object], urls: list[str]) -> float:
    """Calls a second of one round."""
    started_s = time.perf_counter()
    for url in urls:
        function(url)
    return len(urls) / (time.perf_counter() - started_s)


def main() -> None:
    """Measure and print."""
    options = parser_of(__doc__).parse_args()
    urls = [form.format(number) for number in range(EACH) for form in FORMS]
    rounds = [(per_s(canonical, urls), per_s(urlsplit, urls)) for _ in range(ROUNDS)]
    best, split = (max(each) for each in zip(*rounds, strict=True))
    goal = f"at least {GOAL_PER_S:,}"
    row = Row("canonical urls", best, "/s", "urlsplit", split, best / split, goal, best >= GOAL_PER_S, {})
    show([row], "addresses", "the best of alternating rounds", as_json=options.json)


if __name__ == "__main__":
    main()
