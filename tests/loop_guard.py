"""A test fails when an event loop saw an exception that nobody handled, even if every assertion held.

asyncio hands such exceptions (of tasks, callbacks, protocols) to the loop's exception handler, which logs them as
errors of the logger "asyncio"; that is where they are seen here, whatever loop it was.
"""

from __future__ import annotations

import gc
import inspect
import logging
from collections.abc import Generator

import pytest


class _Errors(logging.Handler):
    """Keeps what loops complained of since it was last asked."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(logging.Formatter().format(record))

    def complain(self, when: str) -> None:
        texts, self.texts = self.texts, []
        if texts:
            pytest.fail(f"unhandled in an event loop during {when}:\n" + "\n".join(texts), pytrace=False)


_errors = _Errors()


def pytest_configure() -> None:
    logging.getLogger("asyncio").addHandler(_errors)


def pytest_unconfigure() -> None:
    logging.getLogger("asyncio").removeHandler(_errors)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    _errors.texts.clear()
    result = yield
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
        gc.collect(1)  # "exception was never retrieved" is told when the task is collected
    _errors.complain("the test")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    result = yield
    _errors.complain("tear-down")
    return result


@pytest.fixture
def loop_errors() -> list[str]:
    """What loops complained of so far in this test. A test that provokes such an error reads it here and clears it."""
    return _errors.texts
