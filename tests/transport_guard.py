"""A test fails when it leaves a connection open behind it.

asyncio warns of such a one when it is collected: some time later, in some other test, or never. Here each transport is
known from its birth, and whoever is still open when its loop is closed is told at the tear-down of the test that opened
it. Transports of uvloop are not seen.
"""

from __future__ import annotations

import weakref
from asyncio import selector_events, sslproto
from collections.abc import Generator
from typing import Any

import pytest

_BORN: weakref.WeakSet[Any] = weakref.WeakSet()
_KINDS: tuple[type[Any], ...] = (selector_events._SelectorTransport, sslproto._SSLProtocolTransport)  # type: ignore[attr-defined]
_inits: list[Any] = []


def pytest_configure() -> None:
    for kind in _KINDS:
        _inits.append(kind.__init__)
        kind.__init__ = _noticed(kind.__init__)


def pytest_unconfigure() -> None:
    for kind, init in zip(_KINDS, _inits, strict=True):
        kind.__init__ = init
    _inits.clear()


def _noticed(init: Any) -> Any:
    def noticing(self: Any, *args: Any, **named: Any) -> None:
        _BORN.add(self)
        init(self, *args, **named)

    return noticing


def _is_open(transport: Any) -> bool:
    if isinstance(transport, selector_events._SelectorTransport):  # type: ignore[attr-defined]
        return getattr(transport, "_sock", None) is not None
    return not transport._closed


def _left_open() -> list[str]:
    """Those whose loop can no longer close them; each is told once."""
    left = [one for one in _BORN if _is_open(one) and one._loop.is_closed()]
    _BORN.difference_update(left)
    return [f"{one!r} of {one.get_protocol()!r}" for one in left]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    result = yield
    left = _left_open()
    if left:
        pytest.fail("connections that the test left open:\n" + "\n".join(left), pytrace=False)
    return result
