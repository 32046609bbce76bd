"""The demo's people in front of the real product: they register, call, answer, miss, and leave nothing behind."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from dzvin.config import load
from dzvin.demo import Manners, Town
from pbx.net.transport import Flow
from tests.scenarios.company import Company
from tests.support.deadlines import eventually
from tests.support.server import Server

LIVELY = Manners(
    between_customers=0.4, between_colleagues=1.5, answers=0.6, declines=0.1, rings=(0.1, 0.4), talks=(0.5, 1.5),
    patience=(1.0, 2.0), listens=(0.2, 0.5),
)  # fmt: skip


@pytest.mark.req("R-CALL-04", "R-PHONE-08")
async def test_the_panel_lives(company: Company, server: Server) -> None:
    config = load(server.data / "config.toml", {})
    host, port = server.sip
    async with server.sign_in("supervisor") as panel:
        known = {row["id"] for row in await panel.events()}
        town = asyncio.ensure_future(Town(config, Flow("UDP", host, port), random.Random(5), LIVELY).run())
        try:

            async def kinds() -> set[str]:
                return {str(row["type"]) for row in await panel.events() if row["id"] not in known and row["ended_at"]}

            await eventually("calls taken and missed", kinds, {"incoming_call", "missed_incoming_call"}.issubset, 30)

            async def sound() -> list[str]:
                rows = await panel.events()
                return [str(row["recording_id"]) for row in rows if row["id"] not in known and row["recording_id"]]

            recordings = await eventually("something was recorded", sound, seconds=30)
            assert any(await panel.recording(recordings[0]))
        finally:
            town.cancel()
            with suppress(asyncio.CancelledError):
                await town
