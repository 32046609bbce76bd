"""Session descriptions: RFC 8866, read with tolerance and written strictly.

Lines are kept as they came, known or not; what this program needs of them is read on demand. What the lines mean in
an offer or an answer is in `offer_answer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise

from pbx.sip import lexical
from pbx.sip.errors import LocalProtocolError, RemoteProtocolError

MAX_MEDIA = 16
MAX_LINES = 1024
MAX_FORMATS = 128  # as many as there are payload types
MAX_LENGTH = 65536
CONTENT_TYPE = "application/sdp"

Line = tuple[str, str]


class Direction(Enum):
    """Who sends, seen from the side whose description says it (RFC 3264 §5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @property
    def reversed(self) -> Direction:
        """The same, seen from the other side."""
        return direction_of(sends=self.receives, receives=self.sends)

    def __and__(self, other: Direction) -> Direction:
        """What both allow."""
        return direction_of(sends=self.sends and other.sends, receives=self.receives and other.receives)


def direction_of(*, sends: bool, receives: bool) -> Direction:
    if sends:
        return Direction.SENDRECV if receives else Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The o= line (§5.2). session_id and version are numbers, too large for some to count with: kept as they came."""

    username: str = "-"
    session_id: str
    version: str
    network: str = "IN"
    family: str = "IP4"
    address: str

    @classmethod
    def parse(cls, text: str) -> Origin:
        fields = text.split()
        if len(fields) != 6:
            raise RemoteProtocolError("an o= line without six fields")
        username, session_id, version, network, family, address = fields
        return cls(
            username=username,
            session_id=session_id,
            version=version,
            network=network,
            family=family,
            address=address,
        )

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} {self.network} {self.family} {self.address}"


class _Section:
    """Attributes and connection, which a session and each of its media may have."""

    __slots__ = ()
    lines: tuple[Line, ...]
    _named: Mapping[str, Sequence[str]] | None

    def attributes(self, name: str) -> Sequence[str]:
        """The values of every a=name:value line; "" for a flag."""
        if self._named is None:
            object.__setattr__(self, "_named", _attributes(self.lines))
            assert self._named is not None
        return self._named.get(name, ())

    def attribute(self, name: str) -> str | None:
        values = self.attributes(name)
        return values[0] if values else None

    @property
    def connection(self) -> str | None:
        """The address of the c= line, IPv4, IPv6 or a name; without TTL and count."""
        for kind, value in self.lines:
            if kind == "c":
                fields = value.split()
                if len(fields) != 3 or fields[0].upper() != "IN" or fields[1].upper() not in ("IP4", "IP6"):
                    raise RemoteProtocolError("a c= line that is not IN IP4 or IP6")
                return fields[2].partition("/")[0]
        return None

    @property
    def stated_direction(self) -> Direction | None:
        for kind, value in self.lines:
            if kind == "a" and value.strip().lower() in _DIRECTIONS:
                return Direction(value.strip().lower())
        return None


def _attributes(lines: Iterable[Line]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for kind, value in lines:
        if kind == "a":
            key, _, rest = value.partition(":")
            named.setdefault(key.strip().lower(), []).append(rest.strip())
    return named


_DIRECTIONS = frozenset(direction.value for direction in Direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaDescription(_Section):
    """An m= line and the lines below it."""

    media: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    _named: Mapping[str, Sequence[str]] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, lines: Iterable[Line] = ()) -> MediaDescription:
        fields = text.split()
        if not 4 <= len(fields) <= 3 + MAX_FORMATS:
            raise RemoteProtocolError("an m= line without formats, or with more than 128")
        port = lexical.integer(fields[1].partition("/")[0], 65535, "media port")
        return cls(
            media=fields[0].lower(),
            port=port,
            protocol=fields[2].upper(),
            formats=tuple(fields[3:]),
            lines=tuple(lines),
        )

    def serialised(self) -> Iterator[str]:
        yield f"m={self.media} {self.port} {self.protocol} {' '.join(self.formats)}"
        yield from (f"{kind}={value}" for kind, value in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdp(_Section):
    """A session description. lines: the session's own, without v= and o=."""

    origin: Origin
    lines: tuple[Line, ...] = (("s", "-"), ("t", "0 0"))
    media: tuple[MediaDescription, ...] = ()
    _named: Mapping[str, Sequence[str]] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, body: bytes) -> Sdp:
        """Raises RemoteProtocolError. Bare LF line ends, missing s= and t= and white space at line ends are fine."""
        if len(body) > MAX_LENGTH:
            raise RemoteProtocolError("a session description longer than 64 KiB")
        texts = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n", MAX_LINES)
        if len(texts) > MAX_LINES:
            raise RemoteProtocolError("a session description of more than 1024 lines")
        lines = [_line(text) for text in texts if text.strip()]
        if not lines or lines[0] != ("v", "0"):
            raise RemoteProtocolError("not a session description")
        origins = [value for kind, value in lines if kind == "o"]
        if len(origins) != 1:
            raise RemoteProtocolError("not one o= line")
        starts = [at for at, (kind, _) in enumerate(lines) if kind == "m"]
        if len(starts) > MAX_MEDIA:
            raise RemoteProtocolError("more than 16 m= lines")
        session = lines[1 : starts[0]] if starts else lines[1:]
        return cls(
            origin=Origin.parse(origins[0]),
            lines=tuple(line for line in session if line[0] != "o"),
            media=tuple(
                MediaDescription.parse(lines[start][1], lines[start + 1 : end])
                for start, end in pairwise([*starts, len(lines)])
            ),
        )

    def serialise(self) -> bytes:
        """Raises LocalProtocolError for text that would break out of its line."""
        texts = ["v=0", f"o={self.origin}", *(f"{kind}={value}" for kind, value in self.lines)]
        for media in self.media:
            texts.extend(media.serialised())
        if any("\r" in text or "\n" in text for text in texts):
            raise LocalProtocolError("a line of a session description with a line end inside")
        return "\r\n".join([*texts, ""]).encode("utf-8", "surrogateescape")

    def connection_of(self, media: MediaDescription) -> str | None:
        """§5.7: a media description's own c= line wins over the session's."""
        return media.connection or self.connection

    def direction_of(self, media: MediaDescription) -> Direction:
        """RFC 3264 §5.1, RFC 8866 §6.7: the media level wins; sendrecv is what silence means."""
        return media.stated_direction or self.stated_direction or Direction.SENDRECV


def _line(text: str) -> Line:
    kind, equals, value = text.strip(" \t\r").partition("=")
    if not equals or len(kind) != 1 or not kind.isascii() or not kind.isalpha() or "\r" in value:
        raise RemoteProtocolError("a line that is not type=value")
    return kind, value


def succeeding(previous: Sdp, new: Sdp) -> Sdp:
    """The new description with the o= line that it must have after the previous one (RFC 3264 §8).

    "the "o=" line of the new SDP MUST be identical to that in the previous SDP, except that the version in the origin
    field MUST increment by one from the previous SDP. If the version in the origin line does not increment, the SDP
    MUST be identical to the SDP with that version number."
    """
    same = replace(new, origin=previous.origin)
    if same == previous:
        return previous
    if not (previous.origin.version.isascii() and previous.origin.version.isdigit()):
        raise LocalProtocolError("an o= line that we did not write")
    return replace(new, origin=replace(previous.origin, version=str(int(previous.origin.version) + 1)))


def is_unchanged(previous: Sdp, received: Sdp) -> bool:
    """Whether the peer sent its last description again (a session refresh): same session, same version."""
    return (previous.origin.session_id, previous.origin.version) == (
        received.origin.session_id,
        received.origin.version,
    )
