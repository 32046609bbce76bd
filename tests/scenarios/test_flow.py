"""A flow that somebody publishes in the panel, and the next caller meets."""

from __future__ import annotations

from typing import Any

from tests.scenarios.company import HEARD, Company, hear_each_other, heard
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.phone_call import Call
from tests.support.server import Server

FLOW: dict[str, Any] = {
    "start": "fee",
    "nodes": {
        "fee": {"verb": "say", "what": "amount", "value": "22.50", "next": "menu"},
        "menu": {"verb": "menu", "prompts": ["menu"], "keys": {"1": "boris", "2": "mail"}, "timeout": "end"},
        "boris": {"verb": "dial", "number": "1002", "unanswered": "end"},
        "mail": {"verb": "voicemail", "prompts": ["nobody"], "seconds": 30, "next": "end"},
        "end": {"verb": "hangup"},
    },
}


RECORDED = """
    SELECT id FROM recording WHERE call_id IN (SELECT call_id FROM ledger WHERE kind = 'FlowEntered')
       AND call_id NOT IN (SELECT call_id FROM ledger WHERE kind = 'CallAnswered')
"""


async def leaves_a_message(server: Server, call: Call) -> None:
    """The second key cuts the prompt of the voicemail, and does not end the message."""
    await call.audio.press("2")
    await call.audio.listen(0.3)
    await call.audio.press("5")
    await eventually("the message is recorded", lambda: recordings(server))
    call.audio.play(800)
    await call.audio.sent_more(75)  # a second and a half
    await call.audio.press("#")


async def recordings(server: Server) -> list[str]:
    """Messages that callers of the flow have left."""
    async with server.database() as conn:
        return [str(row["id"]) for row in await conn.fetch(RECORDED)]


async def test_a_flow_is_published_and_the_next_caller_meets_it(company: Company, server: Server) -> None:
    caller, boris = await company.phone("1001"), await company.phone("1002")
    async with server.sign_in("supervisor") as panel:
        saved = await panel.ask("PUT", "/api/flows/8100/draft", {"flow": FLOW, "revision": 0})
        await panel.ask("POST", "/api/flows/8100/publish", saved.json())
        (listed,) = (await panel.ask("GET", "/api/flows")).json()
        assert listed["met"] == listed["version"] == 1
        call = await caller.dial("8100")
        await call.answered()
        assert tones.loudness(await heard(call)) > 100, "nothing is said"
        await call.audio.press("1")  # cuts what is said, and answers the menu
        incoming = await boris.rings()
        incoming.ring()
        await incoming.answer()
        await hear_each_other(call, incoming)
        await call.hang_up()
        await incoming.ended()
        message = await caller.dial("8100")
        await message.answered()
        await leaves_a_message(server, message)
        await message.ended()
        await panel.ask("DELETE", "/api/flows/8100")
        assert await (await caller.dial("8100")).refused() == 404, "nobody meets it any more"
        await server.calls_written()
        (recording,) = await recordings(server)
        said, other = await panel.recording(recording)
    assert tones.level(said, 800) > HEARD
    assert tones.loudness(other) < 20  # A-law has no zero
