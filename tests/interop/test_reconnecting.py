"""A foreign phone loses its connection in a call, and comes back by itself."""

from __future__ import annotations

from tests.interop.capabilities import Capability
from tests.interop.foreign_phone import ITS
from tests.interop.meeting import Kind, Meeting, hear_each_other, heard, hears_music, is_called, tries


@tries(Capability.RECONNECTS)
async def test_its_call_outlives_its_connection(meeting: Meeting, kind: Kind) -> None:
    """What happens in the call then goes over the new connection, and so do new calls (RFC 5626)."""
    phone, boris = await meeting.both(kind)
    talk = await is_called(phone, boris)
    await hear_each_other(talk)
    await phone.lose_connection()
    await hear_each_other(talk)
    await talk.theirs.hold()
    await hears_music(lambda: heard(talk.ours), ITS)
    await talk.theirs.resume()
    await talk.ours.hang_up()
    await talk.theirs.ended()
    again = await is_called(phone, boris)
    await hear_each_other(again)
    await again.theirs.hang_up()
    await again.ours.ended()
