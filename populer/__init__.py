"""The front door: the command line, and which processes run together. Nothing imports it.

A service is asked to stop by SIGTERM or SIGINT at any time, also in the second in which its modules are still imported.
Until the supervisor takes over there is nothing to stop in order: the process ends, as done. SIGHUP would have it read
its settings, which it is about to do.
"""

import os
import signal
import sys

_LASTING = ("serve", "demo")

if sys.argv[1:2] and sys.argv[1] in _LASTING:
    for _number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(_number, lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
