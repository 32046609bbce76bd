"""Transfers as a phone asks for them: REFER, its NOTIFYs, and the Replaces header.

Written apart from `pbx.sip.refer` and `pbx.sip.replaces`, so that a fault there is not mirrored here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pbx.sip.message import Request
from tests.support.deadlines import DEADLINE, until
from tests.support.phone_call import Call


@dataclass(frozen=True, slots=True)
class Reference:
    """A REFER of a phone. `status`: of its answer. `is_first`: in its call; later ones are told apart by an id (RFC
    3515 §2.4.6)."""

    call: Call
    request: Request
    status: int
    is_first: bool

    @property
    def notifies(self) -> list[Request]:
        """What was told of it, each once, in the order in which it came."""
        by_cseq: dict[int, Request] = {}
        for entry in self.call.phone.log.received("NOTIFY", self.call.sip_call_id):
            notify = entry.message
            assert isinstance(notify, Request)
            if _is_of(notify, self.request, self.is_first):
                by_cseq.setdefault(notify.cseq.number, notify)
        return list(by_cseq.values())

    @property
    def told(self) -> list[int]:
        """The statuses."""
        return [_status(notify) for notify in self.notifies]

    @property
    def is_over(self) -> bool:
        states = [notify.headers.get("Subscription-State") or "" for notify in self.notifies]
        return any(state.startswith("terminated") for state in states)

    async def ended(self, seconds: float = DEADLINE) -> int:
        """The last status that was told: how the transfer went. Raises NotInTime."""
        await until(f"the end of the transfer is told; so far {self.told}", lambda: self.is_over, seconds)
        return self.told[-1]

    async def ringing(self, seconds: float = DEADLINE) -> None:
        await until(f"180 is told; so far {self.told}", lambda: 180 in self.told, seconds)


async def refer(
    call: Call,
    number: str,
    *,
    replaces: str = "",
    refer_to: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> Reference:
    """Ask the server to hand the other side on. `replaces`: see `replaces_of`. `refer_to`: in place of the header that
    is made of these."""
    phone = call.phone
    question = f"?Replaces={quote(replaces, safe='')}" if replaces else ""
    target = refer_to or f"<sip:{number}@{phone.domain}{question}>"
    request = call.in_dialog("REFER", headers=[("Refer-To", target), ("Referred-By", phone.contact), *headers])
    is_first = not phone.log.sent("REFER", call.sip_call_id)
    response = await phone.ask(request)
    return Reference(call, request, response.status, is_first)


def replaces_of(call: Call, *, swapped: bool = False, early_only: bool = False) -> str:
    """The value that names that call's dialog to its other side (RFC 3891 §3: to-tag is the reader's own). `swapped`:
    as many phones have it."""
    theirs, ours = call.remote_tag, call.local_tag
    if swapped:
        theirs, ours = ours, theirs
    flag = ";early-only" if early_only else ""
    return f"{call.sip_call_id};to-tag={theirs};from-tag={ours}{flag}"


def _is_of(notify: Request, refer: Request, is_first: bool) -> bool:
    package, _, rest = (notify.headers.get("Event") or "").partition(";")
    number = re.search(r"\bid=(\d+)", rest)
    return package.strip() == "refer" and (is_first if number is None else int(number[1]) == refer.cseq.number)


def _status(notify: Request) -> int:
    assert (notify.headers.get("Content-Type") or "").startswith("message/sipfrag")
    line = re.match(rb"SIP/2\.0 (\d{3}) [^\r\n]+\r\n", notify.body)
    assert line, notify.body
    return int(line[1])
