"""The front door: the command line, and which processes run together. Nothing imports it but for `populer.client`.

A command is asked to stop at any time, also in the second in which its modules are still imported: then nothing has
begun, and the process ends at once. A service ends as done, by SIGTERM or SIGINT, until the supervisor takes over;
SIGHUP would have it read its settings, which it is about to do. Other commands end as interrupted until `cli.main`
takes over. Where another program imports this package its signals are left alone.
"""

import os
import signal
import sys
from pathlib import Path

_LASTING = ("serve", "demo")
INTERRUPTED = 130


def _is_command() -> bool:
    """Whether this process is `populer` or `python -m populer`."""
    if Path(sys.argv[0]).stem == "populer":
        return True
    return sys.argv[0] == "-m" and sys.orig_argv[sys.orig_argv.index("-m") :][1:2] == ["populer"]


if _is_command() and sys.argv[1:2] and sys.argv[1] in _LASTING:
    for _number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(_number, lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
elif _is_command():
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
