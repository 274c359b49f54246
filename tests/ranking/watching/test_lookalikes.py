"""Names that look like one article are found, and those of different articles are not."""

import pytest

from ranking.intake.patterns import item_pattern
from ranking.intake.urls import item_of
from ranking.watching.lookalikes import MANY_NAMES, lookalikes

K = "koran.example"


@pytest.mark.parametrize(
    "names",
    [
        [f"{K}/read/123456/beras-mahal", f"{K}/read/123456/beras-naik"],
        [f"{K}/ekonomi/beras-mahal-123456", f"bisnis.{K}/beras-naik-123456.html"],
        ["123456", f"{K}/ekonomi/beras-mahal-123456"],
        [f"https://www.{K}/Beras/?utm_source=x", f"{K}/beras"],
        [f"{K}/Beras-Naik", f"{K}/beras-naik/"],
    ],
)
def test_lookalikes_finds_names_of_one_article(names: list[str]) -> None:
    others = [f"{K}/read/999999/lain", f"{K}/politik/pemilu-888888", "777777", "pemilu"]
    assert lookalikes([*others, *names]).groups == [sorted(names)]


@pytest.mark.parametrize(
    "names",
    [
        [f"{K}/2025/12/01/beras", f"{K}/2025/12/01/cabai"],
        [f"{K}/20251201/beras", f"{K}/20251201/cabai"],
        [f"{K}/a/12345/67890", f"{K}/b/12345/98760"],
        [f"{K}/rubrik/12345/{number}" for number in range(MANY_NAMES + 1)],
        ["123456", "123457"],
        ["aB3xQ", "Ab3xq"],
        [],
    ],
)
def test_lookalikes_leaves_different_articles_apart(names: list[str]) -> None:
    assert lookalikes(names).groups == []


@pytest.mark.parametrize("form", ["/read/{}/{}", "/{1}-{0}", "/{1}-{0}.html", "/berita/{1}_{0}"])
def test_lookalikes_offers_a_pattern_that_makes_one_item_of_them(form: str) -> None:
    addresses = [form.format(number, slug) for number in (123456, 654321) for slug in ("lama", "baru")]
    found = lookalikes([f"{K}{address}" for address in addresses])
    assert found.names == 4
    pattern = item_pattern(found.pattern)
    assert {item_of(f"https://{K}{address}", pattern) for address in addresses} == {"123456", "654321"}
