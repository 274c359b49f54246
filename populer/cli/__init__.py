"""The command line: its entry point, and the order of the commands in `populer --help`.

Exit codes: 0 done, 1 a clear error on stderr, 2 usage.
"""

import contextlib
import signal
import sys
from typing import Annotated, NoReturn

import typer

from populer import INTERRUPTED
from populer.cli import lists, recording, serving, settings, upkeep
from populer.console import open_closed_streams, say
from ranking import __version__
from ranking.errors import PopulerError

app = typer.Typer(
    help="Populer: the popular, the trending and the latest of a news site.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for commands in (serving.app, recording.app, lists.app, upkeep.app):
    app.add_typer(commands)
app.add_typer(recording.items_app, name="items")
app.add_typer(settings.config_app, name="config")
app.add_typer(settings.keys_app, name="keys")
app.add_typer(upkeep.store_app, name="store")
app.add_typer(upkeep.delete_app, name="delete")
app.add_typer(settings.alarms_app, name="alarms")


def main() -> None:
    """Entry point of the console script."""
    if sys.argv[1:2] not in (["serve"], ["demo"]):  # those end as done until the supervisor takes over
        signal.signal(signal.SIGINT, signal.default_int_handler)
    open_closed_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except PopulerError as error:
        _end(1, " ".join(str(error).split()))
    except KeyboardInterrupt:
        _end(INTERRUPTED)
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
            # A sentence may quote a file, and what a file holds may steer a terminal.
            shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in why)
            print(f"populer: {shown}", file=sys.stderr)  # noqa: T201
    say()
    sys.exit(code)


def _is_of_interrupt(error: BaseException | None) -> bool:
    """Whether an error came of a Ctrl-C: an import that is interrupted may say so in words of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Populer: the popular, the trending and the latest of a news site."""
    if show:
        print(f"populer {__version__}")  # noqa: T201
        raise typer.Exit
