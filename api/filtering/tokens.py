"""Page tokens: a view that the site's own server has vouched for, by signing the page that it was made in.

A token is `HOUR.NONCE.MAC`: the hour in which the page was made (whole hours since the epoch, in decimals), a random
nonce (16 to 64 of the letters, digits, `-` and `_`), and the first 16 bytes of the HMAC-SHA256 of `HOUR.NONCE.ITEM`
(UTF-8) under the site's page key, as base64url without padding. It vouches for its item alone, in that hour and the
next.

That a token is good once is not decided here: what names its nonce goes to the store as the id of an event does, and is
looked at in the call that counts (`ranking.intake.visits`).
"""

import base64
import hashlib
import hmac
import re
from typing import Final

from ranking.intake.events import CLOCK_SKEW_S
from ranking.times import HOUR_S

MAC_BYTES: Final = 16
TOKEN: Final = re.compile(r"(\d{1,9})\.([A-Za-z0-9_-]{16,64})\.([A-Za-z0-9_-]{22})", re.ASCII)


def sign(item: str, at: float, nonce: str, key: str) -> str:
    """The token of a page of `item` that is made at `at` (epoch seconds).

    >>> sign("berita-1", 1764532140.0, "0123456789abcdef", "page-key-of-the-koran")
    '490147.0123456789abcdef.fsKx6a6S7UaEumFgCtdKYQ'
    """
    hour = str(int(at // HOUR_S))
    return f"{hour}.{nonce}.{_mac(hour, nonce, item, key)}"


def valid_nonce(token: str, item: str, at: float, key: str) -> str | None:
    """The nonce of a token that vouches for `item` at `at` (epoch seconds); None where it does not."""
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    hour, nonce, given = match.groups()
    if not hmac.compare_digest(_mac(hour, nonce, item, key), given):
        return None
    since = int(hour) * HOUR_S
    return nonce if since - CLOCK_SKEW_S <= at < since + 2 * HOUR_S else None


def _mac(hour: str, nonce: str, item: str, key: str) -> str:
    message = f"{hour}.{nonce}.{item}".encode("utf-8", "surrogatepass")
    mac = hmac.digest(key.encode(), message, hashlib.sha256)[:MAC_BYTES]
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")
