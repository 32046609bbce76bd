"""Rows for a spreadsheet: RFC 4180, with a line of names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import msgspec

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would reckon."""


def table(rows: Iterable[object]) -> str:
    """Of one kind each; what is within a row gets a column of its own, `counts.offered`. An empty cell: no figure. No
    rows, no text."""
    flat = [dict(_cells("", msgspec.to_builtins(row))) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    if not flat:
        return ""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*names])
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _cells(name: str, value: object) -> Iterable[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _cells(f"{name}.{key}" if name else str(key), part)
    elif isinstance(value, str):
        yield name, f"'{value}" if value.startswith(FORMULA) else value
    elif isinstance(value, Sequence):
        yield name, "; ".join(map(str, value))
    else:
        yield name, value
