"""Referrer classes: where a visit began, told from the host of the page before and from nothing else of it.

The host is looked at when the event comes in and is kept nowhere; the class is the source of the event, `ref:search`.
Sites that are none of those named here are `other`, an address that a reader typed in or an app opened is `direct`.
"""

import re
from typing import Final

REFERRER_SOURCE: Final = "ref:"
CLASSES: Final = ("search", "social", "direct", "newsletter", "other")
MOST_HOST_CHARS: Final = 253

_COUNTRY = r"\.(com?\.)?[a-z]{2,3}"
#: Class -> hosts, each with whatever is below it. The first that matches holds: mail.google.com is no search.
_HOSTS: Final = {
    "newsletter": (
        rf"mail\.(google|yahoo|yandex){_COUNTRY}|outlook\.(live|office|office365)\.com|mail\.(proton\.me|ru|aol\.com)"
        r"|com\.google\.android\.gm|(list-manage|campaign-archive|mailchi|substack)\.(com|mp)"
    ),
    "search": (
        rf"(google|bing|yahoo|yandex|baidu|ecosia|qwant|naver|startpage){_COUNTRY}|duckduckgo\.com|search\.brave\.com"
        r"|com\.google\.android\.(googlequicksearchbox|apps\.searchlite)|ya\.ru"
    ),
    "social": (
        r"(facebook|instagram|twitter|x|tiktok|youtube|linkedin|threads|reddit|pinterest|whatsapp|telegram|tumblr|kaskus"
        r"|messenger|quora|discord|snapchat)\.(com|net|co\.id|org)|t\.(co|me)|fb\.(com|me)|lnkd\.in|wa\.me|youtu\.be|line\.me"
        r"|bsky\.app|mastodon\.\w+|com\.(facebook|twitter|instagram|whatsapp|linkedin|reddit)(\.\w+)*|org\.telegram\.\w+"
    ),
}
_MATCH: Final = {name: re.compile(rf"(?:.*\.)?(?:{hosts})") for name, hosts in _HOSTS.items()}


def referrer_class(host: str) -> str:
    """The class of a visit that began at a page of `host`; "" is no page.

    >>> referrer_class("www.google.co.id"), referrer_class("l.facebook.com"), referrer_class("mail.google.com")
    ('search', 'social', 'newsletter')
    >>> referrer_class(""), referrer_class("detik.com"), referrer_class("google.evil.example")
    ('direct', 'other', 'other')
    """
    if not host:
        return "direct"
    text = host[:MOST_HOST_CHARS].lower().partition(":")[0].strip(".")
    return next((name for name, hosts in _MATCH.items() if hosts.fullmatch(text)), "other")
