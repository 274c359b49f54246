"""Settings of the receivers of alarms."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from ranking.intake.items import LINK
from ranking.settings.types import SiteId, Table

LEAST_SECRET: int = 16


class WebhookSettings(Table):
    """One of alarms.webhooks, by name. Without `sites` or `alarms` it receives those of every site, or all."""

    url: str = Field(repr=False)
    format: Literal["json", "slack"] = "json"
    secret: Annotated[str, Field(min_length=LEAST_SECRET)] | None = Field(None, repr=False)
    sites: tuple[SiteId, ...] = ()
    alarms: tuple[str, ...] = ()

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if not LINK.fullmatch(url) or url.startswith("/") or not url.isprintable():
            raise ValueError("an http(s) address such as https://hooks.slack.com/services/…")
        return url
