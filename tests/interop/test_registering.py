"""Foreign phones register and call over each transport that they have."""

from __future__ import annotations

import pytest

from tests.interop.capabilities import Capability, Sound, Transport
from tests.interop.meeting import REFUSALS, Kind, Meeting, calls, hear_each_other, is_called, tries


async def registers(meeting: Meeting, kind: Kind, transport: Transport) -> None:
    """A call finds it where it has registered."""
    phone, boris = await meeting.both(kind, transport=transport)
    ours = await boris.dial(phone.setting.user)
    theirs = await phone.rings()
    await theirs.refuse()
    assert await ours.refused() in REFUSALS


async def calls_over(meeting: Meeting, kind: Kind, transport: Transport | None, sound: Sound = Sound.PLAIN) -> None:
    phone, boris = await meeting.both(kind, transport=transport, sound=sound)
    talk = await calls(phone, boris)
    await hear_each_other(talk)
    await talk.theirs.hang_up()
    await talk.ours.ended()


@tries(Capability.REGISTERS_UDP)
@pytest.mark.req("R-PHONE-05")
async def test_it_registers_over_udp(meeting: Meeting, kind: Kind) -> None:
    await registers(meeting, kind, Transport.UDP)


@tries(Capability.REGISTERS_TCP)
@pytest.mark.req("R-PHONE-05")
async def test_it_registers_over_tcp(meeting: Meeting, kind: Kind) -> None:
    await registers(meeting, kind, Transport.TCP)


@tries(Capability.CALLS_TCP)
async def test_it_calls_over_tcp(meeting: Meeting, kind: Kind) -> None:
    await calls_over(meeting, kind, Transport.TCP)


@tries(Capability.REGISTERS_TLS)
@pytest.mark.req("R-PHONE-05")
async def test_it_registers_over_tls(meeting: Meeting, kind: Kind) -> None:
    """It believes the authority of this installation, and nobody else."""
    await registers(meeting, kind, Transport.TLS)


@tries(Capability.CALLS_TLS)
async def test_it_calls_over_tls(meeting: Meeting, kind: Kind) -> None:
    await calls_over(meeting, kind, Transport.TLS)


@tries(Capability.CALLS_SDES)
async def test_it_calls_with_keys_in_its_description(meeting: Meeting, kind: Kind) -> None:
    """It takes nothing plain; the phone that it calls speaks nothing else."""
    await calls_over(meeting, kind, Transport.TLS, Sound.SDES)


async def is_called_over_tls(meeting: Meeting, kind: Kind, sound: Sound) -> None:
    phone, boris = await meeting.both(kind, transport=Transport.TLS, sound=sound)
    talk = await is_called(phone, boris)
    await hear_each_other(talk)
    await talk.ours.hang_up()
    await talk.theirs.ended()


@tries(Capability.IS_CALLED_TLS)
async def test_it_is_called_over_tls(meeting: Meeting, kind: Kind) -> None:
    """It is offered keys beside the plain profile, and leaves them alone."""
    await is_called_over_tls(meeting, kind, Sound.PLAIN)


@tries(Capability.IS_CALLED_SDES)
async def test_it_is_called_with_keys_in_our_description(meeting: Meeting, kind: Kind) -> None:
    """It refuses a plain profile, with keys or without, and is offered a secure one."""
    await is_called_over_tls(meeting, kind, Sound.SDES)


@tries(Capability.CALLS_DTLS)
async def test_it_calls_with_keys_from_a_handshake(meeting: Meeting, kind: Kind) -> None:
    await calls_over(meeting, kind, None, Sound.DTLS)


@tries(Capability.REGISTERS_WS)
@pytest.mark.req("R-PHONE-05")
async def test_it_registers_over_a_websocket(meeting: Meeting, kind: Kind) -> None:
    await registers(meeting, kind, Transport.WS)


@tries(Capability.REGISTERS_WSS)
@pytest.mark.req("R-PHONE-05")
async def test_it_registers_over_a_secure_websocket(meeting: Meeting, kind: Kind) -> None:
    await registers(meeting, kind, Transport.WSS)
