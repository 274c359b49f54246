"""The commands that run the service."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from populer.cli.shared_options import HIGHEST_PORT, Config, Data, Port
from populer.commands.options import load_settings

app = typer.Typer()


@app.command()
def serve(
    config: Config = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option("--workers", help="API worker processes.")] = None,
    data: Data = None,
    only: Annotated[
        Literal["all", "api", "jobs"], typer.Option("--only", help="Parts on hosts of their own, with redis.url.")
    ] = "all",
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            min=0,
            max=HIGHEST_PORT,
            help="Serve metrics at this port of service.host; with --only jobs.",
        ),
    ] = None,
) -> None:
    """Run the whole service: API, jobs, and a bundled Valkey unless redis.url is set."""
    from populer.commands.serve import run

    run(load_settings(config, data, host=host, port=port, workers=workers), only, metrics_port)


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
