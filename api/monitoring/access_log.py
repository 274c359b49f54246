"""The access log: a line for each request, if `service.access_log` asks for it.

Invariant: no address, no header and nothing of the query, which may name a reader; the trace joins a line with what a
proxy has logged.
"""

import time

import structlog

LONGEST_PATH = 200
log = structlog.get_logger("access")


def log_access(method: str, path: str, status: int, began: float, **more: str) -> None:
    """Log a request that came at `began` (`time.perf_counter`) and has been answered; 0: its client hung up before."""
    milliseconds = round((time.perf_counter() - began) * 1000, 2)
    log.info("request", method=method, path=path[:LONGEST_PATH], status=status, ms=milliseconds, **more)
