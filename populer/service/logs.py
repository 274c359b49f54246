"""Logs on stderr, as text for a person or as JSON for a collector. stdout belongs to what a command answers.

All that this process logs takes one form, whoever logs it: we, a library, a warning, an exception that nobody caught.
A line that belongs to a request names its trace.
"""

import contextlib
import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from api.http.trace import current_trace_id
from ranking.settings.service import ServiceSettings

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Stderr:
    """stderr, whose end nobody need hear of: a terminal that was closed must not end a service."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def set_up(service: ServiceSettings, **bound: Any) -> None:
    """Send this process's logs to stderr, as `service` says; `bound` is on every line."""
    level = LEVELS[service.log_level]
    shared: Sequence[Processor] = [
        _with(bound),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
    ]
    rendering = _rendering(service.log_format)
    stderr = cast(TextIO, _Stderr())
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stderr),
        cache_logger_on_first_use=True,
    )
    others = logging.StreamHandler(stderr)
    others.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[others], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    sys.excepthook = _log_crash
    threading.excepthook = _log_crash_of_thread


def _rendering(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,  # the rich one prints locals: keys, bodies
    )
    return [console]


def _with(bound: Mapping[str, object]) -> Processor:
    """Adds what is on every line, also on one of a thread, which has no context of its starter."""
    return lambda _, __, line: {**line, **bound}


def _with_trace(_: Any, __: str, line: EventDict) -> EventDict:
    if (trace_id := current_trace_id()) is not None:
        line.setdefault("trace_id", trace_id)
    return line


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("populer").critical("This process ends by an error.", exc_info=(kind, error, traceback))


def _log_crash_of_thread(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None and crash.exc_type is not SystemExit:
        exc_info = (crash.exc_type, crash.exc_value, crash.exc_traceback)
        logging.getLogger("populer").error("A thread ended by an error.", exc_info=exc_info)
