"""Where in a TOML text a key stands: `tomllib` reads values but forgets their lines.

Used only to report an error, on text that `tomllib` has already accepted, so the grammar here is the small part
that finds statements: table headers, keys, and the extent of values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]

TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}'  # multi-line strings
    r'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''  # strings
    r"|#[^\n]*|\n|[ \t\r]+|\[\[|\]\]|[\[\]{}=.,]|[^\s\[\]{}=.,#\"']+",
    re.DOTALL,
)
OPENING, CLOSING = ("[", "[[", "{"), ("]", "]]", "}")


def line_of(text: str, path: Path) -> int | None:
    """The line (from 1) of the key at `path`, or of the nearest table above it that the text spells out."""
    lines = dict(key_lines(text))
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def key_lines(text: str) -> Iterator[tuple[Path, int]]:
    """Every table header and key with its line. Elements of `[[name]]` have the path (name, index)."""
    table: Path = ()
    counts: dict[Path, int] = {}
    for line, tokens in _statements(text):
        if tokens[0] in ("[", "[["):
            table = _key(tokens[1:-1])
            if tokens[0] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield table, line
        else:
            yield table + _key(tokens[: tokens.index("=")]), line


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Group tokens into statements: a statement ends at a line break outside of all brackets."""
    line, depth, started = 1, 0, 1
    tokens: list[str] = []
    for token in TOKEN.findall(text):
        if token == "\n" and depth == 0:
            if tokens:
                yield started, tokens
            tokens = []
        elif not token.isspace() and not token.startswith("#"):
            if not tokens:
                started = line
            tokens.append(token)
            # Two brackets in one token are a header at the start of a statement, nested arrays elsewhere.
            weight = len(token) if token in ("[[", "]]") else 1
            depth += weight * ((token in OPENING) - (token in CLOSING))
        line += token.count("\n")
    if tokens:
        yield started, tokens


def _key(tokens: list[str]) -> Path:
    return tuple(token.strip("\"'") for token in tokens if token != ".")
