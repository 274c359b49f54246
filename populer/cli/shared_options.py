"""The options and arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

HIGHEST_PORT = 65_535

Config = Annotated[Path | None, typer.Option("--config", help="Settings file; default: populer.toml here.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory; default: ./populer-data.")]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.")]
To = Annotated[str, typer.Option("--to", help="Address of the service.")]
Site = Annotated[str | None, typer.Option("--site", help="Site; default: the first one.")]
Key = Annotated[str | None, typer.Option("--key", help="Write key; else POPULER_KEY, else the key file in --data.")]
AllowLosses = Annotated[bool, typer.Option("--allow-losses", help="Exit with 0 although lines could not be used.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Item = Annotated[str, typer.Argument(help="Id of the item.")]
ListName = Annotated[str, typer.Option("--list", help="Name of the list.")]
Section = Annotated[str, typer.Option("--section", help="Only this section.")]
At = Annotated[str | None, typer.Option("--at", help="ISO 8601 or epoch seconds; default: now.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, any setting of the list.")]
