"""What waits goes to the service: by a signal once a change is committed, and by `manage.py populer_sync`."""

import json
import logging
import urllib.error
import urllib.parse
import urllib.request
import uuid
from http.client import HTTPException
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import cache

from .catalogue import models
from .models import Told

BATCH = 100
PATIENCE_S = 1
AWAY_S = 30
INVALID = 422

log = logging.getLogger(__name__)


class ServiceError(Exception):
    """The service did not answer, or did not take what was sent; the sentence says which."""

    def __init__(self, sentence: str, status: int = 0, answer: Any = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.answer = answer if isinstance(answer, dict) else {}


def send_changed() -> None:
    """Send what waits, the newest change first, unless the service was away a moment ago. Nothing is raised."""
    if cache.get("populer:sending-away"):
        return
    try:
        send_waiting(PATIENCE_S)
    except ServiceError as error:
        cache.set("populer:sending-away", True, AWAY_S)  # the next editors need not wait for it
        log.warning(
            "An article waits to be sent. %s It is sent with the next change, or by manage.py populer_sync.", error
        )
    except Exception:  # a site's own function, say: no reason for what was saved to fail
        log.exception("An article waits to be sent, as it could not be described. Correct that, and run populer_sync.")


def send_waiting(patience_s: float) -> int:
    """Send up to a hundred of the articles that wait; how many were settled.

    Raises:
        ServiceError: the service did not take part; what was not settled goes on waiting.
    """
    batch: list[tuple[Told, dict[str, Any]]] = []
    rows = list(Told.objects.exclude(waiting="").order_by("-changed")[:BATCH])
    for row in rows:
        said = _said_of(row)
        if said is None:
            if not row.is_down:
                request("DELETE", f"/v1/items/{urllib.parse.quote(row.item, safe='')}", None, patience_s)
            _settle(row, row.url, is_down=True)
        elif row.is_down:
            _restore(row, said, patience_s)
        else:
            batch.append((row, said))
    if batch:
        _describe(batch, patience_s)
    return len(rows)


def request(method: str, path: str, body: Any, patience_s: float) -> dict[str, Any]:
    """The service's answer to a request with the site's write key.

    Raises:
        ServiceError
    """
    site = str(getattr(settings, "POPULER_SITE", ""))
    address = (
        str(settings.POPULER_URL).rstrip("/") + path + (f"?{urllib.parse.urlencode({'site': site})}" if site else "")
    )
    headers = {"Authorization": f"Bearer {settings.POPULER_KEY}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body, default=str).encode()
    asked = urllib.request.Request(address, content, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=patience_s) as answer:
            return dict(json.loads(answer.read() or b"{}"))
    except urllib.error.HTTPError as error:
        with error:
            found = _json(error.read())
        detail = found.get("detail", "") if isinstance(found, dict) else ""
        raise ServiceError(f"The service answered {error.code}. {detail}".strip(), error.code, found) from None
    except (OSError, HTTPException, ValueError) as error:
        raise ServiceError(f"The service does not answer: {error}.") from None


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _said_of(row: Told) -> dict[str, Any] | None:
    """The description of an article; None: readers cannot open it, or it is gone."""
    model = apps.get_model(row.model)
    instance = model._base_manager.filter(pk=row.key).first()
    said = models[model].article(instance) if instance is not None and model in models else None
    return None if said is None else {**said, "id": row.item}


def _restore(row: Told, said: dict[str, Any], patience_s: float) -> None:
    """Describe an article that was taken down: alone, as only then it is shown again."""
    try:
        request("PUT", f"/v1/items/{urllib.parse.quote(row.item, safe='')}", said, patience_s)
    except ServiceError as error:
        if error.status != INVALID:
            raise
        log.warning("Article %s was not stored: %s", row.item, error)
    _settle(row, said.get("url"), is_down=False)


def _describe(batch: list[tuple[Told, dict[str, Any]]], patience_s: float) -> None:
    """Describe articles, and say which addresses they had before."""
    try:
        answer = request("PUT", "/v1/items", [said for _, said in batch], patience_s)
        outcomes = answer.get("items", [])
    except ServiceError as error:
        if error.status != INVALID:
            raise
        outcomes = error.answer.get("invalid", [])  # none of them can be stored, each for a reason of its own
    for (row, _), outcome in zip(batch, outcomes, strict=False):
        for why in [outcome["error"]] if "error" in outcome else outcome.get("ignored", []):
            log.warning("Article %s was not stored as it was said: %s", row.item, why)
    renamed = [
        {"item": row.item, "urls": [row.url]}
        for row, said in batch
        if row.url.startswith(("http://", "https://")) and row.url != said.get("url")
    ]
    if renamed:
        request("PUT", "/v1/aliases", renamed, patience_s)
    for row, said in batch:
        _settle(row, said.get("url"), is_down=False)


def _settle(row: Told, url: Any, *, is_down: bool) -> None:
    """Note what the service has been told, and let the article wait on where it has changed meanwhile."""
    now = {"url": str(url or ""), "is_down": is_down}
    if not Told.objects.filter(item=row.item, waiting=row.waiting).update(waiting="", **now):
        # Another process has sent it meanwhile, perhaps something newer before this: once more, then.
        Told.objects.filter(item=row.item).update(waiting=uuid.uuid4().hex, **now)
