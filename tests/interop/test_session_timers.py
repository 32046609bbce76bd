"""Session timers (RFC 4028): a foreign phone and the product agree on one, and refresh it in time."""

from __future__ import annotations

import pytest

from pbx.sip.message import Response
from tests.interop.capabilities import Capability, Transport
from tests.interop.meeting import Kind, Meeting, Talk, hear_each_other, tries
from tests.support.deadlines import until
from tests.support.message_log import MessageLog

SESSION = 90  # seconds: what the phones ask for, and the least that there may be
REFRESHED_WITHIN = 80  # RFC 4028 §10: at half the time, and well before a third of it is left


async def talk_with_timer(meeting: Meeting, kind: Kind) -> tuple[Talk, MessageLog]:
    """The log: what the phone says and hears."""
    wire = meeting.wire() if kind.TRANSPORT is Transport.UDP else None
    talk = await meeting.talk(kind, server=wire.address if wire else None)
    log = wire.log if wire else talk.phone.log
    assert log is not None
    answer = log.received("200 INVITE")[-1].message
    assert isinstance(answer, Response)
    assert (answer.headers.get("Session-Expires") or "").replace(" ", "").startswith(f"{SESSION};refresher=")
    return talk, log


@tries(Capability.AGREES_TIMER)
async def test_it_agrees_on_a_session_timer(meeting: Meeting, kind: Kind) -> None:
    talk, _ = await talk_with_timer(meeting, kind)
    await talk.theirs.hang_up()
    await talk.ours.ended()


@tries(Capability.REFRESHES)
@pytest.mark.minutes
async def test_it_refreshes_the_session_and_the_call_goes_on(meeting: Meeting, kind: Kind) -> None:
    talk, log = await talk_with_timer(meeting, kind)
    await until("a refresh is answered", lambda: refreshes(log), REFRESHED_WITHIN)
    await hear_each_other(talk)
    assert not talk.ours.is_over
    await talk.theirs.hang_up()
    await talk.ours.ended()


def refreshes(log: MessageLog) -> int:
    """How many successes there were to UPDATEs and re-INVITEs of either side."""
    both = log.received("200 UPDATE") + log.sent("200 UPDATE") + log.sent("200 INVITE")
    return len(both) + max(0, len({entry.message.cseq.number for entry in log.received("200 INVITE")}) - 1)
