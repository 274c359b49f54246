"""The access log: a line for each request, if `service.access_log` asks for it.

Invariant: no address, no header and nothing of the query, which may name a reader; the trace joins a line with what a
proxy has logged.
"""

import structlog

LONGEST_PATH = 200
log = structlog.get_logger("access")


def log_access(method: str, path: str, status: int, took_s: float, **more: str) -> None:
    """Log a request that was answered with `status` after `took_s`; status 0: its client hung up before."""
    log.info("request", method=method, path=path[:LONGEST_PATH], status=status, ms=round(took_s * 1000, 2), **more)
