"""Streams of spoiled messages, cut anywhere: the framer gives whole messages, or ends the connection.

For each stream the pieces come in two different ways, and what comes out must be the same; what is held is bounded.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from pbx.net.framing import MAX_MESSAGE, Framed, Framer
from pbx.sip.errors import RemoteProtocolError
from tests.fuzz.corpus import seeds
from tests.fuzz.mutation import NUMBERS, Mutator, split
from tests.pbx.sip import invariant

LENGTHS = (b"Content-Length", b"content-length", b"l", b"L", b"Content-Length ", b"X-Content-Length", b"Content-Lengt")
ENDED = "the connection ends"

Seen = list[Framed | str]


def run(count: int, seed: int) -> int:
    """How many messages came out of so many streams. Raises AssertionError."""
    mutator, whole = Mutator(seeds(), seed), 0
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        data = b"".join(pieces(mutator, chance))
        at_once, in_pieces = _framed([data]), _framed(list(cut(data, chance)))
        assert at_once == in_pieces, f"stream {number} of seed {seed}: it matters where it is cut"
        for framed in at_once:
            if isinstance(framed, bytes):
                whole += 1
                invariant.check_message(framed)
    return whole


def pieces(mutator: Mutator, chance: random.Random) -> Iterator[bytes]:
    for _ in range(chance.randrange(1, 6)):
        data = mutator.message(chance.randrange(1 << 30))
        if chance.random() < 0.8:
            data = _with_length(data, chance)
        yield chance.choice((b"", b"", b"\r\n", b"\r\n\r\n", b"\r\n" * 5, b"\r")) + data


def _with_length(data: bytes, chance: random.Random) -> bytes:
    lines, body = split(data)
    kept = [line for line in lines if not line.lower().startswith((b"content-length", b"l:"))]
    right = b"%d" % len(body)
    value = right if chance.random() < 0.7 else chance.choice((*NUMBERS, b"%d" % (len(body) + chance.randrange(-5, 5))))
    for _ in range(chance.choice((1, 1, 1, 1, 2))):
        kept.insert(chance.randrange(len(kept)) + 1, chance.choice(LENGTHS) + b": " + value)
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


def cut(data: bytes, chance: random.Random) -> Iterator[bytes]:
    longest = chance.choice((1, 3, 50, 1500))
    if longest < 50 and len(data) > 20_000:
        longest = 50  # a piece for each octet of a long stream only takes time
    position = 0
    while position < len(data):
        size = chance.randrange(1, longest + 1)
        yield data[position : position + size]
        position += size


def _framed(pieces: list[bytes]) -> Seen:
    framer, seen = Framer(), Seen()
    for piece in pieces:
        framer.feed(piece)
        try:
            seen += framer
        except RemoteProtocolError:
            seen.append(ENDED)
            return seen
        assert len(framer._buffer) <= MAX_MESSAGE + len(piece), "more is held than one message"
    return seen
