"""Digits of foreign phones, both ways that there are, and digits towards them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from tests.interop.capabilities import Capability, Digits
from tests.interop.meeting import Kind, Meeting, Talk, tries
from tests.support.deadlines import LOOK_AGAIN, deadline
from tests.support.phone_call import Call

PRESSED = "159*#0"


async def arrive(heard: Callable[[], list[str]]) -> None:
    async with deadline(lambda: f"{PRESSED} came; {heard()}"):
        while "".join(heard()) != PRESSED:
            await asyncio.sleep(LOOK_AGAIN)


async def press(talk: Talk) -> None:
    """The product hands digits on in the way that the other phone agreed to."""
    await talk.theirs.press(PRESSED)
    await arrive(lambda: talk.ours.audio.digits or informed(talk.ours))


def informed(call: Call) -> list[str]:
    """The digits of the INFOs that this phone of ours got, each once."""
    requests = {entry.message.cseq.number: entry.message for entry in call.phone.log.received("INFO", call.sip_call_id)}
    bodies = [requests[number].body.decode() for number in sorted(requests)]
    return [found[1] for body in bodies if (found := re.search(r"^Signal=(.)\r$", body, re.MULTILINE))]


@tries(Capability.SENDS_EVENTS)
@pytest.mark.req("R-PHONE-16", "R-PHONE-18")
async def test_its_digits_arrive_by_rfc_4733(meeting: Meeting, kind: Kind) -> None:
    await press(await meeting.talk(kind, digits=Digits.EVENTS))


@tries(Capability.SENDS_INFO)
@pytest.mark.req("R-PHONE-16", "R-PHONE-17")
async def test_its_digits_arrive_by_info(meeting: Meeting, kind: Kind) -> None:
    await press(await meeting.talk(kind, digits=Digits.INFO))


@tries(Capability.HEARS_DIGITS)
@pytest.mark.req("R-PHONE-16")
async def test_it_hears_digits(meeting: Meeting, kind: Kind) -> None:
    talk = await meeting.talk(kind)
    await talk.ours.audio.press(PRESSED)
    await arrive(lambda: talk.theirs.digits)
