"""The PIN of a conference, asked from whoever dials its number. Keys are read as they come, in the sound or by INFO.

Who guesses gets three tries in a call, a second and a prompt apart; each call more is one more in the ledger.
"""

from __future__ import annotations

import asyncio
import hmac

from callflow.ports import Prompts
from callflow.waiting import first_of
from pbx.leg import Leg

TRIES = 3
PATIENCE = 10.0  # seconds for each key
PAUSE = 1.0  # after a wrong one
DONE = "#"  # pressed behind a PIN, or not
ASK, WRONG = "conference_pin", "conference_wrong_pin"
LONGEST_PROMPT = 15.0


async def knows_pin(leg: Leg, pin: str, prompts: Prompts) -> bool:
    """False: they do not, or have gone."""
    for _ in range(TRIES):
        keys = await _keys(leg, len(pin), prompts)
        if keys is None or leg.is_over:
            return False
        if hmac.compare_digest(keys.encode(), pin.encode()):
            return True
        await first_of(leg.ended, timeout=PAUSE)
        await _play(leg, WRONG, prompts)
    return False


async def _keys(leg: Leg, length: int, prompts: Prompts) -> str | None:
    """The next `length` keys, or fewer and `#`. None: they press nothing, or have gone. A key ends the prompt."""
    while not leg.digits.empty():
        leg.digits.get_nowait()
    prompt = prompts.path(ASK)
    if prompt is not None and leg.media is not None:
        leg.media.play([str(prompt)])
    keys = ""
    while len(keys) < length:
        pressed = asyncio.create_task(leg.digits.get())
        try:
            await first_of(pressed, leg.ended, timeout=PATIENCE if keys else PATIENCE + LONGEST_PROMPT)
        finally:
            pressed.cancel()
        if not pressed.done() or leg.is_over:
            return None
        if not keys and leg.media is not None:
            leg.media.stop_playing()
        if pressed.result() == DONE:
            break
        keys += pressed.result()
    return keys


async def _play(leg: Leg, name: str, prompts: Prompts) -> None:
    prompt = prompts.path(name)
    if prompt is not None and leg.media is not None and not leg.is_over:
        await first_of(leg.media.play([str(prompt)]).ended, leg.ended, timeout=LONGEST_PROMPT)
