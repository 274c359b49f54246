"""Describe articles to the service as they are saved and deleted: call `describe` in your AppConfig's `ready`.

    describe(Article, lambda article: {"title": article.title, "url": …, "section": …} if article.is_public else None)

What changes is noted in the transaction of the change, and sent once that is committed. Nothing waits for the service
longer than a second; what it does not take goes on waiting, for the next change or for `manage.py populer_sync`.
"""

import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Model, signals
from django.utils import timezone

Article = Callable[[Any], Mapping[str, Any] | None]


class Described(NamedTuple):
    """A model whose rows are articles: what is said of one, None where readers cannot open it, and its id."""

    article: Article
    item: Callable[[Any], str]


models: dict[type[Model], Described] = {}


def pk_of(instance: Model) -> str:
    """The id of an article of the usual model: its primary key, as `{% populer_script article.pk %}` says it."""
    return str(instance.pk)


def describe(model: type[Model], article: Article, item: Callable[[Any], str] = pk_of) -> None:
    """Describe rows of `model` whenever they change. Several models need an `item` each, as ids must differ."""
    models[model] = Described(article, item)
    name = f"populer {model._meta.label}"
    signals.post_save.connect(_saved, sender=model, dispatch_uid=name)
    signals.post_delete.connect(_deleted, sender=model, dispatch_uid=name)
    for field in model._meta.many_to_many:
        through = field.remote_field.through
        related = partial(_related, model)
        signals.m2m_changed.connect(related, sender=through, weak=False, dispatch_uid=f"{name} {field.name}")


def _saved(sender: type[Model], instance: Model, raw: bool = False, **_: Any) -> None:
    if not raw:  # of a fixture the related rows may not be there yet: populer_sync describes it
        _note(sender, instance)


def _deleted(sender: type[Model], instance: Model, **_: Any) -> None:
    _note(sender, instance)


def _related(
    article: type[Model], instance: Model, action: str, reverse: bool, pk_set: set[Any] | None, **_: Any
) -> None:
    """Rows have other related ones: `instance`, or where it is what they are related to, those of `pk_set`."""
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    changed = article._base_manager.filter(pk__in=pk_set or ()) if reverse else (instance,)
    for each in changed:
        _note(article, each)


def _note(model: type[Model], instance: Model) -> None:
    """Note that an article has changed, and send it once the transaction is committed."""
    from .models import Told
    from .sending import send_changed

    if not getattr(settings, "POPULER_KEY", ""):
        return
    article, item = models[model]
    changed = {"waiting": uuid.uuid4().hex, "changed": timezone.now()}
    told = Told.objects.filter(item=item(instance))
    if not told.update(**changed):
        if instance.pk is None or article(instance) is None:
            return  # nobody has heard of it
        new = {"model": model._meta.label, "key": str(instance.pk), **changed}
        Told.objects.update_or_create(item=item(instance), defaults=new)
    transaction.on_commit(send_changed, robust=True)
