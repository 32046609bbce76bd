"""Spoiled STUN messages: each is read or is none, and an answer is never much longer than its question."""

from __future__ import annotations

import random
import struct
import zlib
from functools import lru_cache
from pathlib import Path

from pbx.net import stun
from tests.fuzz.mutation import by_bytes

DATA = Path(__file__).parents[1] / "data" / "stun"
HEADER = 20  # octets
GAIN = 80  # octets that an answer may be longer, so that nobody is worth flooding through us


@lru_cache(1)
def corpus() -> tuple[bytes, ...]:
    binding = stun.Message(stun.BINDING_REQUEST, bytes(range(12)), ((0x8022, b"phone"), (0x0006, b"user")))
    kept = [path.read_bytes() for path in sorted(DATA.glob("*.bin"))]
    return (*kept, binding.serialise(), binding.serialise(fingerprint=True))


def message(number: int, seed: int) -> bytes:
    """Most of them with a header that fits, and some with a fingerprint that is right, so that more is read."""
    chance = random.Random(seed << 40 | number)
    data = chance.choice(corpus())
    for _ in range(chance.randrange(1, 4)):
        data = by_bytes(data, chance)
    if chance.random() < 0.8:
        kind = chance.choice((stun.BINDING_REQUEST, stun.BINDING_REQUEST, chance.randrange(0x4000)))
        body = data[HEADER : HEADER + chance.choice((4, 64, 520)) // 4 * 4]
        body += bytes(-len(body) % 4)
        data = struct.pack("!HHI", kind, len(body), stun.MAGIC_COOKIE) + data[8:HEADER].ljust(12, b"x") + body
    if chance.random() < 0.3 and len(data) > HEADER + 8:
        data = data[:-8] + struct.pack("!HHI", stun.FINGERPRINT, 4, zlib.crc32(data[:-8]) ^ 0x5354554E)
    return data


def check(data: bytes) -> bool:
    """Whether there was an answer. Raises AssertionError, or whatever else escapes."""
    try:
        read = stun.Message.parse(data)
        assert len(read.serialise()) <= len(data)
    except stun.NotStun:
        assert stun.answer(data, "192.0.2.1", 5060) == b""
        return False
    answers = [stun.answer(data, host, 5060) for host in ("192.0.2.1", "2001:db8::1%eth0")]
    for answer in filter(None, answers):
        assert len(answer) <= len(data) + GAIN
        assert stun.Message.parse(answer).transaction == read.transaction
    return bool(answers[0])


def run(count: int, seed: int) -> int:
    """How many were answered."""
    return sum(check(message(number, seed)) for number in range(count))
