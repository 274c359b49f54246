"""`populer alarms test`: a test alarm to every receiver, from here, and what each answered."""

import asyncio
import time

from jobs import webhooks
from populer.commands.options import site_named
from ranking.errors import PopulerError
from ranking.settings.service import Settings

SAYS = "This is a test. Nothing is wrong."


def run(settings: Settings, site: str | None) -> None:
    """Send and print.

    Raises:
        PopulerError: there is no such site or no receiver, or one was not reached.
    """
    site_named(settings, site)
    receivers = {
        name: each for name, each in settings.alarms.webhooks.items() if not (site and each.sites) or site in each.sites
    }
    if not receivers:
        raise PopulerError(
            "no receiver is set: name one in alarms.webhooks, such as [alarms.webhooks.desk] with its url"
        )
    now = time.time()
    message = webhooks.Message("test", "test", site or "", [SAYS], now, now)

    async def send() -> list[str | None]:
        async with webhooks.client() as http:
            return await asyncio.gather(*(webhooks.post(http, each, message, now) for each in receivers.values()))

    errors = dict(zip(receivers, asyncio.run(send()), strict=True))
    for name, error in errors.items():
        print(f"{name:<20} {error or 'received the test alarm'}")  # noqa: T201
    failed = [name for name, error in errors.items() if error is not None]
    if failed:
        raise PopulerError(f"{len(failed)} of {len(errors)} receivers were not reached: {', '.join(failed)}")
