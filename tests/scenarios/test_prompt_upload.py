"""A tone that a supervisor uploads is what the next caller hears."""

from __future__ import annotations

from tests.scenarios.company import HEARD, MENU, Company, heard
from tests.support import tones
from tests.support.server import Server
from tests.support.sounds import sound_file

TONE = 700


async def test_the_next_caller_hears_what_was_uploaded_and_the_one_after_what_was_shipped(
    company: Company, server: Server
) -> None:
    caller = await company.phone("1001")
    async with server.sign_in("supervisor") as panel:
        sound = sound_file("opus", tones.tone(TONE, 5.0))
        (await panel.client.put("/api/prompts/menu?language=uk", content=sound)).raise_for_status()
        try:
            call = await caller.dial(MENU)
            await call.answered()
            assert tones.level(await heard(call), TONE) > HEARD
            await call.hang_up()
        finally:
            await panel.ask("DELETE", "/api/prompts/menu?language=uk")
        call = await caller.dial(MENU)
        await call.answered()
        speech = await heard(call)
        assert tones.level(speech, TONE) < HEARD and tones.loudness(speech) > 100, "speech is no tone"
        await call.hang_up()
