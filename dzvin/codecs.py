"""Which codecs this installation speaks: those of `[media] codecs` whose library is on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import structlog

from dzvin.config_shape import CODECS, CodecChoice
from pbx.media.codec_libraries import why_not
from pbx.media.engine_numbers import ALAW, G722, GSM, OPUS, SPEEX, SPEEX_WIDE, ULAW
from pbx.sip import offer_answer
from pbx.sip.offer_answer import TELEPHONE_EVENT, Codec

log = structlog.get_logger(__name__)

CHOICES: dict[CodecChoice, tuple[tuple[int, Codec], ...]] = {
    "pcma": ((ALAW, offer_answer.PCMA),),
    "pcmu": ((ULAW, offer_answer.PCMU),),
    "g722": ((G722, offer_answer.G722),),
    "opus": ((OPUS, offer_answer.OPUS),),
    "gsm": ((GSM, offer_answer.GSM),),
    "speex": ((SPEEX_WIDE, offer_answer.SPEEX_WIDE), (SPEEX, offer_answer.SPEEX)),
}


def spoken(names: Iterable[CodecChoice]) -> tuple[Codec, ...]:
    """What offers and answers name, in this order of preference. What does not load is left out, and logged."""
    found: list[Codec] = []
    for name in names:
        if (reason := missing(name)) is not None:
            log.warning("codec is not offered", codec=name, reason=reason)
            continue
        found += (codec for _, codec in CHOICES[name])
    return (*found, TELEPHONE_EVENT)


def missing(name: CodecChoice) -> str | None:
    """Why this codec cannot be had here; None when it can."""
    reasons = (why_not(number) for number, _ in CHOICES[name])
    return next((reason for reason in reasons if reason is not None), None)


def report(names: Sequence[CodecChoice]) -> Iterator[str]:
    """A line a codec: those that are offered, in their order, then the others and why they are not."""
    for name in (*names, *(other for other in CODECS if other not in names)):
        rtpmaps = ", ".join(codec.rtpmap.partition(" ")[2] for _, codec in CHOICES[name])
        reason = missing(name)
        if reason is not None:
            state = f"not offered: {reason}"
        elif name not in names:
            state = "not offered: not in [media] codecs"
        else:
            state = "offered"
        yield f"{name:6}{rtpmaps:27}{state}"
