"""What the service knows of each article, and which of them it has to be told of: an outbox in the site's database."""

from django.db import models
from django.utils import timezone


class Told(models.Model):
    """One article. `waiting` has another value for each change, so a change while it is sent is not lost."""

    item = models.CharField(max_length=512, primary_key=True)
    model = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    url = models.TextField(blank=True, default="")
    is_down = models.BooleanField(default=False)
    waiting = models.CharField(max_length=32, blank=True, default="", db_index=True)
    changed = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.item
