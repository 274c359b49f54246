"""Marks: keyed hashes in place of what clients name, an event by its `id` and a request by its `Idempotency-Key`.

The key is a secret that the store keeps for its lifetime: a mark must be known again for a day, and no salt of visitors
is in use for so long. A mark is good within its scope alone: the site, the sender's grade (of an event, whether it came
with a key) and an event's item. What somebody without a key has sent never answers for what a server sends.
"""

from hashlib import blake2b
from typing import Final

EVENT_BYTES: Final = 8
REQUEST_BYTES: Final = 16


def event_mark(secret: bytes, item: str, name: str, *, trusted: bool) -> bytes:
    """8 bytes in place of the `id` of an event on `item`.

    >>> event_mark(b"secret", "a", "1", trusted=True) == event_mark(b"secret", "a", "1", trusted=False)
    False
    """
    text = f"{trusted:d} {len(item)}:{item}{name}".encode("utf-8", "surrogatepass")
    return blake2b(text, key=secret, person=b"event", digest_size=EVENT_BYTES).digest()


def request_mark(secret: bytes, site: str, grade: str, key: str, body: bytes) -> str:
    """The mark of a request (hexadecimal), a space, and that of its body; see `parts_of`.

    >>> len(request_mark(b"secret", "koran", "public", "batch 1", b"{}"))
    65
    """
    scope = f"{grade} {len(site)}:{site}{key}".encode()
    request = blake2b(scope, key=secret, person=b"request", digest_size=REQUEST_BYTES)
    content = blake2b(body, key=secret, person=b"body", digest_size=REQUEST_BYTES)
    return f"{request.hexdigest()} {content.hexdigest()}"


def parts_of(mark: str) -> tuple[str, str]:
    """The mark of a request, and that of its body; empty where none is known.

    >>> parts_of("12ab cd34"), parts_of("batch-1")
    (('12ab', 'cd34'), ('batch-1', ''))
    """
    request, _, body = mark.partition(" ")
    return request, body
