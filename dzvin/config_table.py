"""What every table of the configuration is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Limit = Annotated[int, Meta(ge=0)]  # 0: none

Path = tuple[str | int, ...]
Breach = tuple[Path, str]
"""The path of a key that is wrong, and what is expected there."""


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file. A key that is not named here is an error, so that a typing mistake is not silent."""


class Address(NamedTuple):
    """A host and a port; port 0 means "choose"."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port` or `[ipv6]:port`. Raises ValueError that says what is expected."""
        found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/]+)):([0-9]{1,5})", text)
        if found is None or int(found[3]) > 65535:
            raise ValueError(f'expected "host:port" with a port of 0 to 65535, got "{text}"')
        return cls(found[1] or found[2], int(found[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parses(where: Path, parse: Callable[[str], object], text: str) -> Iterator[Breach]:
    """What `parse` says of the text by a ValueError."""
    try:
        parse(text)
    except ValueError as error:
        yield where, str(error)
