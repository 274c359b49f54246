"""The commands about the settings: their file, the keys of a site, the receivers of alarms."""

from pathlib import Path
from typing import Annotated

import typer

from populer.cli.shared_options import AsJson, Config, Data, Site
from populer.commands.options import load_settings

config_app = typer.Typer(help="The settings.", no_args_is_help=True)
keys_app = typer.Typer(help="The keys of a site.", no_args_is_help=True)
alarms_app = typer.Typer(help="Alarms.", no_args_is_help=True)


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


@alarms_app.command("test")
def alarms_test(site: Site = None, config: Config = None, data: Data = None) -> None:
    """Send a test alarm to every receiver, or to those of --site, and print what each answered."""
    from populer.commands.alarms_test import run

    run(load_settings(config, data).settings, site)
