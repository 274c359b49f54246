"""What a document is, by its own words: an RSS, Atom or JSON feed, a sitemap, an index of sitemaps; plain or gzip.

A document that defines entities is refused unread: feeds need none, and a few lines of them make gigabytes.
"""

import re
import zlib
from typing import Final

import msgspec

from jobs.sources import feeds, sitemaps
from jobs.sources.entries import Document, SourceError
from jobs.sources.json_feed import is_json_feed, read_json_feed

MIB: Final = 1024**2
#: Bytes of a feed or a sitemap, unpacked.
MAX_BYTES: Final = 16 * MIB
LOOKED_AT: Final = 4096
_ROOT = re.compile(rb"<(?![?!])(?:[\w.-]+:)?([\w.-]+)")
_HIDDEN = re.compile(rb"<!--.*?-->|<\?.*?\?>", re.DOTALL)
_ENTITY = re.compile(rb"<!ENTITY\b", re.IGNORECASE)
GZIP: Final = b"\x1f\x8b"
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def read_document(content: bytes, address: str = "", most: int = MAX_BYTES) -> Document:
    """What a document says of articles. `address`: where it stood; `most`: bytes that it may have, unpacked.

    Raises:
        SourceError: it is none of those, or it is too large.
    """
    content = unpacked(content, most)
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not start:
        raise SourceError("is empty")
    if start == b"{":
        return _read_json(content, address)
    if start != b"<" and not content.startswith(UTF_16):
        raise SourceError("is no feed and no sitemap")
    if content.startswith(UTF_16):
        content = _in_utf_8(content)
    if _ENTITY.search(content):
        raise SourceError("defines entities, which no feed needs")
    root = root_name(content)
    if root in sitemaps.ROOTS:
        return sitemaps.read_sitemap(content, address)
    if root in feeds.ROOTS:
        return feeds.read_feed(content, address)
    if root in ("html", "head", "body") or b"<html" in content[:LOOKED_AT].lower():
        raise SourceError("is an HTML page")
    raise SourceError(f"is XML of <{root}>, which is no feed and no sitemap" if root else "is no feed and no sitemap")


def root_name(content: bytes) -> str:
    """The local name of a document's first element, in lower case; "" where there is none near its beginning."""
    found = _ROOT.search(_HIDDEN.sub(b"", content[: 4 * LOOKED_AT]))
    return found[1].decode("ascii", "replace").lower() if found else ""


def unpacked(content: bytes, most: int = MAX_BYTES) -> bytes:
    """`content`, unpacked where it is gzip.

    Raises:
        SourceError: it has over `most` bytes, or breaks off.
    """
    if content.startswith(GZIP):
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            content = unpacker.decompress(content, most + 1)
        except zlib.error:
            raise SourceError("is damaged inside its packed stream") from None
        if not unpacker.eof and len(content) <= most:
            raise SourceError("breaks off inside its packed stream")
    if len(content) > most:
        raise SourceError(f"has over {most / MIB:,.0f} MiB")
    return content


def _read_json(content: bytes, address: str) -> Document:
    try:
        found = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"is no JSON that can be read ({error})") from None
    if not is_json_feed(found):
        raise SourceError("is JSON, but no JSON Feed")
    return read_json_feed(found, address)


def _in_utf_8(content: bytes) -> bytes:
    try:
        text = content.decode("utf-16")
    except UnicodeDecodeError:
        raise SourceError("is no text in the encoding that it begins with") from None
    return re.sub(r'(<\?xml[^>]*?)\s+encoding=(["\'])[^"\']*\2', r"\1", text, count=1).encode()
