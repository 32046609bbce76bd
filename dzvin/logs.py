"""Structured logs on standard error: one line for each transition, with the `call_id` that is bound around it.

Everybody logs through structlog or the standard library; both come out in one format. Standard output belongs to the
ready line.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

QUIET = ("uvicorn", "litestar", "websockets", "asyncio")  # libraries whose everyday lines are of no use here


class Escapes(logging.Handler):
    """Counts the exceptions that were logged with their trace: whatever they ended, nobody had expected them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        # structlog's lines come as dictionaries, of which the trace is one entry.
        told = record.msg.get("exc_info") if isinstance(record.msg, dict) else record.exc_info
        self.count += bool(told)


escapes = Escapes()


def configure(process: str, level: str = "info", style: Literal["auto", "json", "text"] = "auto") -> None:
    """Set up logging for this process. `auto`: text when a person watches the terminal, else JSON."""
    as_text = sys.stderr.isatty() if style == "auto" else style == "text"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _name_the_process(process),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_text() if as_text else _json()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler, escapes]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _name_the_process(process: str) -> Processor:
    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    return add


def _text() -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
