"""`manage.py populer_sync`: describe all articles, and take down those that readers can no longer open."""

import itertools
import time
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from populer_django.catalogue import models
from populer_django.models import Told
from populer_django.sending import ServiceError, send_waiting

PATIENCE_S = 10
CHUNK = 500
TRIES = 4
PAUSE_S = 0.25


class Command(BaseCommand):
    """Mark all articles as waiting, then send until none waits."""

    help = "Describe all articles to the Populer service, and take down those that readers can no longer open."

    def handle(self, *_: Any, **__: Any) -> None:
        if not getattr(settings, "POPULER_KEY", "") or not models:
            raise CommandError(
                "No articles are described: set POPULER_KEY, and call describe() in your AppConfig's ready()."
            )
        _mark_all()
        sent = failures = 0
        while Told.objects.exclude(waiting="").exists():
            try:
                sent += send_waiting(PATIENCE_S)
                failures = 0
            except ServiceError as error:
                failures += 1
                if failures == TRIES:
                    left = Told.objects.exclude(waiting="").count()
                    raise CommandError(f"{error} {left} articles go on waiting: run this again.") from None
                time.sleep(PAUSE_S * 2**failures)
        self.stdout.write(f"{sent} articles were sent.")


def _mark_all() -> None:
    """Let all articles wait, and those that the service was told of and that are gone."""
    waiting = {"waiting": uuid.uuid4().hex, "changed": timezone.now()}
    for model, (article, item) in models.items():
        public = (each for each in model._base_manager.iterator(chunk_size=CHUNK) if article(each) is not None)
        for chunk in _chunks(Told(item=item(each), model=model._meta.label, key=str(each.pk)) for each in public):
            Told.objects.bulk_create(chunk, ignore_conflicts=True)
    Told.objects.filter(model__in=[model._meta.label for model in models]).update(**waiting)


def _chunks(rows: Iterator[Told]) -> Iterator[list[Told]]:
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield chunk
