"""The secrets of a leg: when they are made, when they are kept, what its media worker is told."""

from __future__ import annotations

import pytest

from pbx.sip.offer_answer import NotAcceptable
from pbx.sip.sdp import Sdp
from pbx.sip.secure_media import SecureMedia, SrtpPolicy, cryptos
from tests.pbx.peers import Callee, Caller, Peer
from tests.pbx.sip.test_secure_media import CHROMIUM, GCM, THEIRS
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

SDES = SDP.replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:{GCM}\r\n"
DTLS = SDP.replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + f"a=fingerprint:{THEIRS}\r\na=setup:actpass\r\n"
RESTARTED = CHROMIUM.replace("cZl4", "new1")


def a_switch(policy: SrtpPolicy = "offer", *, sdes_in_clear: bool = True) -> Switch:
    switch = Switch()
    switch.endpoint.secure_media = SecureMedia(policy=policy, sdes_in_clear=sdes_in_clear)
    return switch


def secured(peer: Peer) -> list[dict[str, object]]:
    """What the worker was told of secrecy, oldest first."""
    return [values for what, values in peer.media.told if what == "secure" and isinstance(values, dict)]


def order(peer: Peer) -> list[str]:
    return [what for what, _ in peer.media.told if what in ("secure", "update")]


def answer_of(peer: Peer) -> Sdp:
    bodies = [message.body for message in peer.switch.sent if message.body]
    return Sdp.parse(bodies[-1])


@virtual_time
async def test_the_worker_has_the_keys_before_it_hears_where_sound_goes() -> None:
    caller = await Caller.talks(a_switch(), body=SDES)
    assert order(caller)[:2] == ["secure", "update"]
    assert secured(caller)[-1]["sdes"] is not None


@virtual_time
async def test_a_reinvite_keeps_our_key() -> None:
    caller = await Caller.talks(a_switch(), body=SDES)
    first = cryptos(answer_of(caller).media[0])
    caller.asks("INVITE", body=SDES + "a=sendonly\r\n")
    assert cryptos(answer_of(caller).media[0]) == first


@virtual_time
async def test_a_reinvite_may_bring_another_key_of_the_peer() -> None:
    caller = await Caller.talks(a_switch(), body=SDES)
    caller.asks("INVITE", body=SDES.replace("a2tra2", "b2tra2"))
    before, after = secured(caller)[-2:]
    assert before["sdes"] != after["sdes"]


@pytest.mark.parametrize("plain", [SDP, SDP + "a=sendonly\r\n"])
@virtual_time
async def test_a_secure_call_does_not_become_a_plain_one(plain: str) -> None:
    caller = await Caller.talks(a_switch(), body=SDES)
    told = len(caller.media.updates)
    assert caller.asks("INVITE", body=plain).status == 488
    assert len(caller.media.updates) == told
    assert not caller.leg.is_over


@virtual_time
async def test_our_own_offer_stays_secure() -> None:
    caller = await Caller.talks(a_switch(), body=SDES)
    offer = Sdp.parse(caller.asks("INVITE").body)
    assert offer.media[0].protocol == "RTP/SAVP"
    assert offer.media[0].attributes("crypto")


@virtual_time
async def test_what_must_be_secret_is_offered_so_and_nothing_plain_is_heard_meanwhile() -> None:
    callee = await Callee.is_called(a_switch("require"))
    assert Sdp.parse(callee.invite.body).media[0].protocol == "RTP/SAVP"
    assert secured(callee) == [{"ice": None, "sources": ("192.0.2.11",), "rtcp_mux": False}]
    callee.says(200, body=SDES.replace("2 AEAD", "1 AEAD"))
    assert secured(callee)[-1]["sdes"] is not None


@virtual_time
async def test_a_plain_answer_to_a_secret_offer_ends_the_call() -> None:
    callee = await Callee.is_called(a_switch("require"))
    callee.says(200, body=SDP)
    assert callee.leg.is_over
    assert callee.media.updates == []


@pytest.mark.parametrize("extension", ["1001", "1002"])
@virtual_time
async def test_the_policy_of_one_extension_goes_before_that_of_all(extension: str) -> None:
    switch = Switch()
    switch.endpoint.secure_media = SecureMedia(
        policy="off", of_extension=lambda number: "require" if number == extension else None
    )
    caller = await Caller.calls(switch, body=DTLS)
    assert bool(caller.inbound.codecs()) == (extension == "1001")
    plain = await Caller.calls(Switch(), body=SDP)
    assert plain.inbound.codecs()


@virtual_time
async def test_dtls_is_told_with_the_certificate_that_was_named_and_who_may_shake_hands() -> None:
    caller = await Caller.talks(a_switch(sdes_in_clear=False), body=DTLS)
    (told,) = [values for values in secured(caller) if values.get("fingerprints")][:1]
    assert told["fingerprints"] == (THEIRS,)
    assert told["sources"] == ("192.0.2.11",)


@virtual_time
async def test_rule_8_a_new_ufrag_of_the_peer_gets_new_credentials_and_the_same_one_the_old() -> None:
    caller = await Caller.talks(a_switch(), body=CHROMIUM)
    first = answer_of(caller).media[0].attribute("ice-ufrag")
    caller.asks("INVITE", body=CHROMIUM.replace("a=sendrecv", "a=sendonly"))
    caller.acknowledges()
    assert answer_of(caller).media[0].attribute("ice-ufrag") == first
    caller.asks("INVITE", body=RESTARTED)
    caller.acknowledges()
    again = answer_of(caller).media[0]
    assert again.attribute("ice-ufrag") not in (None, first)
    told = secured(caller)[-1]
    assert told["ice"] == (again.attribute("ice-ufrag"), again.attribute("ice-pwd"))
    assert told["remote_ufrag"] == "new1"


@pytest.mark.parametrize(("policy", "body"), [("off", SDES), ("offer", SDES), ("off", DTLS), ("require", SDP)])
@virtual_time
async def test_an_offer_that_cannot_be_answered_rings_nowhere(policy: SrtpPolicy, body: str) -> None:
    """Keys in clear signalling, secrecy where it is off, a plain voice where it must not be."""
    caller = await Caller.calls(a_switch(policy, sdes_in_clear=False), body=body)
    assert caller.inbound.codecs() == ()
    with pytest.raises(NotAcceptable):
        caller.inbound.answer()


@virtual_time
async def test_with_checks_no_address_is_named_to_the_worker_and_none_vouched_for() -> None:
    """What was nominated already must not be forgotten for it."""
    caller = await Caller.talks(a_switch(), body=CHROMIUM)
    assert (caller.told("remote_address"), caller.told("remote_port"), caller.told("sources")) == ("0.0.0.0", 0, ())


@virtual_time
async def test_a_phone_that_refuses_keys_beside_a_plain_profile_is_offered_a_secure_one_once() -> None:
    callee = await Callee.is_called(a_switch())
    first = Sdp.parse(callee.invite.body).media[0]
    assert (first.protocol, bool(first.attributes("crypto"))) == ("RTP/AVP", True)
    callee.says(488)
    again = Sdp.parse(callee.invite.body).media[0]
    assert (again.protocol, again.attributes("crypto")) == ("RTP/SAVP", first.attributes("crypto"))
    callee.says(488)
    assert callee.leg.is_over
    assert len(callee.heard("INVITE")) == 2


@virtual_time
async def test_a_phone_that_refuses_a_plain_offer_is_offered_nothing_else() -> None:
    callee = await Callee.is_called(a_switch("off"))
    callee.says(488)
    assert callee.leg.is_over
    assert len(callee.heard("INVITE")) == 1
