"""The commonest reason for a start to fail, told so that it can be mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class PortTaken(Exception):
    """A port of ours cannot be had. The message names it, its key in the configuration, and why."""


@contextmanager
def naming_the_port(key: str, address: str) -> Iterator[None]:
    """Turns the OSError of a bind into PortTaken."""
    try:
        yield
    except OSError as error:
        raise PortTaken(f"{address} ({key}): {error.strerror or error}") from error
