"""Messages to receivers of alarms: their form, their signature, and one POST with a bound on its time.

Any address will do, private ones too: an operator has written it into the settings. Redirects are not followed, as what
is signed is meant for that address.
"""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import httpx2
import msgspec

import ranking
from ranking.settings.webhooks import WebhookSettings
from ranking.watching.episodes import Event

DEADLINE_S: Final = 10.0
SIGNATURE: Final = "Populer-Signature"
TITLES: Final[dict[Event, str]] = {
    "raised": "Alarm",
    "lasts": "Alarm lasts",
    "over": "Alarm is over",
    "test": "Test alarm",
}


class Message(NamedTuple):
    """One message. `site` is its id, "" where it is about the whole service; times in epoch seconds."""

    event: Event
    alarm: str
    site: str
    says: Sequence[str]
    since: float
    at: float

    def as_json(self) -> dict[str, Any]:
        """The message as receivers of JSON get it. `id` is the same when it is sent again."""
        name = f"{self.event} {self.alarm} {self.site} {self.since!r} {self.at if self.event == 'lasts' else ''}"
        return {
            "id": hashlib.blake2b(name.encode(), digest_size=12).hexdigest(),
            "event": self.event,
            "alarm": self.alarm,
            "site": self.site or None,
            "says": list(self.says),
            "since": _iso(self.since),
            "at": _iso(self.at),
        }

    def as_text(self) -> str:
        """The message as text in the form that Slack takes."""
        about = f" of {self.site}" if self.site else ""
        said = "\n".join(f"• {each}" if len(self.says) > 1 else each for each in self.says)
        text = f"{TITLES[self.event]}{about}: {self.alarm} (since {_iso(self.since)})\n{said}"
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def signature(secret: str, at: int, body: bytes) -> str:
    """What the header says: the moment, and the HMAC-SHA256 of the moment, a dot and the body.

    >>> signature("secret-of-the-desk", 1_764_530_940, b"{}")[:29]
    't=1764530940,v1=a562767450700'
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def client() -> httpx2.AsyncClient:
    """A client for `post`."""
    return httpx2.AsyncClient(
        headers={"User-Agent": f"Populer/{ranking.__version__}", "Content-Type": "application/json"},
        verify=ssl.create_default_context(),
        follow_redirects=False,
        timeout=DEADLINE_S,
    )


async def post(http: httpx2.AsyncClient, webhook: WebhookSettings, message: Message, now: float) -> str | None:
    """Send a message; why it did not arrive, None where it did. The reason does not hold the address."""
    content = {"text": message.as_text()} if webhook.format == "slack" else message.as_json()
    body = msgspec.json.encode(content)
    headers = {SIGNATURE: signature(webhook.secret, int(now), body)} if webhook.secret else {}
    try:
        async with (
            asyncio.timeout(DEADLINE_S),
            http.stream("POST", webhook.url, content=body, headers=headers) as answer,
        ):
            return None if answer.is_success else f"it answered {answer.status_code}"
    except TimeoutError:
        return f"it did not answer within {DEADLINE_S:g} s"
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"it cannot be reached ({type(error).__name__})"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
