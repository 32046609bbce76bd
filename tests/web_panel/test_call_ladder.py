"""The signalling of a call, as the panel's API gives it and as its page draws it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from tests.web_panel.house import House
from tests.web_panel.story import BEGIN, named
from web_panel.call_ladder import CallLadder, LadderDifference, LadderRow, LadderSide, LadderVerdict

CALL = named("call")
HOSTILE = "<img src=x onerror=alert(1)>"


def a_row(at: float, side: int, title: str, *, inward: bool = True, text: str = "", missing: int = 0) -> LadderRow:
    text = text or f"{title} sip:1002@example.com SIP/2.0\nCSeq: 1 INVITE"
    return LadderRow(
        at=at, side=side, inward=inward, title=title, text=text, again=at == 0.5, failed=False, missing=missing
    )


def a_ladder(
    call_id: UUID = CALL,
    *,
    name: str = "1001",
    difference: LadderDifference | None = None,
    live: bool = False,
    missing: int = 0,
    started_at: datetime = BEGIN,
) -> CallLadder:
    rows = (
        a_row(0.0, 0, "INVITE + SDP", text=f"INVITE sip:1002@example.com SIP/2.0\nSubject: {name}\nCSeq: 1 INVITE"),
        a_row(0.002, 0, "100 Trying (INVITE)", inward=False),
        a_row(0.004, 1, "INVITE + SDP", inward=False),
        a_row(0.5, 1, "INVITE + SDP", inward=False),
        a_row(0.61, 1, f"180 {name} (INVITE)"),
        a_row(0.62, 0, "180 Ringing (INVITE)", inward=False),
        a_row(3.1, 1, "200 OK (INVITE) + SDP"),
        a_row(3.11, 1, "ACK", inward=False),
        a_row(3.12, 0, "200 OK (INVITE) + SDP", inward=False, missing=missing),
        a_row(3.2, 0, "ACK"),
        a_row(61.0, 0, "BYE"),
        a_row(61.003, 0, "200 OK (BYE)", inward=False),
    )
    return CallLadder(
        call_id=call_id,
        started_at=started_at,
        live=live,
        sides=(
            LadderSide(leg_id="a", name=name, address="udp:192.0.2.11:5062", outbound=False),
            LadderSide(leg_id="b", name="1002", address="tls:192.0.2.12:40312#7", outbound=True),
        ),
        rows=rows,
        verdict=LadderVerdict(
            same=difference is None, checked=44, unchecked=3 if missing else 0, missing=missing, difference=difference
        ),
    )


async def test_a_supervisor_reads_every_message_and_the_verdict(house: House) -> None:
    house.traces.kept[CALL] = a_ladder(difference=LadderDifference(row=2, what="dialog", noted="a", replayed="b"))
    async with await house.signed_in("supervisor") as tab:
        answer = await tab.get(f"/api/calls/{CALL}/trace")
    ladder = answer.json()
    assert answer.status_code == 200
    assert [side["outbound"] for side in ladder["sides"]] == [False, True]
    assert ladder["rows"][0]["text"].endswith("CSeq: 1 INVITE")
    assert ladder["verdict"]["difference"]["row"] == 2
    assert answer.headers["cache-control"] == "no-store"


async def test_a_call_without_a_trace_is_not_found(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        assert (await tab.get(f"/api/calls/{CALL}/trace")).status_code == 404


@pytest.mark.parametrize("login", ["agent", "hall"])
async def test_others_are_refused_whether_there_is_a_trace_or_not(house: House, login: str) -> None:
    house.traces.kept[CALL] = a_ladder()
    async with await house.signed_in(login) as tab:
        for call in (CALL, named("another")):
            assert (await tab.get(f"/api/calls/{call}/trace")).status_code == 403
