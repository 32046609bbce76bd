"""The worker process over its real socket: what a core does with it in a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from pbx.media.client import Digit, MediaLeg, MediaPool, MediaStarted
from tests.pbx.media.rig import HOST, Phone
from tests.pbx.media.tones import frames, level, tone
from tests.pbx.media.workers import Heard, joined, paced, worker_process


def call_id() -> UUID:
    return uuid7()


async def two_legs(pool: MediaPool) -> tuple[MediaLeg, MediaLeg]:
    call = call_id()
    first = await pool.open(call_id=call, address=HOST, cookie=b"first")
    second = await pool.open(call_id=call, address=HOST, near=first)
    return first, second


async def test_two_phones_hear_each_other_through_a_worker(
    tmp_path: Path, kind: str, new_phone: Callable[..., Phone]
) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right = await two_legs(pool)
        alice, bob = new_phone(), new_phone()
        heard = Heard(left)
        await joined(pool, left, alice)
        await joined(pool, right, bob)
        left.bridge(right)
        assert await left.report() is not None
        await paced([(alice, frames(tone(440, 0.5))), (bob, frames(tone(1000, 0.5)))])
        alice.press("7")
        (digit,) = await heard.wait(Digit)
        assert (digit.digit, digit.milliseconds) == ("7", 100)
        await heard.wait(MediaStarted)
        assert level(bob.sound(), 440) > 6000
        assert level(alice.sound(), 1000) > 6000
        statistics = await left.close()
        assert statistics is not None
        assert (statistics.received, statistics.lost, statistics.digits) == (32, 0, 1)
        await right.close()
