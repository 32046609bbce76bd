"""What a leg offers and answers: every codec that loads, G.711 to browsers, and digits as the trunk wants them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callflow.side import Side
from pbx.leg import DigitWay
from pbx.media.messages import Digit, OpusWishes
from pbx.net.transport import Flow
from pbx.outbound_leg import OutboundLeg
from pbx.sip.offer_answer import PCMA, SPEECH, TELEPHONE_EVENT
from pbx.sip.sdp import Sdp
from tests.pbx.peers import CALL, CALLED, OLENA, Callee, Caller
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

BROWSER = Flow("WS", "192.0.2.12", 40000, 7)
WIDE = (
    SDP.partition("m=")[0]
    + "m=audio 30000 RTP/AVP 96 9 8 97 98\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1\r\n"
    + "a=rtpmap:97 telephone-event/48000\r\na=rtpmap:98 telephone-event/8000\r\n"
)


def wide_switch() -> Switch:
    switch = Switch()
    switch.endpoint.codecs = (*SPEECH, TELEPHONE_EVENT)
    return switch


def formats(description: bytes) -> tuple[str, ...]:
    return Sdp.parse(description).media[0].formats


async def dialled(switch: Switch, flow: Flow | None = None, way: DigitWay = DigitWay.AUTO) -> Callee:
    destination = CALLED if flow is None else replace(CALLED, flow=flow)
    leg: OutboundLeg = switch.user_agent.leg_to(destination, call_id=CALL, caller=OLENA, max_forwards=70)
    leg.path.way = way
    await leg.open_media()
    leg.dial()
    return Callee(switch=switch, leg=leg, user="1002", cseq=0, flow=destination.flow)


@virtual_time
async def test_a_phone_is_offered_everything_that_loads() -> None:
    callee = await dialled(wide_switch())
    assert formats(callee.invite.body) == ("8", "0", "9", "107", "3", "98", "97", "101", "102", "110")


@virtual_time
async def test_a_browser_is_offered_g711_which_it_always_has() -> None:
    """RFC 7874 §3. Nothing is transcoded for it."""
    callee = await dialled(wide_switch(), BROWSER)
    assert formats(callee.invite.body) == ("8", "0", "101")


@virtual_time
async def test_the_answer_takes_the_first_codec_of_the_callers_list() -> None:
    caller = await Caller.talks(wide_switch(), body=WIDE)
    assert (caller.told("codec"), caller.told("payload_type")) == ("opus", 96)
    assert (caller.told("dtmf_payload_type"), caller.told("dtmf_clock_rate")) == (97, 48000)
    assert caller.told("inband_digits") is False


@virtual_time
async def test_the_answer_takes_what_the_other_leg_speaks_so_that_nothing_is_transcoded() -> None:
    caller = await Caller.calls(wide_switch(), body=WIDE)
    caller.inbound.answer(speaking=PCMA)
    assert caller.told("codec") == "pcma"


@virtual_time
async def test_the_other_leg_is_offered_what_the_caller_has_then_g711_then_the_rest() -> None:
    caller = await Caller.calls(wide_switch(), body=SDP.replace("0 8 101", "9 101"))
    names = [(codec.name, codec.clock_rate) for codec in caller.inbound.codecs()]
    assert names[:3] == [("G722", 8000), ("PCMA", 8000), ("PCMU", 8000)]
    assert names[-1] == ("telephone-event", 8000)
    assert len(names) == len(SPEECH) + 1


@virtual_time
async def test_in_a_later_offer_no_number_changes_its_meaning() -> None:
    """RFC 3264 §8.3.2. The peer has given our number of Opus to its digits."""
    body = WIDE.replace("97", "107")
    caller = await Caller.talks(wide_switch(), body=body)
    offered = caller.inbound.streams.offer(caller.inbound.usage).media[0]
    maps = dict(text.split(" ") for text in offered.attributes("rtpmap"))
    assert maps["96"] == "opus/48000/2"
    assert maps["107"] == "telephone-event/48000"
    assert len(maps) == len(offered.formats)


# ---- comfort noise, and what Opus is asked for ----------------------------------------------------------------------

HUSHED = SDP.replace("0 8 101", "0 8 13 101")


@virtual_time
async def test_comfort_noise_is_answered_and_offered_to_the_other_leg_of_who_speaks_it() -> None:
    switch = Switch()
    caller = await Caller.talks(switch, body=HUSHED)
    assert caller.told("noise_payload_type") == 13
    assert "13" in formats((await dialled_for(switch, caller)).invite.body)


@virtual_time
async def test_comfort_noise_is_offered_to_nobody_else() -> None:
    switch = Switch()
    caller = await Caller.talks(switch)
    assert caller.told("noise_payload_type") is None
    assert "13" not in formats((await dialled_for(switch, caller)).invite.body)
    assert "13" not in formats((await dialled(wide_switch())).invite.body)


@virtual_time
async def test_a_later_offer_keeps_comfort_noise_in_the_session() -> None:
    caller = await Caller.talks(Switch(), body=HUSHED)
    assert "13" in caller.inbound.streams.offer(caller.inbound.usage).media[0].formats


@virtual_time
async def test_the_media_worker_is_told_what_the_peer_wants_in_opus() -> None:
    body = WIDE.replace("stereo=1", "stereo=1;maxplaybackrate=8000;useinbandfec=1")
    caller = await Caller.talks(wide_switch(), body=body)
    assert caller.told("opus") == OpusWishes(rate=8000, repeats=True)
    caller = await Caller.talks(wide_switch())
    assert caller.told("opus") is None


async def dialled_for(switch: Switch, caller: Caller) -> Callee:
    leg: OutboundLeg = switch.user_agent.leg_to(CALLED, call_id=CALL, caller=OLENA, max_forwards=70)
    await leg.open_media()
    leg.dial(Side(caller.leg, None, OLENA).codecs())
    return Callee(switch=switch, leg=leg, user="1002", cseq=0, flow=CALLED.flow)


# ---- digits, as a trunk wants them ----------------------------------------------------------------------------------


@virtual_time
async def test_a_trunk_with_tones_in_the_sound_is_offered_g711_and_no_events() -> None:
    callee = await dialled(wide_switch(), way=DigitWay.INBAND)
    assert formats(callee.invite.body) == ("8", "0")
    callee.says(200, body=SDP)
    assert callee.told("inband_digits") is True
    assert callee.told("dtmf_payload_type") is None
    callee.leg.send_digits("5", 120)
    assert ("send_digits", ("5", 120)) in callee.media.told


@virtual_time
async def test_a_trunk_with_info_gets_every_digit_by_info() -> None:
    callee = await dialled(wide_switch(), way=DigitWay.INFO)
    assert formats(callee.invite.body) == ("8", "0", "9", "107", "3", "98", "97")
    callee.says(200, body=SDP)
    callee.leg.send_digits("5")
    assert callee.heard("INFO")[0].body.startswith(b"Signal=5")


@pytest.mark.parametrize(("way", "told"), [(DigitWay.INBAND, 1), (DigitWay.AUTO, 0)])
@virtual_time
async def test_a_tone_goes_on_as_an_event_and_an_event_was_relayed_already(way: DigitWay, told: int) -> None:
    switch = wide_switch()
    callee = await dialled(switch, way=way)
    callee.says(200, body=SDP)
    caller = await Caller.talks(switch)
    caller.leg.join(callee.leg)
    callee.leg.path.heard(Digit(leg=0, digit="7", milliseconds=90).digit, 90)
    assert callee.leg.digits.get_nowait() == "7"
    assert caller.media.told.count(("send_digits", ("7", 90))) == told


# ---- secret entry ---------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_secret_digit_by_info_reaches_us_and_not_the_other_leg() -> None:
    switch = Switch()
    caller, callee = await Caller.talks(switch), await Callee.talks(switch)
    caller.leg.join(callee.leg)
    caller.leg.secure_entry(on=True)
    caller.asks("INFO", body="Signal=5\r\n", content_type="application/dtmf-relay")
    caller.leg.secure_entry(on=False)
    caller.asks("INFO", body="Signal=6\r\n", content_type="application/dtmf-relay")
    assert [caller.leg.digits.get_nowait() for _ in range(2)] == ["5", "6"]
    assert [what for what in callee.media.told if what[0] == "send_digits"] == [("send_digits", ("6", 100))]
    assert [on for what, on in caller.media.told if what == "keep_secret"] == [True, False]
