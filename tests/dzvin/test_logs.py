"""Logs: one JSON line for each entry, with the call's id, from our loggers and from libraries'."""

from __future__ import annotations

import json
import subprocess
import sys

SPEAK = """
import logging, structlog
from dzvin import logs
logs.configure("core", {level!r}, "json")
log = structlog.get_logger("pbx.leg")
with structlog.contextvars.bound_contextvars(call_id="0190"):
    log.info("answered", extension="1001")
    logging.getLogger("some.library").warning("odd %s", "thing")
log.debug("details")
logging.getLogger("uvicorn").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("a task failed")
"""


COUNTED = (
    SPEAK
    + """
import asyncio
async def forgetful():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
asyncio.run(forgetful())
log.error("refused by a provider", status=503)
print(logs.escapes.count, file=sys.stderr)
"""
)


def spoken(level: str = "info") -> list[dict[str, str]]:
    """In a process of its own: logging is global."""
    run = subprocess.run([sys.executable, "-c", SPEAK.format(level=level)], capture_output=True, text=True, check=True)
    assert run.stdout == ""  # standard output belongs to the ready line
    return [json.loads(line) for line in run.stderr.splitlines()]


def test_every_line_carries_the_call_and_the_process() -> None:
    answered, odd, _ = spoken()
    assert (answered["event"], answered["call_id"], answered["extension"]) == ("answered", "0190", "1001")
    assert (odd["event"], odd["call_id"], odd["level"]) == ("odd thing", "0190", "warning")
    assert {answered["process"], odd["process"]} == {"core"}
    assert answered["timestamp"].endswith("Z")


def test_an_exception_is_one_line_with_its_trace() -> None:
    failed = spoken()[-1]
    assert failed["event"] == "a task failed"
    assert "ZeroDivisionError" in failed["exception"]


def test_text_that_is_not_utf8_does_not_lose_the_line() -> None:
    speak = 'from dzvin import logs; import structlog; logs.configure("core", "info", "json"); '
    speak += 'structlog.get_logger().info("called", by="\\udce9")'
    run = subprocess.run([sys.executable, "-c", speak], capture_output=True, text=True, check=True)
    assert json.loads(run.stderr)["by"] == "\udce9"


def test_the_level_is_obeyed_and_everyday_lines_of_libraries_are_not_there() -> None:
    assert "details" not in [line["event"] for line in spoken("info")]
    events = [line["event"] for line in spoken("debug")]
    assert "details" in events
    assert "chatter" not in events


def test_exceptions_that_nobody_expected_are_counted_and_other_errors_are_not() -> None:
    """Of tasks and callbacks too: `dzvin_escaped_exceptions_total` is to stay 0."""
    program = "import sys\n" + COUNTED.format(level="info")
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stderr.splitlines()[-1] == "2"
