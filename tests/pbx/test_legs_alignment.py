"""Two legs of unlike codecs that a transfer has joined: one is asked to speak the other's. Refused, all goes on."""

from __future__ import annotations

import asyncio

import pytest

from pbx.sip.offer_answer import SPEECH, TELEPHONE_EVENT
from pbx.sip.sdp import Sdp
from tests.pbx.peers import CALL, CALLED, OLENA, Callee, Caller
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time


def speaking(formats: str) -> str:
    """A description of a phone that names these."""
    maps = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\n"
    return SDP.partition("m=")[0] + f"m=audio 30000 RTP/AVP {formats}\r\n{maps}"


def wide_switch(*, aligns: bool = True) -> Switch:
    switch = Switch()
    switch.endpoint.codecs = (*SPEECH, TELEPHONE_EVENT)
    switch.endpoint.aligns_codecs = aligns
    return switch


async def a_pair(caller: str, callee: str, switch: Switch | None = None) -> tuple[Caller, Callee]:
    """A caller that offered these, and a callee that answered those, joined."""
    switch = switch or wide_switch()
    calling = await Caller.talks(switch, body=speaking(caller))
    leg = switch.user_agent.leg_to(CALLED, call_id=CALL, caller=OLENA, max_forwards=70)
    await leg.open_media()
    leg.dial()
    called = Callee(switch=switch, leg=leg, user="1002", cseq=0, flow=CALLED.flow)
    called.says(200, body=speaking(callee))
    calling.leg.join(called.leg)
    calling.leg.align(called.leg)
    return calling, called


def asked(peer: Caller | Callee) -> list[tuple[str, ...]]:
    """The formats of our re-INVITEs to it; one that is sent again is one."""
    invites = {request.cseq.number: request for request in peer.heard("INVITE") if request.to.tag}
    return [Sdp.parse(request.body).media[0].formats for request in invites.values()]


@virtual_time
async def test_who_has_named_the_others_codec_is_offered_it_alone_with_digits() -> None:
    caller, callee = await a_pair("111 8 97", "8 97")
    assert caller.told("codec") == "opus"
    assert (asked(caller), asked(callee)) == ([("8", "97")], [])
    caller.answers(caller.heard("INVITE")[-1], 200, body=speaking("8 97"))
    assert caller.told("codec") == callee.told("codec") == "pcma"
    assert caller.told("dtmf_payload_type") == 97
    await asyncio.sleep(60)
    assert len(asked(caller)) == 1


@virtual_time
async def test_the_better_sound_is_asked_for_first() -> None:
    """Both know both; the one that speaks A-law is asked for G.722."""
    switch = wide_switch()
    caller, callee = await a_pair("9 8 97", "8 9 97", switch)
    assert (asked(caller), asked(callee)) == ([], [("9", "97")])


@virtual_time
async def test_who_has_named_only_what_it_speaks_is_offered_g711_and_that() -> None:
    caller, callee = await a_pair("8 97", "111 97")
    assert asked(callee) == [("8", "111", "97", "110")]
    callee.answers(callee.invite, 200, body=speaking("111 97"))
    await asyncio.sleep(60)
    assert (asked(caller), len(asked(callee))) == ([], 1)
    assert (caller.told("codec"), callee.told("codec")) == ("pcma", "opus")


@pytest.mark.parametrize(("caller", "callee"), [("8 97", "8 97"), ("0 97", "8 97"), ("111 97", "111 97")])
@virtual_time
async def test_nobody_is_asked_where_nothing_is_translated(caller: str, callee: str) -> None:
    calling, called = await a_pair(caller, callee)
    assert asked(calling) == asked(called) == []


@virtual_time
async def test_nobody_is_asked_where_that_is_switched_off() -> None:
    caller, callee = await a_pair("111 8 97", "8 97", wide_switch(aligns=False))
    assert asked(caller) == asked(callee) == []


@virtual_time
async def test_nobody_is_asked_while_one_holds() -> None:
    caller, callee = await a_pair("8 97", "8 97")
    caller.asks("INVITE", body=speaking("111 8 97") + "a=sendonly\r\n")
    caller.acknowledges()
    caller.leg.align(callee.leg)
    assert asked(caller) == asked(callee) == []


@pytest.mark.parametrize("status", [488, 500, 603])
@virtual_time
async def test_a_refusal_leaves_the_call_as_it_was(status: int) -> None:
    caller, callee = await a_pair("111 8 97", "8 97")
    caller.answers(caller.heard("INVITE")[-1], status)
    await asyncio.sleep(60)
    assert not caller.leg.is_over
    assert not callee.leg.is_over
    assert (caller.told("codec"), callee.told("codec")) == ("opus", "pcma")
    assert len(asked(caller)) == 1


@virtual_time
async def test_silence_leaves_the_call_as_it_was() -> None:
    """RFC 3261 §12.2.1.2 would end the dialog; this re-INVITE is none that the call needs."""
    caller, callee = await a_pair("111 8 97", "8 97")
    await asyncio.sleep(40)
    assert not caller.leg.is_over
    assert caller.told("codec") == "opus"
    assert len(asked(caller)) == 1
    assert not callee.leg.is_over


@virtual_time
async def test_a_dialog_that_is_gone_is_over() -> None:
    caller, _ = await a_pair("111 8 97", "8 97")
    caller.answers(caller.heard("INVITE")[-1], 481)
    assert caller.leg.is_over


@virtual_time
async def test_a_491_is_waited_out() -> None:
    caller, _ = await a_pair("111 8 97", "8 97")
    caller.answers(caller.heard("INVITE")[-1], 491)
    assert len(asked(caller)) == 1
    await asyncio.sleep(4)
    assert len(asked(caller)) == 2
    caller.answers(caller.heard("INVITE")[-1], 200, body=speaking("8 97"))
    assert caller.told("codec") == "pcma"


@virtual_time
async def test_a_later_offer_for_something_else_names_the_codec_in_use_first() -> None:
    caller, _ = await a_pair("111 8 97", "8 97")
    caller.answers(caller.heard("INVITE")[-1], 200, body=speaking("8 97"))
    offered = caller.leg.streams.offer(caller.inbound.usage).media[0].formats
    assert offered[0] == "8"
