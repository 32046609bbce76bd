"""Two legs whose sessions were agreed upon apart, and who talk now: one is asked to speak the other's codec.

A re-INVITE (RFC 3261 §14) that the call does not need: unless it is agreed to, the session goes on as it
was, translated. A phone that asks for patience (491, Retry-After) gets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pbx.sip.offer_answer import G722, OPUS, PCMA, PCMU, SPEEX_WIDE, TELEPHONE_EVENT, Codec

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

G711 = (PCMA, PCMU)
WIDE = (OPUS, G722, SPEEX_WIDE)

Wish = tuple["Leg", tuple[Codec, ...]]
"""A leg, and what it is offered."""


def align(one: Leg, other: Leg) -> None:
    """Nothing where they need no translation, or where neither is known to speak what the other does."""
    if one.endpoint.aligns_codecs:
        _ask(wishes(one, other), one, other)


def wishes(one: Leg, other: Leg) -> Iterator[Wish]:
    """What to try, the better sound first. A leg whose other side has named the codec is offered that alone; one that
    has not is offered G.711, which nearly everybody has, and what it speaks."""
    pairs = [(one, other), (other, one)]
    pairs.sort(key=lambda pair: not _is_among(_spoken(pair[1]), WIDE))
    for leg, partner in pairs:
        wanted = _spoken(partner)
        if wanted is not None and leg.streams.has_named(wanted):
            yield leg, (wanted, TELEPHONE_EVENT)
    for leg, partner in pairs:
        wanted, spoken = _spoken(partner), _spoken(leg)
        if wanted is not None and spoken is not None and _is_among(wanted, G711) and not leg.streams.has_named(wanted):
            yield leg, (wanted, spoken, TELEPHONE_EVENT)


def _ask(left: Iterator[Wish], one: Leg, other: Leg) -> None:
    if are_alike(one, other) or one.held or other.held or one.is_over or other.is_over:
        return
    wish = next(left, None)
    if wish is not None:
        leg, codecs = wish
        leg.changes.prefer(codecs, lambda _: _ask(left, one, other))


def are_alike(one: Leg, other: Leg) -> bool:
    """Whether what one says can be relayed to the other."""
    spoken, partner = _spoken(one), _spoken(other)
    if spoken is None or partner is None:
        return True
    return spoken.is_same(partner) or (_is_among(spoken, G711) and _is_among(partner, G711))


def _spoken(leg: Leg) -> Codec | None:
    return leg.negotiated.codec if leg.negotiated is not None else None


def _is_among(codec: Codec | None, codecs: tuple[Codec, ...]) -> bool:
    return codec is not None and any(codec.is_same(one) for one in codecs)
