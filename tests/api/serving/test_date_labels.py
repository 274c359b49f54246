"""Publish times in a reader's words: named forms, zones, languages, and how long ago."""

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import NOW, Service

from api.serving.date_labels import NAMED, check_label_settings, full_label, published_label
from api.serving.phrases import WORDS, words_of
from ranking.errors import SettingsError
from ranking.intake.items import Item
from ranking.settings.sites import SiteSettings

Serve = Callable[..., Awaitable[Service]]
DECEMBER, AUGUST = 1_764_530_940, 1_754_951_700  # 01 December 2025, 02:29 and 12 August 2025, 05:35, both in Jakarta


def site(**settings: str) -> SiteSettings:
    return SiteSettings.model_validate(settings)


def test_a_full_label_has_day_time_and_zone_whatever_the_sites_format() -> None:
    assert full_label(DECEMBER + 0.9, site(date_format="short")) == "Senin, 01 Desember 2025 | 02:29 WIB"


@pytest.mark.parametrize(
    ("settings", "moment", "label"),
    [
        ({}, DECEMBER, "Senin, 01 Desember 2025 | 02:29"),
        ({"date_format": "full"}, DECEMBER, "Senin, 01 Desember 2025 | 02:29"),
        ({"date_format": "capitals"}, AUGUST, "SELASA, 12 AGUSTUS 2025 | 05:35 WIB"),
        ({"date_format": "full-zone", "timezone": "Asia/Makassar"}, AUGUST, "Selasa, 12 Agustus 2025 | 06:35 WITA"),
        ({"date_format": "full-zone", "timezone": "WIT"}, AUGUST, "Selasa, 12 Agustus 2025 | 07:35 WIT"),
        ({"date_format": "full-zone", "locale": "en"}, AUGUST, "Tuesday, 12 August 2025 | 05:35 WIB"),
        ({"date_format": "full-zone", "locale": "ms-MY", "timezone": "Asia/Kuala_Lumpur"}, AUGUST,
         "Selasa, 12 Ogos 2025 | 06:35 MYT"),
        ({"date_format": "date", "locale": "ms"}, AUGUST, "12 Ogos 2025"),
        ({"date_format": "short"}, AUGUST, "12/08/2025 05:35"),
        ({"date_format": "d MMM y", "locale": "en_GB"}, AUGUST, "12 Aug 2025"),
        ({"date_format": "full", "locale": "jv"}, AUGUST, "Selasa, 12 Agustus 2025 | 05:35"),
    ],
)  # fmt: skip
def test_a_form_is_named_or_a_pattern(settings: dict[str, str], moment: int, label: str) -> None:
    check_label_settings("sites.0", site(**settings))
    assert published_label(moment, site(**settings)) == label


@pytest.mark.parametrize(
    ("age_s", "label"),
    [
        (-3600, "baru saja"),
        (0, "baru saja"),
        (59, "baru saja"),
        (60, "1 menit yang lalu"),
        (5 * 60 + 59, "5 menit yang lalu"),
        (59 * 60 + 59, "59 menit yang lalu"),
        (3600, "1 jam yang lalu"),
        (2 * 3600 - 1, "1 jam yang lalu"),
        (86399, "23 jam yang lalu"),
        (86400, "1 hari yang lalu"),
        (7 * 86400 - 1, "6 hari yang lalu"),
        (7 * 86400, "1 Desember 2025"),
    ],
)
def test_how_long_ago_it_was_is_said_in_whole_units_for_a_week(age_s: int, label: str) -> None:
    assert published_label(DECEMBER, site(date_format="relative"), DECEMBER + age_s) == label


def test_how_long_ago_it_was_is_said_in_the_sites_language() -> None:
    for locale, label in (("en", "5 minutes ago"), ("ms", "5 minit lalu"), ("id_ID", "5 menit yang lalu")):
        assert published_label(DECEMBER, site(date_format="relative", locale=locale), DECEMBER + 300) == label


@given(st.integers(0, 10 * 86400), st.integers(0, 10 * 86400))
def test_within_a_minute_no_label_changes(published_s: int, minute: int) -> None:
    now = DECEMBER // 60 * 60 + minute * 60
    labels = {published_label(DECEMBER - published_s, site(date_format="relative"), now + s) for s in (0, 31, 59.9)}
    assert len(labels) == 1


@pytest.mark.parametrize("found", ["lengkap", "relativ", "full-zon", "long", "bbbbbbbbb", "QQQQQQ"])
def test_an_unknown_form_is_refused_with_those_that_are_known(found: str) -> None:
    with pytest.raises(SettingsError) as told:
        check_label_settings("sites.0", site(date_format=found))
    assert str(told.value).startswith("sites.0.date_format: expected full, ")
    assert all(name in str(told.value) for name in NAMED)


@pytest.mark.parametrize("found", ["xx", "", "id_ID_x_y_z", "bahasa", "../id", "i" * 99])
def test_an_unknown_locale_is_refused_with_those_that_are_known(found: str) -> None:
    with pytest.raises(SettingsError) as told:
        check_label_settings("sites.0", site(locale=found))
    assert "sites.0.locale: expected id, en, ms" in str(told.value)


def test_an_unknown_zone_is_refused() -> None:
    for found in ("WIBB", "Asia/Bandung", "..", "/etc"):
        with pytest.raises(ValueError, match="WIB, WITA, WIT"):
            site(timezone=found)


def test_every_language_says_everything() -> None:
    for language, words in WORDS.items():
        assert words_of(language) is words
        assert all(words)
        for name in ("page", "updated", "described", "described_section", "to_list"):
            said, known = getattr(words, name), getattr(WORDS["en"], name)
            assert sorted(part.partition("}")[0] for part in said.split("{")[1:]) == sorted(
                part.partition("}")[0] for part in known.split("{")[1:]
            )


async def test_a_list_says_how_long_ago_it_was_when_it_is_read(serve: Serve) -> None:
    """Also where no new one is published meanwhile; within a minute the answer stays as it is."""
    service = await serve(sites=[{"id": "koran", "date_format": "relative"}])
    await service.http.post("/v1/events", json={"item": "a"})
    await service.store.items.put_items("koran", [Item(id="a", published_at=NOW - 300)])
    await service.refresh()
    labels, tags = [], []
    for later_s in (0, 20, 60, 3600):
        service.clock.now = NOW + 5 + later_s
        answer = await service.http.get("/v1/lists/populer")
        labels.append(answer.json()["items"][0]["published_label"])
        tags.append(answer.headers["etag"].replace("-stale", ""))
    assert labels == ["5 menit yang lalu", "5 menit yang lalu", "6 menit yang lalu", "1 jam yang lalu"]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
