"""The command line: every command's options, declared. What a command does and prints is in `populer.commands`.

Exit codes: 0 done, 1 a clear error on stderr, 2 usage. A command's module is imported when it runs, so that `--help`
needs none of them.
"""

import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from populer import INTERRUPTED
from populer.commands.options import DEFAULT_TO, load_settings
from populer.console import give_up_stderr, open_closed_streams, say
from ranking import __version__
from ranking.errors import PopulerError
from ranking.settings.lists import MAX_LISTED

app = typer.Typer(
    help="Populer: the popular, the trending and the latest of a news site.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
items_app = typer.Typer(help="The site's items.", no_args_is_help=True)
config_app = typer.Typer(help="The settings.", no_args_is_help=True)
store_app = typer.Typer(help="The store.", no_args_is_help=True)
keys_app = typer.Typer(help="The keys of a site.", no_args_is_help=True)
delete_app = typer.Typer(help="Delete an item or a site with all that the store has of it.", no_args_is_help=True)
alarms_app = typer.Typer(help="Alarms.", no_args_is_help=True)
app.add_typer(items_app, name="items")
app.add_typer(config_app, name="config")
app.add_typer(keys_app, name="keys")
app.add_typer(store_app, name="store")
app.add_typer(delete_app, name="delete")
app.add_typer(alarms_app, name="alarms")

Config = Annotated[Path | None, typer.Option("--config", help="Settings file; default: populer.toml here.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory; default: ./populer-data.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.")]
To = Annotated[str, typer.Option("--to", help="Address of the service.")]
Site = Annotated[str | None, typer.Option("--site", help="Site; default: the first one.")]
Key = Annotated[str | None, typer.Option("--key", help="Write key; else POPULER_KEY, else the key file in --data.")]
AllowLosses = Annotated[bool, typer.Option("--allow-losses", help="Exit with 0 although lines could not be used.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def main() -> None:
    """Entry point of the console script."""
    if sys.argv[1:2] not in (["serve"], ["demo"]):  # those end as done until the supervisor takes over
        signal.signal(signal.SIGINT, signal.default_int_handler)
    open_closed_streams()
    try:
        try:
            app()
        finally:
            give_up_stderr()
            sys.stdout.flush()
    except PopulerError as error:
        _end(1, " ".join(str(error).split()))
    except KeyboardInterrupt:
        _end(INTERRUPTED)
    except BrokenPipeError:  # whoever read the output has enough of it
        _end(1)
    except OSError as error:
        _end(1, f"{error.filename or 'the output'} cannot be used: {(error.strerror or str(error)).lower()}")
    except Exception as error:
        if not _is_of_interrupt(error):
            raise
        _end(INTERRUPTED)


def _end(code: int, why: str = "") -> NoReturn:
    """End the process. What is left of its output is dropped where nobody takes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        if why:
            print(f"populer: {why}", file=sys.stderr)  # noqa: T201
    say()
    give_up_stderr()
    sys.exit(code)


def _is_of_interrupt(error: BaseException | None) -> bool:
    """Whether an error came of a Ctrl-C: an import that is interrupted may say so in words of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@app.command()
def serve(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option("--workers", help="API worker processes.")] = None,
    data: Data = None,
    only: Annotated[
        Literal["all", "api", "jobs"], typer.Option("--only", help="Parts on hosts of their own, with redis.url.")
    ] = "all",
) -> None:
    """Run the whole service: API, jobs, and a bundled Valkey unless redis.url is set."""
    from populer.commands.serve import run

    run(load_settings(config, data, host=host, port=port, workers=workers), only)


@app.command()
def reload(
    config: Config = None,
    data: Data = None,
    workers: Annotated[
        bool, typer.Option("--workers", help="Replace the API workers one by one; no request fails.")
    ] = False,
) -> None:
    """Have the service that runs under --data read its settings anew, or replace its workers."""
    from populer.commands.reload import run

    run(load_settings(config, data), workers=workers)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where populer.toml is written.")] = Path(),
    site: Annotated[
        str | None, typer.Option("--site", help="Address of the site: its hosts, feeds and sitemaps are written too.")
    ] = None,
) -> None:
    """Write a settings file to begin with."""
    from populer.commands.init import run

    run(folder, site)


@app.command()
def demo(port: Port = None) -> None:
    """Run the service with a sample newsroom and simulated readers. Nothing is kept."""
    from populer.demo.show import run

    run(port)


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
        int | None, typer.Option("--metrics-port", help="Prometheus metrics, on this machine alone.")
    ] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Record a Kafka topic, each record once (needs the extra kafka)."""
    from populer.commands.consume import run, start_of

    loaded = load_settings(config, data)
    run(loaded, url, group=group, site=site, start=start_of(start), metrics_port=metrics_port)


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


@app.command()
def rank(
    list_name: Annotated[str, typer.Option("--list", help="Name of the list.")] = "populer",
    section: Annotated[str, typer.Option("--section", help="Only this section.")] = "",
    tag: Annotated[str | None, typer.Option("--tag", help="Only items with this tag.")] = None,
    author: Annotated[str | None, typer.Option("--author", help="Only items by this author.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="Only items in this language.")] = None,
    premium: Annotated[str | None, typer.Option("--premium", help="true or false: paid for, or free.")] = None,
    item_type: Annotated[str | None, typer.Option("--type", help="Only items of this type.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="ISO 8601 or epoch seconds; default: now.")] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, any setting of the list.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=MAX_LISTED, help="Default: the list's size, at least ten.")
    ] = None,
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
        changes=changes or [], limit=limit, as_json=as_json,
    )  # fmt: skip


@app.command()
def explain(
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    list_name: Annotated[str, typer.Option("--list", help="Name of the list.")] = "populer",
    section: Annotated[str, typer.Option("--section", help="Only this section.")] = "",
    at: Annotated[str | None, typer.Option("--at", help="ISO 8601 or epoch seconds; default: now.")] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, any setting of the list.")] = None,
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
    item: Annotated[str, typer.Argument(help="Id of the item.")],
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
    list_name: Annotated[str, typer.Option("--list", help="Name of the list.")] = "populer",
    section: Annotated[str, typer.Option("--section", help="Only this section.")] = "",
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


@config_app.command("check")
def config_check(file: Annotated[Path, typer.Argument(help="Settings file.")]) -> None:
    """Say whether a settings file can be used."""
    from populer.commands.config_check import run

    run(file)


@config_app.command("show")
def config_show(config: Config = None, data: Data = None) -> None:
    """Print every setting in effect, and where it came from."""
    from populer.commands.config_show import run

    run(load_settings(config, data))


@store_app.command("accept")
def store_accept(config: Config = None, data: Data = None) -> None:
    """Accept a store that came back without what it held: lists are made of it as it is."""
    from populer.commands.store_accept import run

    run(load_settings(config, data).settings)


@delete_app.command("item")
def delete_item(
    item: Annotated[str, typer.Argument(help="Id of the item.")],
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


@alarms_app.command("test")
def alarms_test(site: Site = None, config: Config = None, data: Data = None) -> None:
    """Send a test alarm to every receiver, or to those of --site, and print what each answered."""
    from populer.commands.alarms_test import run

    run(load_settings(config, data).settings, site)


@keys_app.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="Name of the key, such as a person's or a program's.")],
    grade: Annotated[str, typer.Option("--grade", help="write, editor or admin.")],
    site: Site = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Make a key, print it once, and keep its hash in the data directory. A running service takes it at once."""
    from populer.commands.keys import run_add

    run_add(load_settings(config, data).settings, site, name=name, grade=grade)


@keys_app.command("list")
def keys_list(site: Site = None, config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Print the names and grades of a site's keys, and where each is kept."""
    from populer.commands.keys import run_list

    run_list(load_settings(config, data).settings, site, as_json=as_json)


@keys_app.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    site: Site = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Take a key back; one that was generated is replaced. A running service refuses it at once."""
    from populer.commands.keys import run_revoke

    run_revoke(load_settings(config, data).settings, site, name=name)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Populer: the popular, the trending and the latest of a news site."""
    if show:
        print(f"populer {__version__}")  # noqa: T201
        raise typer.Exit
