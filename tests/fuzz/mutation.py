"""Spoils messages: one of them is a pure function of the seed, the number and the corpus.

Half of what is done knows the grammar (headers doubled, swapped, folded, numbers made absurd, bodies exchanged), half
does not (bits, bytes, slices).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

TOKENS = (
    b"\r\n", b"\r\n ", b"\r\n\r\n", b"\r", b"\n", b"\0", b'"', b"\\", b"<", b">", b";", b",", b":", b"@", b"%", b"%00",
    b"%zz", b"%0d%0a", b"=", b"?", b"*", b"[", b"]", b"[::1]", b" ", b"\t", b"\xff", b"\xd0\x87", b"\xe2\x80\xae",
    b"\xd9\xa1", b"\xef\xbb\xbf", b"\xc5\xbf", b"sip:", b"sips:", b"tel:+1", b"urn:x", b"SIP/2.0", b"z9hG4bK",
    b";tag=", b";lr", b"a=", b"m=audio 0 RTP/AVP 0\r\n", b"<a/>", b"&x;", b"--b\r\n",
)  # fmt: skip
NUMBERS = (
    b"0", b"-1", b"1", b"00000000000000000001", b"4294967295", b"4294967296", b"2147483648", b"99999999999999999999",
    b"9" * 300, b"1_000", b"1e3", b"0x10", b"+5", b" 5", b"5 ", b"3.5", b"NaN", "١٢".encode(), "²".encode(),
    "५".encode(), b"", b"65536", b"00",
)  # fmt: skip
VALUES = (
    b"", b"*", b",", b",,,,", b";;;;", b"<>", b"<sip:>", b"<sip:a@b", b"a@b", b"<sip:a@b>;tag=", b'"<sip:a@b>',
    b'"" <sip:a@b>',
    b"<sip:%41%00@h>", b"<sip:a@[::1]:99999>", b"<tel:1;x=y>", b"<sip:a@b?Replaces=x%3Bto-tag%3D1>", b"sip:a@b;x=\"<\"",
    b"SIP/2.0/UDP", b"SIP/2.0/UDP h;branch=", b"SIP / 2.0 / TCP [::]:0 ;branch=z9hG4bK", b"Digest", b'Digest a="',
    b"Basic eDp5", b"Digest realm=x,realm=y", b"0 INVITE", b"1", b"1 \xff", b"presence;id=", b"refer;id=\"", b"=",
    b"\xff\xfe",
    b"multipart/mixed;boundary=\"", b"multipart/mixed;boundary=b", b"application/sdp", b"application/pidf+xml",
    b"application/dtmf", b"message/sipfrag", b"timer, 100rel", b"gruu", b"x@y;to-tag=0;from-tag=0", b"1 1 INVITE",
    b"id;header;user;none;critical", b"terminated", b"SIP;cause=;text=\"", b"90;refresher=x",
    b"text/plain;charset=utf-7",
)  # fmt: skip
NAMES = (
    b"Via", b"v", b"From", b"f", b"To", b"t", b"Call-ID", b"i", b"CSeq", b"Contact", b"m", b"Max-Forwards", b"Expires",
    b"Route", b"Record-Route", b"Content-Length", b"l", b"Content-Type", b"c", b"Content-Encoding",
    b"Content-Disposition",
    b"Authorization", b"WWW-Authenticate", b"Proxy-Authenticate", b"Require", b"Proxy-Require", b"Supported", b"k",
    b"Event",
    b"o", b"Refer-To", b"r", b"Referred-By", b"b", b"Replaces", b"Session-Expires", b"x", b"Min-SE", b"RAck", b"RSeq",
    b"Reason", b"Privacy", b"P-Asserted-Identity", b"Diversion", b"History-Info", b"Accept", b"Allow", b"Path",
    b"SIP-If-Match", b"Subscription-State", b"Refer-Sub", b"Retry-After", b"Info-Package", b"Call-Info",
    b"Remote-Party-ID",
)  # fmt: skip
METHODS = (
    b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"INFO", b"UPDATE", b"PRACK", b"REFER", b"SUBSCRIBE",
    b"NOTIFY", b"MESSAGE", b"PUBLISH", b"invite", b"X", b"I\xd0\x87",
)  # fmt: skip
LONGEST = 65_507  # octets that a datagram may hold

Lines = list[bytes]
Spoil = Callable[["Mutator", random.Random, Lines, bytes], bytes | None]


class Mutator:
    """`corpus` must not be empty. `message(number)` is the same for the same seed and corpus."""

    def __init__(self, corpus: Sequence[bytes], seed: int = 1) -> None:
        self._corpus = corpus
        self._seed = seed

    def message(self, number: int) -> bytes:
        chance = random.Random(self._seed << 40 | number)
        return self.spoiled(chance.choice(self._corpus), chance)

    def spoiled(self, data: bytes, chance: random.Random) -> bytes:
        for _ in range(1 + int(chance.random() ** 3 * 6)):
            data = self._by_grammar(data, chance) if chance.random() < 0.55 else by_bytes(data, chance)
        return data[:LONGEST]

    def other(self, chance: random.Random) -> tuple[Lines, bytes]:
        return split(chance.choice(self._corpus))

    def _by_grammar(self, data: bytes, chance: random.Random) -> bytes:
        lines, body = split(data)
        changed = chance.choice(SPOILS)(self, chance, lines, body)
        return b"\r\n".join(lines) + b"\r\n\r\n" + (body if changed is None else changed)


def split(data: bytes) -> tuple[Lines, bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


# ---- what knows nothing --------------------------------------------------------------------------------------------


def by_bytes(data: bytes, chance: random.Random) -> bytes:
    spoiled = bytearray(data)
    at = chance.randrange(len(spoiled) + 1)
    match chance.randrange(7):
        case 0 if at < len(spoiled):
            spoiled[at] ^= 1 << chance.randrange(8)
        case 1:
            spoiled[at : at + chance.randrange(4)] = chance.choice(TOKENS)
        case 2:
            spoiled[at : at + chance.randrange(4)] = chance.choice(TOKENS) * chance.choice((2, 9, 70, 300))
        case 3:
            del spoiled[at : at + chance.randrange(1, 40)]
        case 4:
            spoiled[at:at] = spoiled[at : at + chance.randrange(1, 200)]
        case 5:
            spoiled[at : at + chance.randrange(9)] = chance.randbytes(chance.randrange(9))
        case _:
            del spoiled[at:]
    return bytes(spoiled)


# ---- what knows the grammar ------------------------------------------------------------------------------------------


def _a_header(chance: random.Random, lines: Lines) -> int:
    return chance.randrange(1, len(lines)) if len(lines) > 1 else 0


def _double(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    at = _a_header(chance, lines)
    lines[at:at] = [lines[at]] * chance.choice((1, 1, 2, 12, 80, 260))


def _drop(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    del lines[_a_header(chance, lines)]


def _reorder(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    rest = lines[1:]
    chance.shuffle(rest)
    lines[1:] = rest


def _rename(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    at = _a_header(chance, lines)
    name, colon, value = lines[at].partition(b":")
    name = chance.choice((chance.choice(NAMES), name.swapcase(), name + b" ", name + b"\t\t", b" " + name, name[:1]))
    lines[at] = name + colon + value


def _revalue(mutator: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    at = _a_header(chance, lines)
    name, _, value = lines[at].partition(b":")
    others = mutator.other(chance)[0]
    theirs = others[_a_header(chance, others)].partition(b":")[2]
    lines[at] = name + b": " + chance.choice((chance.choice(VALUES), theirs, value.swapcase()))


def _insert(mutator: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    others = mutator.other(chance)[0]
    value = chance.choice((chance.choice(VALUES), chance.choice(NUMBERS), others[_a_header(chance, others)]))
    lines.insert(_a_header(chance, lines) or 1, chance.choice(NAMES) + b": " + value)


def _multiply(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    at = _a_header(chance, lines)
    name, colon, value = lines[at].partition(b":")
    lines[at] = name + colon + chance.choice((b",", b", ", b";")).join([value] * chance.choice((2, 3, 11, 71, 300)))


def _fold(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    at = _a_header(chance, lines)
    place = chance.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:place] + chance.choice((b"\r\n ", b"\r\n\t", b"\r\n  \t ")) + lines[at][place:]


def _renumber(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    at = chance.randrange(len(lines))
    places = [place for place, octet in enumerate(lines[at]) if 48 <= octet <= 57]
    if places:
        place = chance.choice(places)
        end = place
        while lines[at][end : end + 1].isdigit():
            end += 1
        lines[at] = lines[at][:place] + chance.choice(NUMBERS) + lines[at][end:]


def _parameters(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    lines[_a_header(chance, lines)] += chance.choice(
        (
            b";x",
            b';x="a;b,c"',
            b";tag=",
            b";tag=2",
            b";=;=",
            b";lr",
            b";rport=x",
            b";received=[",
            b';q="',
            b";expires=-1",
        )
    ) * chance.choice((1, 1, 1, 2, 130))


def _method(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    method = chance.choice(METHODS)
    words = lines[0].split(b" ")
    before, words[0] = words[0], method
    lines[0] = b" ".join(words)
    if chance.random() < 0.8:
        lines[1:] = [line[: -len(before)] + method if line.lower().startswith(b"cseq") and before else line
                     for line in lines[1:]]  # fmt: skip


def _start_line(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    words = lines[0].split(b" ")
    words[chance.randrange(len(words))] = chance.choice((*VALUES, *NUMBERS, b"sip:" + b"a" * 9000, b"200", b"SIP/2.0"))
    lines[0] = b" ".join(words)


def _length(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> None:
    value = chance.choice((*NUMBERS, b"%d" % (len(body) + chance.randrange(-9, 9))))
    lines[1:] = [line for line in lines[1:] if not line.lower().startswith(b"content-length")] + [
        b"Content-Length: " + value
    ]


def _body(mutator: Mutator, chance: random.Random, lines: Lines, body: bytes) -> bytes:
    match chance.randrange(6):
        case 0:
            return b""
        case 1:
            return mutator.other(chance)[1]
        case 2:
            return body * chance.choice((2, 20, 100))
        case 3:
            return body + mutator.other(chance)[1]
        case 4:
            return b"<a>" * chance.choice((10, 5000)) + b"<!DOCTYPE a [<!ENTITY x 'y'>]>&x;"
        case _:
            return by_bytes(by_bytes(body, chance), chance)


def _body_lines(_: Mutator, chance: random.Random, lines: Lines, body: bytes) -> bytes:
    inner = body.split(b"\n")
    at = chance.randrange(len(inner))
    match chance.randrange(4):
        case 0:
            inner[at:at] = [inner[at]] * chance.choice((1, 5, 40, 400))
        case 1:
            del inner[at]
        case 2:
            words = inner[at].split(b" ")
            words[chance.randrange(len(words))] = chance.choice(NUMBERS)
            inner[at] = b" ".join(words)
        case _:
            chance.shuffle(inner)
    return b"\n".join(inner)


SPOILS: tuple[Spoil, ...] = (
    _double, _drop, _reorder, _rename, _revalue, _revalue, _insert, _insert, _multiply, _fold, _renumber, _renumber,
    _parameters, _method, _start_line, _length, _body, _body_lines, _body_lines,
)  # fmt: skip
