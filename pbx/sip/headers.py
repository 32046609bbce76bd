"""Header lines kept as the strings that arrived: ordered, case-insensitive, compact forms known (RFC 3261 §7.3).

Nothing is interpreted here. A typed view of a header is made when first asked for and forgotten when the header
changes (`parsed`). Values may hold lone surrogates where the peer's bytes were not UTF-8: they go out unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.lexical import TOKEN

MAX_HEADERS = 256
MAX_HEADER_LENGTH = 8192

# RFC 3261 §7.3.3 and the registry: Replaces, Session-Expires and others have no letter.
COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
_USUAL = (
    "Accept Allow Allow-Events Authorization CSeq Call-ID Contact Content-Disposition Content-Length Content-Type Date "
    "Event Expires From Max-Forwards Min-Expires Min-SE P-Asserted-Identity Path Privacy Proxy-Authenticate "
    "Proxy-Authorization RAck RSeq Reason Record-Route Refer-To Replaces Require Retry-After Route Server "
    "Session-Expires Supported Timestamp To User-Agent Via WWW-Authenticate"
)
# The usual spellings, and those that this program looks up by.
_KEYS: dict[str, str] = {name: name.lower() for name in f"{_USUAL} {_USUAL.lower()}".split()} | COMPACT


T = TypeVar("T")


def key_of(name: str) -> str:
    """The name that all spellings of one header share. Raises RemoteProtocolError when it is no token.

    A space before the colon does not make another header (RFC 3261 §7.3.1; CVE-2020-28361).
    """
    if key := _KEYS.get(name):
        return key
    name = name.rstrip(" \t")
    if not TOKEN.fullmatch(name):
        raise RemoteProtocolError("a header name that is no token")
    lowered = name.lower()
    return COMPACT.get(lowered, lowered)


class Headers:
    """An ordered list of header lines with look-up by name. Two are equal when they say the same in the same order."""

    __slots__ = ("_first", "_lines", "_parsed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._lines: list[tuple[str, str, str]] = []
        self._first: dict[str, str] = {}  # the value of the first line of each name; few have a second one
        self._parsed: dict[str, tuple[str, Any]] = {}  # view -> the header it was made of, and the view
        lines, first = self._lines, self._first
        for name, value in items:
            key = _KEYS.get(name) or _local_key(name)
            value = _one_line(value)
            lines.append((key, name, value))
            first.setdefault(key, value)

    def take(self, lines: Iterable[str]) -> RemoteProtocolError | None:
        """Add lines as they stood in a message, already unfolded. What can be taken is; the first fault is given back,
        so that a request can still be answered."""
        fault = None
        add, first = self._lines.append, self._first
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or "\r" in line or "\n" in line:
                fault = fault or RemoteProtocolError("a header line without a colon, or with a bare CR or LF")
                continue
            key = _KEYS.get(name)
            if key is None:
                try:
                    key, name = key_of(name), name.rstrip(" \t")
                except RemoteProtocolError as error:
                    fault = fault or error
                    continue
            value = value.strip(" \t")
            add((key, name, value))
            first.setdefault(key, value)
        return fault

    def get(self, name: str) -> str | None:
        """The first line's value."""
        return self._first.get(_KEYS.get(name) or name.lower())

    def all(self, name: str) -> list[str]:
        """One entry for each line; comma-separated lists are not split."""
        return self._all(_KEYS.get(name) or _local_key(name))

    def _all(self, key: str) -> list[str]:
        first = self._first.get(key)
        if first is None:
            return []
        if len(self._first) == len(self._lines):
            return [first]
        return [value for line_key, _, value in self._lines if line_key == key]

    def add(self, name: str, value: str) -> None:
        """Append a line."""
        key = _KEYS.get(name) or _local_key(name)
        value = _one_line(value)
        self._lines.append((key, name, value))
        self._first.setdefault(key, value)
        if self._parsed:
            self._forget(key)

    def prepend(self, name: str, value: str) -> None:
        """Put a line above all others, as a Via or Record-Route goes."""
        self._insert(0, name, value)

    def set(self, name: str, value: str) -> None:
        """Make this the only line of that name, where the first one stood."""
        key = _local_key(name)
        place = next((at for at, line in enumerate(self._lines) if line[0] == key), len(self._lines))
        self._lines = [line for line in self._lines if line[0] != key]
        self._insert(place, name, value)

    def replace_first(self, name: str, value: str) -> None:
        """Change the first line of that name and leave its fellows. Raises LocalProtocolError when there is none."""
        key = _local_key(name)
        for at, (line_key, written, _) in enumerate(self._lines):
            if line_key == key:
                self._lines[at] = (key, written, _one_line(value))
                return self._changed(key)
        raise LocalProtocolError(f"there is no {name} to replace")

    def remove(self, name: str) -> None:
        """Drop every line of that name; absent is fine."""
        key = _local_key(name)
        self._lines = [line for line in self._lines if line[0] != key]
        self._changed(key)

    def copy(self) -> Headers:
        twin = Headers()
        twin._lines = list(self._lines)
        twin._first = dict(self._first)
        return twin

    def parsed(self, what: str, name: str, parse: Callable[[list[str]], T]) -> T:
        """The typed view `what` of the header `name` (lower case), made once until that header changes."""
        known = self._parsed.get(what)
        if known is None:
            known = self._parsed[what] = (name, parse(self._all(name)))
        view: T = known[1]
        return view

    def know(self, what: str, name: str, view: object) -> None:
        """Take `view` for what `parsed(what, name, …)` would find, having just written it there."""
        self._parsed[what] = (name, view)

    def missing(self, names: Iterable[str]) -> str | None:
        """The first of these (lower case) that is absent or whose first line is empty."""
        first = self._first
        return next((name for name in names if not first.get(name)), None)

    def duplicated(self, names: Collection[str]) -> str | None:
        """One of these (lower case) that stands on more than one line: the first that does it again."""
        if len(self._first) == len(self._lines):
            return None
        seen: set[str] = set()
        for key, _, _ in self._lines:
            if key in seen and key in names:
                return key
            seen.add(key)
        return None

    def _insert(self, place: int, name: str, value: str) -> None:
        key = _local_key(name)
        self._lines.insert(place, (key, name, _one_line(value)))
        self._changed(key)

    def _forget(self, key: str) -> None:
        for what in [what for what, (name, _) in self._parsed.items() if name == key]:
            del self._parsed[what]

    def _changed(self, key: str) -> None:
        self._forget(key)
        value = next((line[2] for line in self._lines if line[0] == key), None)
        if value is None:
            self._first.pop(key, None)
        else:
            self._first[key] = value

    def wire_lines(self, content_length: int) -> list[str]:
        """The lines of a message with a body of that many bytes, whatever Content-Length stood here."""
        lines = [f"{name}: {value}" for key, name, value in self._lines if key != "content-length"]
        lines.append(f"Content-Length: {content_length}")
        return lines

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (_KEYS.get(name) or _local_key(name)) in self._first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """(name as written, value) in order."""
        return ((name, value) for _, name, value in self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return self._meaning() == other._meaning()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"

    def _meaning(self) -> list[tuple[str, str]]:
        # Content-Length frames the message on the wire; the body already has its length.
        return [(key, value) for key, _, value in self._lines if key != "content-length"]


def _local_key(name: str) -> str:
    try:
        return key_of(name)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"{name!r} is no header name") from error


def _one_line(value: str) -> str:
    # A line end inside a value would let its author write headers of our messages.
    if "\r" in value or "\n" in value:
        raise LocalProtocolError("a header value of more than one line")
    return value.strip(" \t")
