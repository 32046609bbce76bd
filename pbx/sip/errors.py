"""The two families of fault, after h11: who broke the rule decides who is told.

SipError
├── LocalProtocolError    we broke a rule: a bug of ours, raised loudly
└── RemoteProtocolError   the peer broke a rule: answer `status`, or say nothing when it is None
    └── NotAcceptable     the peer's session description cannot be agreed upon: 488 (see offer_answer)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pbx.sip.message import Request


class SipError(Exception):
    """Anything this package raises on purpose."""


class LocalProtocolError(SipError):
    """Our own code asked for something that SIP forbids."""


class RemoteProtocolError(SipError):
    """The peer's bytes, or their order, break a rule.

    status: the answer that the rule asks for; None means discard in silence.
    headers: what the answer must carry (Min-Expires with a 423, Retry-After with a 500).
    request: the offending request as far as it could be read, so that it can be answered; None when it is
        not worth or not safe to answer. `reply.refusal` turns all of this into a response.
    """

    def __init__(
        self,
        reason: str,
        status: int | None = 400,
        *,
        headers: Iterable[tuple[str, str]] = (),
        request: Request | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.headers = tuple(headers)
        self.request = request
