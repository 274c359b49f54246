"""The Django example tells a running service what a site's models publish, change and delete."""

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django_site import set_up
from newsrooms import listed, misbehaving, saying
from service import Service, wait_until

CLOSED = "http://127.0.0.1:9"


@pytest.fixture(scope="module", autouse=True)
def _described() -> None:
    set_up()
    from koran.models import Article, as_item
    from populer_django.catalogue import describe

    describe(Article, as_item)


@pytest.fixture(autouse=True)
def _as_new() -> Iterator[None]:
    from django.core.cache import cache
    from koran.models import Article, Tag
    from populer_django.models import Told

    yield
    cache.clear()
    for model in (Article, Tag, Told):
        model.objects.all().delete()


@contextlib.contextmanager
def settings(url: str, key: str) -> Iterator[None]:
    from django.core.cache import cache
    from django.test import override_settings

    cache.clear()
    with override_settings(POPULER_URL=url, POPULER_KEY=key):
        yield


@pytest.fixture
def site(service: Service) -> Iterator[None]:
    """The project, describing to the service."""
    with settings(service.url, service.write_key):
        yield


def published(title: str, **given: Any) -> Any:
    from koran.models import Article

    return Article.objects.create(title=title, slug=given.pop("slug", title.lower().replace(" ", "-")), **given)


def found(service: Service, article: Any) -> dict[str, Any]:
    """What the service has of an article; empty: nothing."""
    with service.client() as client:
        answer = client.get(f"/v1/items/{article.pk}")
    return dict(answer.json()) if answer.status_code == 200 else {}


def waiting() -> int:
    from populer_django.models import Told

    return int(Told.objects.exclude(waiting="").count())


def sync() -> str:
    from django.core.management import call_command

    out = io.StringIO()
    call_command("populer_sync", stdout=out)
    return out.getvalue().strip()


@pytest.mark.usefixtures("site")
def test_what_is_saved_and_related_is_described(service: Service) -> None:
    from koran.models import Tag

    article = published("Harga & cabai")
    assert (found(service, article)["title"], found(service, article)["section"]) == (
        "Harga & cabai",
        "Olah Raga & Gaya",
    )
    tags = [Tag.objects.create(name=name) for name in ("satu", "dua")]
    article.tags.add(tags[0])
    tags[1].article_set.add(article)
    assert found(service, article)["tags"] == ["satu", "dua"]
    article.tags.clear()
    assert found(service, article)["tags"] == []
    assert waiting() == 0


@pytest.mark.usefixtures("site")
def test_what_is_no_longer_public_or_deleted_is_taken_down_and_comes_back(service: Service) -> None:
    article = published("Ditarik")
    with service.client() as client:
        client.post("/v1/events", json=[{"item": str(article.pk)}] * 200).raise_for_status()
    wait_until(lambda: str(article.pk) in listed(service.url))
    article.is_public = False
    article.save()
    assert found(service, article) == {}
    assert str(article.pk) not in listed(service.url)
    article.is_public = True
    article.save()
    assert found(service, article)["title"] == "Ditarik"
    pk = article.pk
    article.delete()
    article.pk = pk
    assert found(service, article) == {}


@pytest.mark.usefixtures("site")
def test_a_former_address_is_an_alias(service: Service) -> None:
    article = published("Judul", slug="lama")
    article.slug = "baru"
    article.save()
    with service.client() as client:
        names = client.get(f"/v1/items/{article.pk}/aliases").json()
    assert names["aliases"] == ["news.example/lama"]


@pytest.mark.usefixtures("site")
def test_a_draft_leaves_nothing_behind(service: Service) -> None:
    from populer_django.models import Told

    article = published("Konsep", is_public=False)
    assert found(service, article) == {}
    assert not Told.objects.exists()


@pytest.mark.usefixtures("site")
def test_what_is_rolled_back_is_not_told(service: Service) -> None:
    from django.db import transaction

    with transaction.atomic():
        article = published("Batal")
        pk = article.pk
        transaction.set_rollback(True)
    article.pk = pk
    assert found(service, article) == {}
    assert waiting() == 0


def test_with_the_service_away_saving_goes_on_and_is_told_later(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with settings(CLOSED, "x"), caplog.at_level(logging.WARNING):
        articles = [published(f"Menunggu {n}") for n in range(3)]
        gone = published("Dihapus")
        pk = gone.pk
        gone.delete()
    gone.pk = pk
    assert waiting() == 4
    assert [record.levelname for record in caplog.records] == ["WARNING"], "one tried, and the others did not wait"
    with settings(service.url, service.write_key):
        published("Berikut")
    assert [found(service, each)["title"] for each in articles] == ["Menunggu 0", "Menunggu 1", "Menunggu 2"]
    assert found(service, gone) == {}
    assert waiting() == 0


def test_a_site_s_own_fault_does_not_break_what_is_saved(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from koran.models import Article, as_item
    from populer_django.catalogue import Described, models, pk_of

    with settings(service.url, service.write_key):
        article = published("Sehat")
        monkeypatch.setitem(models, Article, Described(lambda _: 1 // 0, pk_of))
        article.title = "Sakit"
        article.save()
        assert "ZeroDivisionError" in caplog.text
        monkeypatch.setitem(models, Article, Described(as_item, pk_of))
        sync()
    assert found(service, article)["title"] == "Sakit"


@pytest.mark.usefixtures("site")
def test_the_command_describes_old_articles_and_takes_down_what_is_gone(service: Service) -> None:
    from koran.models import Article
    from populer_django.models import Told

    hidden, gone = published("Disembunyikan"), published("Hilang")
    Article.objects.filter(pk=hidden.pk).update(is_public=False)
    Article.objects.filter(pk=gone.pk)._raw_delete("default")
    Article.objects.bulk_create(Article(title=f"Arsip {n}", slug=f"arsip-{n}") for n in range(510))
    assert sync() == "512 articles were sent."
    assert (found(service, hidden), found(service, gone), waiting()) == ({}, {}, 0)
    with service.client() as client:
        rows = client.get("/v1/items", params={"format": "ndjson", "q": "Arsip"}).text.splitlines()
    assert len({json.loads(row)["id"] for row in rows}) == 510
    assert Told.objects.filter(is_down=True).count() == 2


def test_the_command_says_why_it_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.management.base import CommandError
    from populer_django.management.commands import populer_sync

    monkeypatch.setattr(populer_sync, "PAUSE_S", 0)
    with misbehaving(saying(b'{"detail": "Name a key."}', 401)) as url, settings(url, "wrong"):
        published("Menunggu")
        with pytest.raises(CommandError, match=r"The service answered 401. Name a key. 1 articles go on waiting"):
            sync()
    with settings(CLOSED, ""), pytest.raises(CommandError, match="set POPULER_KEY"):
        sync()


@pytest.mark.usefixtures("site")
def test_one_article_that_cannot_be_stored_keeps_no_other(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from koran.models import Article, as_item
    from populer_django.catalogue import Described, models

    item = lambda each: str(each.pk) if each.slug != "buruk" else "{{ id }}"  # noqa: E731
    monkeypatch.setitem(models, Article, Described(as_item, item))
    published("Buruk")
    article = published("Baik")
    assert "was not stored as it was said: id: must be an id, found the placeholder" in caplog.text
    assert (found(service, article)["title"], waiting()) == ("Baik", 0)


@pytest.mark.usefixtures("site")
def test_a_change_while_an_article_is_sent_is_sent_too(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from koran.models import Article, as_item
    from populer_django.catalogue import Described, models, pk_of
    from populer_django.models import Told

    article = published("Pertama")

    def changing(each: Any) -> Any:
        Told.objects.filter(item=str(article.pk)).update(waiting="another change")
        return as_item(each)

    monkeypatch.setitem(models, Article, Described(changing, pk_of))
    article.save()
    assert waiting() == 1


def test_the_migrations_are_those_of_the_models() -> None:
    from django.core.management import call_command

    call_command("makemigrations", "populer_django", check=True, dry_run=True, verbosity=0)
