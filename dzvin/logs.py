"""Structured logs on standard error: one line for each transition, with the `call_id` that is bound around it.

Everybody logs through structlog or the standard library; both come out in one format. Standard output belongs to the
ready line.

Our own lines do not pass through the standard library's loggers, which cost three times as much as the line itself:
a call has several.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from typing import Literal

import msgspec
import structlog
from structlog.typing import EventDict, Processor

QUIET = ("uvicorn", "litestar", "websockets", "asyncio")  # libraries whose everyday lines are of no use here


class Escapes(logging.Handler):
    """Counts the exceptions that were logged with their trace: whatever they ended, nobody had expected them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """A line of a library's."""
        self.count += bool(record.exc_info)

    def look(self, _: object, method: str, event: EventDict) -> EventDict:
        """A line of our own, on its way."""
        self.count += method in ("error", "critical") and bool(event.get("exc_info"))
        return event


escapes = Escapes()


def configure(process: str, level: str = "info", style: Literal["auto", "json", "text"] = "auto") -> None:
    """Set up logging for this process. `auto`: text when a person watches the terminal, else JSON."""
    as_text = sys.stderr.isatty() if style == "auto" else style == "text"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_the_process(process),
    ]
    structlog.configure(
        processors=[
            *shared,
            escapes.look,
            *(_text() if as_text else [structlog.processors.format_exc_info, _json_bytes]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr)
        if as_text
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(level, shared, _text() if as_text else [structlog.processors.format_exc_info, _json_text])


def _configure_libraries(level: str, shared: Sequence[Processor], renderers: Sequence[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler, escapes]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _name_the_process(process: str) -> Processor:
    def add(_: object, __: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return add


def _text() -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


def _json_bytes(_: object, __: str, event: EventDict) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=repr)
    except UnicodeEncodeError:  # a peer's text that is not UTF-8: its bytes are shown as escapes
        return json.dumps(event, default=repr).encode()


def _json_text(logger: object, name: str, event: EventDict) -> str:
    return _json_bytes(logger, name, event).decode()
