"""What single headers say, read from their lines (RFC 3261 §20). Each may raise RemoteProtocolError, and only that."""

from __future__ import annotations

import re
from typing import NamedTuple

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.uri import NameAddr
from pbx.sip.via import MAX_VIAS, Via

MAX_CONTACTS = 10
MAX_TOKENS = 256

_CSEQ = re.compile(rf"([0-9]++)[ \t]++({lexical.TOKEN.pattern})")


class CSeq(NamedTuple):
    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def top_via(values: list[str]) -> Via:
    if not values:
        raise RemoteProtocolError("no Via")
    items = lexical.split_list(values[0])
    return Via.parse(items[0] if items else "")


def media_ranges(values: list[str]) -> frozenset[str] | None:
    if not values:
        return None
    ranges = lexical.elements(values, MAX_TOKENS, "media ranges")
    return frozenset(item.partition(";")[0].strip().lower() for item in ranges)


def one_address(values: list[str]) -> NameAddr:
    if not values:
        raise RemoteProtocolError("a missing address")
    address = NameAddr.parse(values[0])
    if address.parameters.get("tag", "absent") in (None, ""):
        raise RemoteProtocolError("a tag without a value")
    # The answer carries one parameter more: our tag.
    if address.tag is None and values[0].count(";") >= lexical.MAX_PARAMETERS:
        raise RemoteProtocolError("as many parameters as there may be, and no tag")
    return address


def cseq(values: list[str]) -> CSeq:
    match = _CSEQ.fullmatch(values[0]) if values else None
    if not match:
        raise RemoteProtocolError("not a CSeq")
    # §8.1.1.5: "The sequence number value … MUST be less than 2**31."
    return CSeq(lexical.integer(match[1], 2**31 - 1, "CSeq"), match[2])


def max_forwards(values: list[str]) -> int | None:
    return lexical.integer(values[0], 255, "Max-Forwards") if values else None


def expires(values: list[str]) -> int | None:
    return lexical.integer(values[0], 2**32 - 1, "Expires") if values else None


def contacts(values: list[str]) -> list[NameAddr]:
    return [NameAddr.parse(item) for item in lexical.elements(values, MAX_CONTACTS, "contacts") if item != "*"]


def addresses(values: list[str]) -> list[NameAddr]:
    return [NameAddr.parse(item) for item in lexical.elements(values, MAX_VIAS, "routes")]


def tokens(values: list[str]) -> frozenset[str]:
    return frozenset(item.lower() for item in lexical.elements(values, MAX_TOKENS, "option tags"))
