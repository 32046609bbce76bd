"""Every tenth packet is lost, some come twice, some late: calls still come up, and nobody is rung twice for one."""

from __future__ import annotations

import asyncpg
import pytest

from tests.scenarios.company import Company
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.network import Weather
from tests.support.phone import FakePhone
from tests.support.server import Server

PATIENT = 60.0  # seconds: retransmissions need their time


@pytest.fixture
def settles_within() -> float:
    """A BYE whose answer was lost is sent again to a phone that is gone, until timer F: 64*T1."""
    return 45.0


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_calls_complete_with_ten_percent_loss(company: Company, seed: int) -> None:
    weather = [Weather(seed=10 * seed + side, lost=0.1, doubled=0.05, jitter=0.03) for side in range(2)]
    anna = await company.phone("1001", weather=weather[0])
    boris = await company.phone("1002", weather=weather[1])
    for _ in range(2):
        rung = boris.log.times_rung
        call = await anna.dial("1002")
        incoming = await boris.rings(PATIENT)
        incoming.ring()
        incoming.take()
        await call.answered(PATIENT)
        call.audio.play(440)
        incoming.audio.play(1000)
        assert tones.level((await call.audio.listen(1.0))[4000:], 1000) > -6
        assert tones.level((await incoming.audio.listen(1.0))[4000:], 440) > -6
        await call.hang_up()
        await incoming.ended(PATIENT)
        assert boris.log.times_rung == rung + 1
    assert sum(one.dropped for one in weather) > 0


@pytest.mark.parametrize("seed", [5, 6, 7])
async def test_no_phone_is_rung_twice_for_one_call_and_each_call_ends_once(
    company: Company, server: Server, seed: int
) -> None:
    """Every seventh datagram lost, as many doubled, and delays that change their order: a call that is answered, one
    that is refused and one that is given up."""
    weather = [Weather(seed=100 * seed + side, lost=0.15, doubled=0.15, jitter=0.2) for side in range(3)]
    anna, boris, viktor = [
        await company.phone(extension, weather=each)
        for extension, each in zip(("1001", "1002", "1003"), weather, strict=True)
    ]
    async with server.database() as conn:
        await server.settled()
        before = await conn.fetchval("SELECT coalesce(max(seq), 0) FROM ledger")
        await _answered(anna, boris)
        await _refused(anna, viktor)
        await _given_up(anna, boris)
        assert (boris.log.times_rung, viktor.log.times_rung) == (2, 1)
        told = await eventually("every call has ended", lambda: _told(conn, before), _all_ended, PATIENT)
        await server.settled()
        assert await _told(conn, before) == told
    assert [(row["rung"], row["ended"]) for row in told] == [(1, 1)] * 3
    assert min(each.dropped for each in weather) > 0


async def _answered(caller: FakePhone, callee: FakePhone) -> None:
    call = await caller.dial(callee.user)
    incoming = await callee.rings(PATIENT)
    incoming.ring()
    incoming.take()
    await call.answered(PATIENT)
    await call.hang_up()
    await incoming.ended(PATIENT)


async def _refused(caller: FakePhone, callee: FakePhone) -> None:
    call = await caller.dial(callee.user)
    incoming = await callee.rings(PATIENT)
    await incoming.refuse(486)
    assert await call.refused(PATIENT) == 486


async def _given_up(caller: FakePhone, callee: FakePhone) -> None:
    call = await caller.dial(callee.user)
    incoming = await callee.rings(PATIENT)
    incoming.ring()
    await call.send_cancel()
    assert await call.refused(PATIENT) == 487
    await incoming.released(PATIENT)


async def _told(conn: asyncpg.Connection, after: int) -> list[asyncpg.Record]:
    """Of each call since then: how many offers and ends the ledger has."""
    rows: list[asyncpg.Record] = await conn.fetch(
        "SELECT call_id, count(*) FILTER (WHERE kind = 'CallOffered') AS rung,"
        " count(*) FILTER (WHERE kind = 'CallEnded') AS ended"
        " FROM ledger WHERE seq > $1 AND call_id IS NOT NULL GROUP BY call_id ORDER BY min(seq)",
        after,
    )
    return rows


def _all_ended(told: list[asyncpg.Record]) -> bool:
    return len(told) == 3 and all(row["ended"] for row in told)
