"""The commands that record events and describe items."""

from pathlib import Path
from typing import Annotated

import typer

from populer.cli.shared_options import HIGHEST_PORT, AllowLosses, Config, Data, Key, Site, To
from populer.commands.options import DEFAULT_TO, load_settings

app = typer.Typer()
items_app = typer.Typer(help="The site's items.", no_args_is_help=True)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Logs: csv, ndjson or access logs, plain or packed; - is stdin.")],
    to: To = DEFAULT_TO,
    site: Site = None,
    key: Key = None,
    data: Data = None,
    config: Config = None,
    format: Annotated[
        str | None,
        typer.Option("--format", help="csv, ndjson, or of access logs combined, json, w3c, alb; default: by content."),
    ] = None,
    item_pattern: Annotated[
        str | None,
        typer.Option("--item-pattern", help="Access logs: regular expression whose one group is an address's item id."),
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", help="Access logs: the site's address, where lines name no host.")
    ] = None,
    speed: Annotated[str, typer.Option("--speed", help="N times real time, or max.")] = "max",
    as_of_now: Annotated[bool, typer.Option("--as-of-now", help="Shift times so that the last event is now.")] = False,
    allow_losses: AllowLosses = False,
) -> None:
    """Record the events of log files through a running service, with their own timestamps."""
    from populer.commands.options import write_key
    from populer.commands.replay import run

    run(
        files, to=to, site=site, key=write_key(key, config, data, site), format=format, speed=speed,
        as_of_now=as_of_now, item_pattern=item_pattern, base=base, allow_losses=allow_losses,
    )  # fmt: skip


@app.command()
def consume(
    url: Annotated[
        str, typer.Argument(metavar="kafka://HOST:PORT/TOPIC", help="Brokers, separated by commas, and topic.")
    ],
    group: Annotated[str, typer.Option("--group", help="The consumer group: what it has read is read once.")],
    site: Site = None,
    start: Annotated[
        str, typer.Option("--from", help="Where what the group has never read begins: earliest, latest, a time.")
    ] = "latest",
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", min=0, max=HIGHEST_PORT, help="Prometheus metrics, on this machine alone."),
    ] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Record a Kafka topic, each record once (needs the extra kafka)."""
    from populer.commands.consume import run

    run(load_settings(config, data), url, group=group, site=site, start=start, metrics_port=metrics_port)


@items_app.command("import")
def items_import(
    place: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL",
            help="Items: csv, ndjson, a JSON array, RSS, Atom, JSON Feed or a news sitemap; plain or packed.",
        ),
    ],
    to: To = DEFAULT_TO,
    site: Site = None,
    key: Key = None,
    data: Data = None,
    config: Config = None,
    format: Annotated[
        str | None, typer.Option("--format", help="csv, ndjson, json or feed; default: by name or content.")
    ] = None,
    allow_losses: AllowLosses = False,
) -> None:
    """Describe items to a running service: titles, addresses, sections, publish times."""
    from populer.commands.items_import import run
    from populer.commands.options import write_key

    run(place, to=to, site=site, key=write_key(key, config, data, site), format=format, allow_losses=allow_losses)


@items_app.command("alias")
def items_alias(
    file: Annotated[Path, typer.Argument(help="Pairs: csv with the columns from and to, plain or packed.")],
    to: To = DEFAULT_TO,
    site: Site = None,
    key: Key = None,
    data: Data = None,
    config: Config = None,
    base: Annotated[str | None, typer.Option("--base", help="The site's address, where pairs name paths.")] = None,
    allow_losses: AllowLosses = False,
) -> None:
    """Name other addresses and ids of items, such as redirects: past counts join, and nothing is rewritten."""
    from populer.commands.items_alias import run
    from populer.commands.options import write_key

    run(file, to=to, site=site, key=write_key(key, config, data, site), base=base, allow_losses=allow_losses)
