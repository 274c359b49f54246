"""Settings of the receivers of alarms."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ranking.settings.types import SiteId, Table, web_address

LEAST_SECRET: int = 16


class WebhookSettings(Table):
    """One of alarms.webhooks, by name. Without `sites` or `alarms` it receives those of every site, or all."""

    url: Annotated[str, AfterValidator(web_address("https://hooks.slack.com/services/…"))] = Field(repr=False)
    format: Literal["json", "slack"] = "json"
    secret: Annotated[str, Field(min_length=LEAST_SECRET)] | None = Field(None, repr=False)
    sites: tuple[SiteId, ...] = ()
    alarms: tuple[str, ...] = ()
