"""Fields of an item as programs write them, and what is stored of each; one that cannot be used says why.

Every reader takes a value and the site's zone, and raises ValueError with the rest of a sentence: "must be …".
"""

import html
import re
from datetime import tzinfo
from typing import Any

import msgspec

from ranking.times import A_MOMENT, item_moment

MAX_TEXT_CHARS = 2_000
MAX_NAME_CHARS = 200
MAX_NAMES = 100
MAX_EXTRA_BYTES = 4_096
MAX_PIXELS = 100_000
#: A link that a page may carry as it is: http(s) with a host, or a path of the site itself.
LINK = re.compile(r"""(?:https?://[^\s/?#\\<>"]+(?:[/?#][^\s\\<>"]*)?|/(?:[^\s/\\<>"][^\s\\<>"]*)?)""", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
#: Character references that are no markup: numbers, and names of what typographers and CMSs write so.
REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|quot|apos|nbsp|[lr][sd]quo|hellip|[nm]dash);")
#: Characters without a width.
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff "
#: Line ends and tabs part words; all other controls are nothing that a reader could see.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160))) | dict.fromkeys(map(ord, "\t\n\r\x85"), " ")


class Picture(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An item's image. `width` and `height` in pixels; 0 where they are unknown."""

    url: str
    width: int = 0
    height: int = 0
    alt: str = ""


def without_controls(text: str) -> str:
    """`text` without NUL and control characters; a space stands for line ends and tabs.

    >>> without_controls("Harga\\n\\x00cabai")
    'Harga cabai'
    """
    return text if text.isprintable() else text.translate(_CONTROLS)


def text(value: Any, _: tzinfo) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, found {value!r:.80}")
    if len(value) > MAX_TEXT_CHARS:
        raise ValueError(f"must not be over {MAX_TEXT_CHARS} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return without_controls(value).strip()


def title(value: Any, zone: tzinfo) -> str:
    """A title as text: what CMSs escape in it is decoded once, and one without anything to see is none.

    >>> from datetime import UTC
    >>> title("Harga &#8217;naik&#8217; di A&amp;B &lt;b&gt;", UTC), title("\u200b ", UTC)
    ('Harga ’naik’ di A&B &lt;b&gt;', '')
    """
    if isinstance(value, str) and "&" in value:
        value = REFERENCE.sub(lambda found: html.unescape(found[0]), value)
    shown = text(value, zone)
    return shown if shown.strip(INVISIBLE) else ""


def text_or_none(value: Any, zone: tzinfo) -> str | None:
    return text(value, zone) or None


def address(value: Any, zone: tzinfo) -> str | None:
    """Only http(s) and site-relative addresses: an item's url becomes a link on the site's own pages."""
    text(value, zone)
    url: str = value.strip()
    if url and (not LINK.fullmatch(url) or not url.isprintable()):
        raise ValueError(f"must be an http(s) address or start with a single /, found {url[:80]!r}")
    return url or None


def image(value: Any, zone: tzinfo) -> str | None:
    """An address as `address` takes it, or one without a scheme, as CMSs write those of their CDN."""
    if isinstance(value, str) and value.startswith("//"):
        value = f"https:{value}"
    return address(value, zone)


def tags(value: Any, zone: tzinfo) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of texts, found {value!r:.80}")
    return tuple(filter(None, (text(tag, zone) for tag in value)))


def publish_time(value: Any, zone: tzinfo) -> float | None:
    """Epoch seconds of a publish time. The beginning of the epoch is what programs write where they have none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"must be {A_MOMENT}, found {value!r:.80}")
    if isinstance(value, str) and not value.strip():
        return None
    try:
        moment = item_moment(value, zone)
    except ValueError as error:
        raise ValueError(f"must be {error}, found {value!r:.80}") from None
    if moment == 0:
        raise ValueError(f"must be {A_MOMENT}, found the beginning of 1970")
    return moment


def names(value: Any, zone: tzinfo) -> tuple[str, ...]:
    """Names, each once, in their order; a text is one name."""
    given = tags([value] if isinstance(value, str) else value, zone)
    if len(given) > MAX_NAMES or any(len(each) > MAX_NAME_CHARS for each in given):
        raise ValueError(f"must be at most {MAX_NAMES} names of up to {MAX_NAME_CHARS} characters")
    return tuple(dict.fromkeys(given))


def picture(value: Any, zone: tzinfo) -> str | Picture | None:
    """An image's address, or with what else is known of it; of a list the first."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return image(value, zone)
    url = image(value.get("url") or "", zone)
    if url is None:
        raise ValueError("must have a url")
    return Picture(url, _pixels(value.get("width")), _pixels(value.get("height")), text(value.get("alt") or "", zone))


def language(value: Any, zone: tzinfo) -> str | None:
    """A language as `id` or `en-GB`."""
    tag = text(value, zone)
    if tag and not LANGUAGE.fullmatch(tag):
        raise ValueError(f"must be a language such as id or en-GB, found {tag[:80]!r}")
    first, dash, rest = tag.replace("_", "-").partition("-")
    return first.lower() + dash + rest or None


def truth(value: Any, _: tzinfo) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, found {value!r:.80}")
    return value


def own_fields(value: Any, _: tzinfo) -> str:
    """Fields of the newsroom's own as JSON, which are kept and given back; empty: there are none."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be an object, found {value!r:.80}")
    content = msgspec.json.encode(value)
    if len(content) > MAX_EXTRA_BYTES:
        raise ValueError(f"must not be over {MAX_EXTRA_BYTES} bytes")
    return content.decode() if value else ""


def _pixels(value: Any) -> int:
    if value is None or value == "":
        return 0
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= MAX_PIXELS:
        raise ValueError(f"must have a width and a height in pixels, found {value!r:.80}")
    return int(number)
