"""Every tenth packet is lost, some come twice, some late: calls still come up, and nobody is rung twice for one."""

from __future__ import annotations

import pytest

from tests.scenarios.company import Company
from tests.support import tones
from tests.support.network import Weather

PATIENT = 60.0  # seconds: retransmissions need their time


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
