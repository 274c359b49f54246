"""Populer in Django templates: `{% load populer %}`, `{% populer_script article.pk %}`, `{% populer_list "populer" %}`.

Settings: POPULER_URL = "https://populer.example", and POPULER_SITE where the service has several sites; the site's
POPULER_PAGE_KEY where pages are made anew for each reader, to sign them (`docs/embedding.md`, page tokens).
"""

import base64
import hashlib
import hmac
import secrets
import time
import urllib.parse
import urllib.request
from http.client import HTTPException

from django import template
from django.conf import settings
from django.core.cache import cache
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

PATIENCE_S = 1
FRESH_S = 30
KEPT_S = 86_400


@register.simple_tag
def populer_script(item: object = "") -> SafeString:
    """The script that counts the open article and keeps lists moving; without an item the page is no article."""
    site = format_html(' data-site="{}"', _site()) if _site() else ""
    key = str(getattr(settings, "POPULER_PAGE_KEY", ""))
    token = format_html(' data-token="{}"', page_token(str(item), key)) if key and item != "" else ""
    return format_html('<script async src="{}/populer.js" data-item="{}"{}{}></script>', _service(), item, site, token)


def page_token(item: str, key: str) -> str:
    """A page token: this server's word for one view of a page that it makes now."""
    signed = f"{int(time.time() // 3600)}.{secrets.token_urlsafe(16)}"
    mac = hmac.digest(key.encode(), f"{signed}.{item}".encode(), "sha256")[:16]
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@register.simple_tag
def populer_list(
    name: str = "populer", limit: int = 7, section: str = "", item: object = "", **more: str
) -> SafeString:
    """A list, without the open `item`; `more` are attributes of the element, such as `theme="thumbs"`."""
    query = {"format": "html", "limit": limit, "section": section, "exclude": item, "site": _site()}
    asked = urllib.parse.urlencode({key: value for key, value in query.items() if value not in ("", None)})
    shown = _answer(f"{_service()}/v1/lists/{urllib.parse.quote(name, safe='')}?{asked}")
    attributes = {"list": name, "limit": limit, "section": section, "site": _site(), **more}
    written = (format_html(' {}="{}"', key, value) for key, value in attributes.items() if value != "")
    # The service has escaped what is in it, as it does for the script.
    return mark_safe(f"<populer-list{''.join(written)}>{shown}</populer-list>")


def _answer(address: str) -> str:
    """What the service answered, at most half a minute ago; while it is away the last answer of a day; else nothing."""
    key = "populer:" + hashlib.sha256(address.encode()).hexdigest()
    last_key = f"{key}:last"
    fresh = cache.get(key)
    if fresh is not None:
        return str(fresh)
    if cache.get("populer:away"):
        return str(cache.get(last_key, ""))
    try:
        found = _fetched(address)
    except (OSError, ValueError, HTTPException):
        cache.set("populer:away", True, FRESH_S)  # the next pages need not wait for it
        return str(cache.get(last_key, ""))
    cache.set(key, found, FRESH_S)
    cache.set(last_key, found, KEPT_S)
    return found


def _fetched(address: str) -> str:
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
        if answer.status != 200 or answer.headers.get_content_type() != "text/html":
            raise ValueError("that is no list")
        return str(answer.read().decode())


def _service() -> str:
    return str(settings.POPULER_URL).rstrip("/")


def _site() -> str:
    return str(getattr(settings, "POPULER_SITE", ""))
