from __future__ import annotations

import asyncio
from typing import cast

import pytest

from dzvin.core_process import CoreProcess, StartFailed
from dzvin.plan import Plan
from tests.support.virtual_time import virtual_time


@virtual_time
async def test_a_core_that_is_never_ready_is_given_up_however_slowly_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails_slowly(*_: object) -> int:
        await asyncio.sleep(40)
        return 1

    monkeypatch.setattr(CoreProcess, "_live", fails_slowly)
    core = CoreProcess(cast(Plan, None), announce=lambda pid, ports: None)
    with pytest.raises(StartFailed):
        async with asyncio.timeout(600):
            await core.keep(lambda: "")
