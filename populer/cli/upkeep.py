"""The commands that check, save, hand out and delete what the store has."""

from pathlib import Path
from typing import Annotated

import typer

from populer.cli.shared_options import AsJson, Config, Data, Item, Site, Yes
from populer.commands.options import load_settings

app = typer.Typer()
store_app = typer.Typer(help="The store.", no_args_is_help=True)
delete_app = typer.Typer(help="Delete an item or a site with all that the store has of it.", no_args_is_help=True)


@app.command()
def doctor(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Check the server, its memory, persistence and clock, keys and lists, and say what to do."""
    from populer.commands.doctor import run

    run(load_settings(config, data).settings, as_json=as_json)


@app.command()
def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="Where it is written; in DIR its name is the time.")
    ],
    site: Annotated[str | None, typer.Option("--site", help="Only this site; default: all.")] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Also generated API keys, salts, and what counts events once: keep it safe.")
    ] = False,
    bundled: Annotated[
        bool, typer.Option("--bundled", help="Of the bundled store in --data, though redis.url is set, or none runs.")
    ] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Write counts, items, edits and learned settings into one file, while the service runs."""
    from populer.commands.backup import run

    run(load_settings(config, data).settings, target, site, with_keys=keys, bundled=bundled)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file of `populer backup`.")],
    site: Annotated[str | None, typer.Option("--site", help="Only this site; default: all of the file.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Clear a site that is not empty first.")] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Put a backup into the store, of whatever kind, also while the service runs: its lists are made of it at once."""
    from populer.commands.restore import run

    run(load_settings(config, data).settings, file, site, replace=replace)


@app.command()
def export(
    table: Annotated[str, typer.Argument(metavar="counts|items|edits", help="What is written.")],
    since: Annotated[str | None, typer.Option("--from", help="ISO 8601 or epoch seconds; default: all.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="As --from; default: now.")] = None,
    format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", help="File; default: the standard output.")] = None,
    site: Site = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Write counts, items or edits as a table that a data team, `populer tune` and DuckDB read."""
    from populer.commands.export import run

    run(load_settings(config, data).settings, site, table, since=since, until=until, form=format, out=out)


@store_app.command("accept")
def store_accept(config: Config = None, data: Data = None) -> None:
    """Accept a store that came back without what it held: lists are made of it as it is."""
    from populer.commands.store_accept import run

    run(load_settings(config, data).settings)


@delete_app.command("item")
def delete_item(
    item: Item,
    site: Site = None,
    yes: Yes = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Delete an item: its description, its counts under all its names, its edits. It stays taken down."""
    from populer.commands.delete import run_item

    run_item(load_settings(config, data).settings, site, item, yes=yes)


@delete_app.command("site")
def delete_site(
    site: Annotated[str, typer.Argument(help="Id of the site, in the settings or not any more.")],
    yes: Yes = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Delete what the store has of a site: counts, items, edits, published lists. The trail stays."""
    from populer.commands.delete import run_site

    run_site(load_settings(config, data).settings, site, yes=yes)
