"""A menu: a prompt, a digit, a choice. A digit pressed during the prompt cuts it (barge-in)."""

from __future__ import annotations

import asyncio

from callflow.ports import Prompts
from callflow.router import MenuPlan
from callflow.waiting import first_of
from pbx.leg import Leg


async def play_menu(leg: Leg, menu: MenuPlan, prompts: Prompts) -> str | None:
    """The number behind the digit that was pressed; None when the caller left or never chose."""
    for _ in range(menu.attempts):
        digit = await _ask(leg, menu, prompts)
        if leg.is_over:
            return None
        if digit is not None and digit in menu.keys:
            return menu.keys[digit]
    return None


async def _ask(leg: Leg, menu: MenuPlan, prompts: Prompts) -> str | None:
    assert leg.media is not None
    prompt = prompts.path(menu.prompt)
    pressed: asyncio.Task[str] = asyncio.create_task(leg.digits.get())
    try:
        if prompt is not None:
            playback = leg.media.play([str(prompt)])
            await first_of(pressed, leg.ended, playback.ended)
        if not pressed.done() and not leg.is_over:
            await first_of(pressed, leg.ended, timeout=menu.timeout)
        leg.media.stop_playing()
        return pressed.result() if pressed.done() else None
    finally:
        pressed.cancel()
