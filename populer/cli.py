"""The command line: parse, make one call, print. Exit codes: 0 done, 1 a clear error on stderr, 2 usage."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer

from populer.config import Loaded, effective, load, with_list_settings
from populer.service import logs, site_keys
from ranking import __version__
from ranking.errors import PopulerError
from ranking.settings.lists import MAX_LISTED
from ranking.settings.objective import AUTO
from ranking.settings.service import Settings, SiteSettings
from ranking.store.embedded.data_dir import socket_path, socket_url
from ranking.times import parse_moment

T = TypeVar("T")

app = typer.Typer(
    help="Populer: the popular, the trending and the latest of a news site.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
items_app = typer.Typer(help="The site's items.", no_args_is_help=True)
config_app = typer.Typer(help="The settings.", no_args_is_help=True)
keys_app = typer.Typer(help="The keys of a site.", no_args_is_help=True)
app.add_typer(items_app, name="items")
app.add_typer(config_app, name="config")
app.add_typer(keys_app, name="keys")

Config = Annotated[Path | None, typer.Option("--config", help="Settings file; default: populer.toml here.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory; default: ./populer-data.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.")]
To = Annotated[str, typer.Option("--to", help="Address of the service.")]
Site = Annotated[str | None, typer.Option("--site", help="Site; default: the first one.")]
Key = Annotated[str | None, typer.Option("--key", help="Write key; else POPULER_KEY, else the key file in --data.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
DEFAULT_TO = "http://127.0.0.1:8000"


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except PopulerError as error:
        print(f"populer: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def serve(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option("--workers", help="API worker processes.")] = None,
    data: Data = None,
) -> None:
    """Run the whole service: API, jobs, and a bundled Valkey unless redis.url is set."""
    from populer.service.supervisor import serve as run

    loaded = _loaded(config, data, host=host, port=port, workers=workers)
    logs.set_up(loaded.settings.service.log_format, role="main")
    _run(run(loaded))


@app.command()
def demo(port: Port = None) -> None:
    """Run the service with a sample newsroom and simulated readers. Nothing is kept."""
    from populer.demo.show import show

    with tempfile.TemporaryDirectory(prefix="populer-demo-") as folder:
        _run(show(Path(folder), port))


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Logs: csv, ndjson or access logs, plain or gzip.")],
    to: To = DEFAULT_TO,
    site: Site = None,
    key: Key = None,
    data: Data = None,
    config: Config = None,
    format: Annotated[
        str | None, typer.Option("--format", help="csv, ndjson or combined (access logs); default: by name or content.")
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
) -> None:
    """Record the events of log files through a running service, with their own timestamps."""
    from populer.client import Patience
    from populer.commands.replay import ReplayReport, render_report
    from populer.commands.replay import replay as run

    report = ReplayReport()
    try:
        with _progress() as progress:
            _run(
                run(
                    files, to=to, site=site, key=_key(key, config, data, site), now=time.time(), format=format,
                    speed=_speed(speed), as_of_now=as_of_now, item_pattern=item_pattern, base=base, patience=Patience(),
                    progress=progress, report=report,
                )
            )  # fmt: skip
    finally:
        if report.sent or report.left_out or report.unreadable.count:
            print(render_report(report))  # noqa: T201


@items_app.command("import")
def items_import(
    file: Annotated[Path, typer.Argument(help="Items: csv or ndjson, plain or gzip.")],
    to: To = DEFAULT_TO,
    site: Site = None,
    key: Key = None,
    data: Data = None,
    config: Config = None,
    format: Annotated[str | None, typer.Option("--format", help="csv or ndjson; default: by name or content.")] = None,
) -> None:
    """Describe items to a running service: titles, addresses, sections, publish times."""
    from populer.commands.items_import import ImportReport, import_items, render_import_report

    report = ImportReport()
    try:
        with _progress() as progress:
            key = _key(key, config, data, site)
            _run(import_items(file, to=to, site=site, key=key, format=format, progress=progress, report=report))
    finally:
        if report.sent:
            print(render_import_report(report))  # noqa: T201


@app.command()
def rank(
    list_name: Annotated[str, typer.Option("--list", help="Name of the list.")] = "populer",
    section: Annotated[str, typer.Option("--section", help="Only this section.")] = "",
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
    from populer.commands.rank import ranked

    loaded = _loaded(config, data)
    settings = with_list_settings(loaded.settings, loaded.raw, list_name, changes or [])
    chosen = _site(settings, site)
    now = time.time()
    moment = now if at is None else _moment(at, chosen)
    url = _store_url(settings)
    found = _run(ranked(settings, url, site=chosen, name=list_name, section=section, at=moment, now=now, limit=limit))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))  # noqa: T201
    else:
        _print_list(found, chosen, settings.lists[list_name].size)


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
    from populer.commands.explain import print_explanation
    from populer.commands.rank import explained

    loaded = _loaded(config, data)
    settings = with_list_settings(loaded.settings, loaded.raw, list_name, changes or [])
    chosen, now = _site(settings, site), time.time()
    moment = now if at is None else _moment(at, chosen)
    url = _store_url(settings)
    found = _run(explained(settings, url, site=chosen, name=list_name, item=item, section=section, at=moment, now=now))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))  # noqa: T201
    else:
        print_explanation(found, chosen)


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
        str, typer.Option("--dedupe", help="Files: a visitor's repeats within this do not count, such as 30m.")
    ] = "0s",
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
    from populer.commands.tune import Options, run

    loaded = _loaded(config, data)
    run(
        Options(
            loaded, _site(loaded.settings, site), None if events else _store_url(loaded.settings), time.time(),
            list_name, section, events or (), items or (), horizon, step, warmup, k, grid or (), preset or (),
            changes or (), reads or (), undated, dedupe, format, item_pattern, base, report, as_json,
        )
    )  # fmt: skip


@app.command()
def doctor(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Check the server, its memory, persistence and clock, keys and lists, and say what to do."""
    from populer.commands.doctor import State, examined

    settings = _loaded(config, data).settings
    findings = _run(examined(settings, _store_url(settings)))
    if as_json:
        print(json.dumps([{**each._asdict(), "state": each.state.value} for each in findings]))  # noqa: T201
    else:
        for each in findings:
            advice = f": {each.advice}" if each.advice else ""
            print(f"{each.state.value:<8} {each.name:<34} {each.found}{advice}")  # noqa: T201
    bad = [each.name for each in findings if each.state is State.BAD]
    if bad:
        raise PopulerError(f"{len(bad)} of {len(findings)} checks are bad: {', '.join(bad)}")


@config_app.command("check")
def config_check(file: Annotated[Path, typer.Argument(help="Settings file.")]) -> None:
    """Say whether a settings file can be used."""
    loaded = load(file, {})
    print(f"{file}: good (config version {loaded.settings.config_version})")  # noqa: T201


@config_app.command("show")
def config_show(config: Config = None, data: Data = None) -> None:
    """Print every setting in effect, and where it came from."""
    loaded = _loaded(config, data)
    rows = list(effective(loaded.settings))
    width = max(len(name) for name, _ in rows)
    tuned = {f"lists.{name}.half_life" for name, each in loaded.settings.lists.items() if each.auto}
    for name, value in rows:
        origin = loaded.origins.get(name, "default")
        print(f"{name:<{width}}  {AUTO if name in tuned else value:<28}  {origin}")  # noqa: T201
    from populer.commands.config_show import learned_rows

    for name, value, origin in learned_rows(loaded.settings, lambda: _store_url(loaded.settings)):
        print(f"{name:<{width}}  {value:<28}  {origin}")  # noqa: T201


@keys_app.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="Name of the key, such as a person's or a program's.")],
    grade: Annotated[str, typer.Option("--grade", help="write, editor or admin.")],
    site: Site = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Make a key, print it once, and keep its hash in the data directory. A running service takes it at once."""
    from populer.commands.keys import add

    settings = _loaded(config, data).settings
    print(add(settings, _site(settings, site), name, grade))  # noqa: T201


@keys_app.command("list")
def keys_list(site: Site = None, config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Print the names and grades of a site's keys, and where each is kept."""
    from populer.commands.keys import listed

    settings = _loaded(config, data).settings
    rows = listed(settings, _site(settings, site))
    if as_json:
        print(json.dumps([each._asdict() for each in rows]))  # noqa: T201
        return
    for each in rows:
        print(f"{each.name:<24} {each.grade:<8} {each.kept}")  # noqa: T201


@keys_app.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    site: Site = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Take a key back; one that was generated is replaced. A running service refuses it at once."""
    from populer.commands.keys import revoke

    settings = _loaded(config, data).settings
    print(revoke(settings, _site(settings, site), name))  # noqa: T201


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Populer: the popular, the trending and the latest of a news site."""
    if show:
        print(f"populer {__version__}")  # noqa: T201
        raise typer.Exit


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _loaded(config: Path | None, data: Path | None, **service: Any) -> Loaded:
    given = {name: value for name, value in {**service, "data_dir": data and str(data)}.items() if value is not None}
    return load(config or _named_file(), os.environ, {"service": given} if given else {})


def _named_file() -> Path | None:
    named = os.environ.get("POPULER_CONFIG")
    return Path(named) if named else None


def _site(settings: Settings, wanted: str | None) -> SiteSettings:
    for site in settings.sites:
        if wanted in (None, site.id):
            return site
    raise PopulerError(f"no site is called {wanted!r}; there are {', '.join(site.id for site in settings.sites)}")


def _key(given: str | None, config: Path | None, data: Path | None, site: str | None) -> str:
    """The write key: as given, from the environment, from the settings, or from the data directory."""
    if found := given or os.environ.get("POPULER_KEY"):
        return found
    settings = _loaded(config, data).settings
    chosen = site or settings.sites[0].id
    configured = next((each.keys.plain("write") for each in settings.sites if each.id == chosen), None)
    kept = site_keys.read(settings.service.data_dir).get(chosen, {}).get("write")
    if found := configured or kept:
        return found
    raise PopulerError(
        f"no write key for site {chosen}: give --key or POPULER_KEY, or --data with the running service's data "
        f"directory ({settings.service.data_dir / site_keys.FILE} has none)"
    )


def _store_url(settings: Settings) -> str:
    if settings.redis.url:
        return settings.redis.url
    data_dir = settings.service.data_dir
    if not socket_path(data_dir).exists():
        raise PopulerError(
            f"no service runs in {data_dir}: start `populer serve` first, or name its directory with --data"
        )
    return socket_url(data_dir)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return float(text.removesuffix("x"))
    except ValueError:
        raise PopulerError(f"--speed: expected a number or max, found {text!r}") from None


def _moment(text: str, site: SiteSettings) -> float:
    try:
        return parse_moment(text, ZoneInfo(site.timezone))
    except ValueError as error:
        raise PopulerError(f"--at: expected {error}, found {text!r}") from None


def _progress() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _shown_score(score: float) -> str:
    """Two decimals, or three digits of what these would not tell apart."""
    return f"{score:,.2f}" if score >= 1 or score == 0 else f"{score:.3g}"


def _print_list(found: dict[str, Any], site: SiteSettings, size: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from api.serving.labels import published_label

    table = Table(title=f"{found['title']}, {published_label(found['generated_at'], site)}", title_justify="left")
    for name, justify in (
        ("", "right"),
        ("title", "left"),
        ("published", "left"),
        ("score", "right"),
        ("views", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for each in found["items"]:
        score = "" if each["score"] is None else _shown_score(each["score"])
        row = (str(each["rank"]), each["title"], each["published_label"], score, f"{each['views']:,}")
        table.add_row(*row, end_section=each["rank"] == size)  # the line under which the list is cut
    Console().print(table)
    if not found["items"]:
        print("nothing to rank: no counted events on eligible items in the retained past")  # noqa: T201
