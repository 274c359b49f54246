"""The commands about the ranking of lists: what it is, why, and what would serve readers better."""

import time
from pathlib import Path
from typing import Annotated

import typer

from populer.cli.shared_options import AsJson, At, Changes, Config, Data, Item, ListName, Section, Site
from populer.commands.options import load_settings
from ranking.settings.lists import MAX_LISTED

app = typer.Typer()


@app.command()
def rank(
    list_name: ListName = "populer",
    section: Section = "",
    tag: Annotated[str | None, typer.Option("--tag", help="Only items with this tag.")] = None,
    author: Annotated[str | None, typer.Option("--author", help="Only items by this author.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="Only items in this language.")] = None,
    premium: Annotated[str | None, typer.Option("--premium", help="true or false: paid for, or free.")] = None,
    item_type: Annotated[str | None, typer.Option("--type", help="Only items of this type.")] = None,
    at: At = None,
    changes: Changes = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=MAX_LISTED, help="Default: the list's size, at least ten.")
    ] = None,
    events: Annotated[
        list[Path] | None, typer.Option("--events", help="Logs or exported counts to rank by instead of the store.")
    ] = None,
    items: Annotated[list[Path] | None, typer.Option("--items", help="Catalogues for --events.")] = None,
    site: Site = None,
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show a list as it would be, now or at a past moment, with other settings. Nothing is published."""
    from populer.commands.rank import run

    filters = {"tag": tag, "author": author, "language": language, "premium": premium, "type": item_type}
    run(
        load_settings(config, data), site, list_name=list_name, section=section, filters=filters, at=at,
        changes=changes or [], limit=limit, as_json=as_json, events=events or (), items=items or (),
    )  # fmt: skip


@app.command()
def explain(
    item: Item,
    list_name: ListName = "populer",
    section: Section = "",
    at: At = None,
    changes: Changes = None,
    site: Site = None,
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say why an item is at its rank: its counts, their weights, what keeps it out, who stands above and below."""
    from populer.commands.explain import run

    run(
        load_settings(config, data), site, item=item, list_name=list_name, section=section, at=at,
        changes=changes or [], as_json=as_json,
    )  # fmt: skip


@app.command()
def void(
    item: Item,
    since: Annotated[str | None, typer.Option("--from", help="ISO 8601 or epoch seconds.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="As --from; default: no end.")] = None,
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Only events of this kind.")] = None,
    sources: Annotated[list[str] | None, typer.Option("--source", help="Only events from this source.")] = None,
    share: Annotated[float, typer.Option("--share", help="What they weigh still, from 0 to less than 1.")] = 0.0,
    undo: Annotated[int | None, typer.Option("--undo", help="Lift the void of this number.")] = None,
    site: Site = None,
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let an item's events of a span of time weigh nothing, or lift that; without --from: list what is void."""
    from populer.commands.void import VoidOptions, run

    options = VoidOptions(item, since, until, kinds or (), sources or (), share, undo)
    run(load_settings(config, data).settings, site, options, as_json=as_json)


@app.command()
def tune(
    list_name: ListName = "populer",
    section: Section = "",
    events: Annotated[
        list[Path] | None, typer.Option("--events", help="Logs to walk through instead of the store: as for replay.")
    ] = None,
    items: Annotated[list[Path] | None, typer.Option("--items", help="Catalogues for --events: csv or ndjson.")] = None,
    horizon: Annotated[str, typer.Option("--horizon", help="What came after a list to judge it by.")] = "1h",
    step: Annotated[str, typer.Option("--step", help="From one list to the next.")] = "1h",
    warmup: Annotated[str, typer.Option("--warmup", help="Past before the first list.")] = "7d",
    k: Annotated[int, typer.Option("--k", min=1, max=MAX_LISTED, help="Places of the list.")] = 10,
    grid: Annotated[
        list[str] | None, typer.Option("--grid", help="KEY=VALUE,VALUE…, any setting; of several, all combinations.")
    ] = None,
    preset: Annotated[
        list[str] | None, typer.Option("--preset", help="A ranking that others use, by name; all: every one.")
    ] = None,
    ways: Annotated[
        list[str] | None,
        typer.Option(
            "--try", help="Beside the grid, what would have been served night by night: auto, rule, forecast."
        ),
    ] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, for all that is tried.")] = None,
    reads: Annotated[
        list[str] | None, typer.Option("--reads", help="Kind of events to judge by; default: view.")
    ] = None,
    undated: Annotated[
        str | None,
        typer.Option(
            "--undated",
            help="Items without a publish time: published when first-seen (the store's default), or out of rankings by "
            "publication (the default for files, which begin somewhere).",
        ),
    ] = None,
    dedupe: Annotated[
        str | None,
        typer.Option(
            "--dedupe",
            help="Files: a visitor's repeats within this do not count; default: ingest.dedupe_window, as the service "
            "counts; 0s: every row counts.",
        ),
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Try what a click weighs: which weight served best, and how sure it is.")
    ] = False,
    snapshots: Annotated[
        Path | None,
        typer.Option(
            "--snapshots",
            help="Files made of snapshots: a file whose times are theirs. An event counts at the first one after it.",
        ),
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="Files: csv, ndjson or combined; default: by name or content.")
    ] = None,
    item_pattern: Annotated[
        str | None, typer.Option("--item-pattern", help="Files: regular expression whose one group is the item id.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="Access logs: the site's address.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write a page of it all to this file (HTML).")] = None,
    site: Site = None,
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say from the site's own history which decay would have served readers best. Changes nothing."""
    from populer.commands.options import site_named, store_url
    from populer.commands.tune import Options, run

    loaded = load_settings(config, data)
    run(
        Options(
            loaded, site_named(loaded.settings, site), None if events else store_url(loaded.settings), time.time(),
            list_name, section, events or (), items or (), horizon, step, warmup, k, grid or (), preset or (),
            changes or (), reads or (), undated, dedupe, format, item_pattern, base, report, as_json, snapshots,
            weights, ways or (),
        )
    )  # fmt: skip
