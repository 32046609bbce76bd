"""Keys, certificates and checks in offers and answers: RFC 4568, RFC 5763, RFC 8643, RFC 8839, RFC 9143."""

from __future__ import annotations

import random

import pytest

from pbx.sip import offer_answer, secure_media
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.offer_answer import Answer, NotAcceptable, accept, answer, check_family
from pbx.sip.sdp import Direction, MediaDescription, Sdp
from pbx.sip.secure_media import NOTHING_SECURE, SUITES, Crypto, Secrecy, SrtpPolicy

PRINT = "sha-256 " + ":".join(["AB"] * 32)
THEIRS = "sha-256 " + ":".join(["CD"] * 32)
KEYS = {suite: bytes([number]) * length for number, (suite, length) in enumerate(SUITES.items(), 1)}
GCM_KEY, CM_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2trag==", "a" * 40
AES_CM, GCM = f"1 AES_CM_128_HMAC_SHA1_80 inline:{CM_KEY}", f"2 AEAD_AES_128_GCM inline:{GCM_KEY}"

CHROMIUM = "\r\n".join([
    "v=0", "o=- 46117 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE audio0 video1",
    "a=extmap-allow-mixed", "a=msid-semantic: WMS",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0",
    "a=candidate:1 1 udp 2122260223 0f2e-b1.local 51234 typ host",
    "a=ice-ufrag:cZl4", "a=ice-pwd:qgdZ8LO8sJ7xCZc7XW6c2PbK", "a=ice-options:trickle", f"a=fingerprint:{THEIRS}",
    "a=setup:actpass", "a=mid:audio0", "a=sendrecv", "a=rtcp-mux", "a=rtcp-rsize", "a=rtpmap:111 opus/48000/2",
    "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:126 telephone-event/8000",
    "m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:video1", "a=rtpmap:96 VP8/90000", "",
])  # fmt: skip


def a_secrecy(policy: SrtpPolicy = "offer", *, sdes: bool = True, browser: bool = False) -> Secrecy:
    return Secrecy(
        policy=policy, sdes=sdes, browser=browser, keys=KEYS, fingerprint=PRINT, ufrag="ours", password="p" * 32,
        candidates=("203.0.113.5",),
    )  # fmt: skip


def offered(protocol: str, *attributes: str, extra: str = "") -> Sdp:
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.7", "s=-", "c=IN IP4 192.0.2.7", "t=0 0",
             f"m=audio 4000 {protocol} 8 101", "a=rtpmap:101 telephone-event/8000",
             *(f"a={attribute}" for attribute in attributes)]  # fmt: skip
    return Sdp.parse("\r\n".join([*lines, extra]).encode())


def answered(remote: Sdp, secrecy: Secrecy = NOTHING_SECURE) -> Answer:
    return answer(remote, address="203.0.113.5", port=40000, session_id=1, version=1, secrecy=secrecy)


def text_of(sdp: Sdp) -> str:
    return sdp.serialise().decode()


def ours(made: Answer) -> MediaDescription:
    return next(stream for stream in made.sdp.media if stream.port)


# ---- SDES ------------------------------------------------------------------------------------------------------------


def test_gcm_is_preferred_and_the_tag_of_the_offer_is_kept() -> None:
    made = answered(offered("RTP/SAVP", f"crypto:{AES_CM}", f"crypto:{GCM}"), a_secrecy())
    (crypto,) = secure_media.cryptos(ours(made))
    assert (crypto.tag, crypto.suite, crypto.key) == ("2", "AEAD_AES_128_GCM", KEYS["AEAD_AES_128_GCM"])
    assert ours(made).protocol == "RTP/SAVP"
    assert made.keying is not None
    assert made.keying.theirs is not None
    assert len(made.keying.theirs.key) == 28


def test_aes_cm_is_taken_where_it_is_all_there_is() -> None:
    made = answered(offered("RTP/SAVP", f"crypto:{AES_CM}"), a_secrecy())
    assert [crypto.suite for crypto in secure_media.cryptos(ours(made))] == ["AES_CM_128_HMAC_SHA1_80"]


@pytest.mark.parametrize(
    "line",
    [
        f"1 F8_128_HMAC_SHA1_80 inline:{CM_KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{GCM_KEY}",  # another length
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{CM_KEY}|2^20|1:4",  # an MKI
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{CM_KEY} UNENCRYPTED_SRTP",
        "1 AES_CM_128_HMAC_SHA1_80 inline:!!!!",
        "x",
        "",
    ],
)
def test_a_crypto_line_that_we_cannot_use_is_passed_over(line: str) -> None:
    with pytest.raises(NotAcceptable):
        answered(offered("RTP/SAVP", f"crypto:{line}"), a_secrecy())
    assert answered(offered("RTP/SAVP", f"crypto:{line}", f"crypto:{GCM}"), a_secrecy()).keying


@pytest.mark.parametrize("tail", ["|2^31", " WSH=64", " -unknown=1", "|1048576 WSH=128"])
def test_a_lifetime_a_window_and_what_may_be_ignored_are_no_hindrance(tail: str) -> None:
    line = f"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{CM_KEY}{tail}"
    assert answered(offered("RTP/SAVP", line), a_secrecy()).keying


def test_keys_are_not_taken_where_others_can_read_them() -> None:
    with pytest.raises(NotAcceptable):
        answered(offered("RTP/SAVP", f"crypto:{GCM}"), a_secrecy(sdes=False))


def test_a_secure_offer_is_refused_where_it_is_switched_off() -> None:
    with pytest.raises(NotAcceptable) as refused:
        answered(offered("RTP/SAVP", f"crypto:{GCM}"))
    assert refused.value.status == 488


def test_a_plain_offer_is_refused_where_secrecy_is_required() -> None:
    with pytest.raises(NotAcceptable):
        answered(offered("RTP/AVP"), a_secrecy("require"))


def test_keys_beside_a_plain_profile_are_taken_and_the_profile_stays() -> None:
    """RFC 8643."""
    made = answered(offered("RTP/AVP", f"crypto:{GCM}"), a_secrecy())
    assert ours(made).protocol == "RTP/AVP"
    assert made.keying is not None
    assert made.keying.ours is not None
    assert answered(offered("RTP/AVP", f"crypto:{GCM}")).keying is None


def test_our_offer_is_what_the_policy_says() -> None:
    def protocol(secrecy: Secrecy) -> tuple[str, bool, bool]:
        sdp = offer_answer.offer(address="203.0.113.5", port=40000, session_id=1, version=1, secrecy=secrecy)
        (stream,) = sdp.media
        return stream.protocol, bool(stream.attributes("crypto")), bool(stream.attributes("fingerprint"))

    assert protocol(NOTHING_SECURE) == ("RTP/AVP", False, False)
    assert protocol(a_secrecy("offer")) == ("RTP/AVP", True, False)
    assert protocol(a_secrecy("offer", sdes=False)) == ("RTP/AVP", False, False)
    assert protocol(a_secrecy("require")) == ("RTP/SAVP", True, False)
    assert protocol(a_secrecy("require", sdes=False)) == ("UDP/TLS/RTP/SAVP", False, True)
    assert protocol(a_secrecy("off", browser=True)) == ("UDP/TLS/RTP/SAVPF", False, True)


def an_offer(secrecy: Secrecy) -> Sdp:
    return offer_answer.offer(address="203.0.113.5", port=40000, session_id=1, version=1, secrecy=secrecy)


def test_the_answer_to_our_offer_names_the_keys() -> None:
    theirs = Crypto(tag="1", suite="AEAD_AES_128_GCM", key=b"t" * 28)
    agreed = accept(an_offer(a_secrecy("require")), offered("RTP/SAVP", str(theirs)))
    assert agreed.keying is not None
    assert agreed.keying.theirs == theirs
    assert agreed.keying.ours is not None
    assert agreed.keying.ours.key == KEYS["AEAD_AES_128_GCM"]


def test_an_answer_without_keys_or_with_a_tag_that_we_did_not_offer_is_no_answer() -> None:
    wrong = Crypto(tag="7", suite="AEAD_AES_128_GCM", key=b"t" * 28)
    for attributes in ((), (str(wrong),)):
        with pytest.raises(NotAcceptable):
            accept(an_offer(a_secrecy("require")), offered("RTP/SAVP", *attributes))


def test_an_answer_without_keys_makes_an_opportunistic_offer_plain() -> None:
    assert accept(an_offer(a_secrecy("offer")), offered("RTP/AVP")).keying is None


def test_keys_are_in_no_log() -> None:
    made = answered(offered("RTP/SAVP", f"crypto:{GCM}"), a_secrecy())
    assert "\\x01\\x01" not in repr(made.keying)
    assert "\\x01\\x01" not in repr(a_secrecy())


# ---- DTLS and ICE ----------------------------------------------------------------------------------------------------


def test_rule_4_we_are_passive_in_answers_and_actpass_in_offers() -> None:
    made = answered(Sdp.parse(CHROMIUM.encode()), a_secrecy("off", browser=True))
    assert ours(made).attribute("setup") == "passive"
    assert an_offer(a_secrecy(browser=True)).media[0].attribute("setup") == "actpass"


def test_rule_4_a_peer_that_insists_on_being_the_server_is_refused() -> None:
    with pytest.raises(NotAcceptable):
        answered(offered("UDP/TLS/RTP/SAVP", f"fingerprint:{THEIRS}", "setup:passive"), a_secrecy())
    with pytest.raises(NotAcceptable):
        accept(
            an_offer(a_secrecy("require", sdes=False)),
            offered("UDP/TLS/RTP/SAVP", f"fingerprint:{THEIRS}", "setup:passive"),
        )


def test_rule_6_candidates_are_not_read_and_zeros_are_no_hold() -> None:
    """Firefox and Chromium name `.local` candidates, and 0.0.0.0 as long as they know none."""
    made = answered(Sdp.parse(CHROMIUM.encode()), a_secrecy(browser=True))
    assert made.direction is Direction.SENDRECV
    assert made.remote_address is None
    assert made.keying is not None
    assert made.keying.ice
    assert made.keying.remote_ufrag == "cZl4"
    assert made.keying.fingerprints == (THEIRS,)


def test_rule_6_a_browser_that_has_ipv6_only_in_c_is_no_hindrance() -> None:
    check_family(Sdp.parse(CHROMIUM.replace("IN IP4 0.0.0.0", "IN IP6 ::").encode()))
    with pytest.raises(NotAcceptable):
        check_family(offered("RTP/AVP", extra="c=IN IP6 ::1\r\n"))


def test_rule_10_the_answer_bundles_under_the_mid_of_the_offer() -> None:
    made = answered(Sdp.parse(CHROMIUM.encode()), a_secrecy(browser=True))
    assert made.sdp.attributes("group") == ["BUNDLE audio0"]
    assert ours(made).attribute("mid") == "audio0"
    assert ours(made).attribute("rtcp-mux") == ""


def test_rule_10_a_refused_video_keeps_its_place_and_its_mid() -> None:
    video = answered(Sdp.parse(CHROMIUM.encode()), a_secrecy(browser=True)).sdp.media[1]
    assert (video.media, video.port, video.attribute("mid")) == ("video", 0, "video1")


def test_who_did_not_bundle_is_not_answered_with_a_bundle() -> None:
    plain = CHROMIUM.replace("a=group:BUNDLE audio0 video1\r\n", "")
    assert answered(Sdp.parse(plain.encode()), a_secrecy(browser=True)).sdp.attribute("group") is None


def test_rule_13_the_candidates_and_the_c_line_name_the_address_that_clients_reach() -> None:
    secrecy = Secrecy(
        browser=True, keys=KEYS, fingerprint=PRINT, ufrag="ours", password="p" * 32,
        candidates=("203.0.113.5", "198.51.100.9"),
    )  # fmt: skip
    made = answered(Sdp.parse(CHROMIUM.encode()), secrecy)
    assert ours(made).attributes("candidate") == [
        "1 1 UDP 2130706431 203.0.113.5 40000 typ host",
        "2 1 UDP 2130706430 198.51.100.9 40000 typ host",
    ]
    assert made.sdp.connection == "203.0.113.5"
    assert made.sdp.attribute("ice-lite") == ""
    assert ours(made).attribute("end-of-candidates") == ""


def test_a_browser_is_offered_all_that_it_needs() -> None:
    text = text_of(an_offer(a_secrecy("off", browser=True)))
    for line in (
        "a=ice-lite",
        "a=group:BUNDLE 0",
        "a=mid:0",
        "a=rtcp-mux",
        "a=ice-ufrag:ours",
        f"a=fingerprint:{PRINT}",
    ):
        assert f"{line}\r\n" in text


def test_a_browser_without_a_certificate_or_without_ice_is_refused() -> None:
    ours = an_offer(a_secrecy(browser=True))
    for missing in ("a=fingerprint", "a=ice-ufrag", "a=rtcp-mux"):
        lines = [line for line in CHROMIUM.replace("actpass", "active").split("\r\n") if not line.startswith(missing)]
        with pytest.raises(NotAcceptable):
            accept(ours, Sdp.parse("\r\n".join(lines).encode()))
    assert accept(ours, Sdp.parse(CHROMIUM.replace("actpass", "active").encode())).keying


def test_a_fingerprint_of_the_session_counts_for_the_stream() -> None:
    whole = CHROMIUM.replace(f"a=fingerprint:{THEIRS}\r\n", "").replace(
        "a=msid-semantic: WMS", f"a=fingerprint:{THEIRS}"
    )
    made = answered(Sdp.parse(whole.encode()), a_secrecy(browser=True))
    assert made.keying is not None
    assert made.keying.fingerprints == (THEIRS,)


def test_a_phone_with_dtls_and_without_ice_is_spoken_to_where_its_sdp_says() -> None:
    made = answered(offered("UDP/TLS/RTP/SAVP", f"fingerprint:{THEIRS}", "setup:actpass"), a_secrecy(sdes=False))
    assert (made.remote_address, made.remote_port) == ("192.0.2.7", 4000)
    assert made.keying is not None
    assert not made.keying.ice


def test_our_next_offer_keeps_the_profile_the_keys_and_the_name_of_the_stream() -> None:
    made = answered(Sdp.parse(CHROMIUM.encode()), a_secrecy(browser=True))
    again = offer_answer.offer(
        address="203.0.113.5", port=40000, session_id=1, version=1, previous=made.sdp, secrecy=a_secrecy(browser=True),
        keying=made.keying, direction=Direction.SENDONLY,
    )  # fmt: skip
    stream = again.media[0]
    assert (stream.protocol, stream.attribute("mid")) == ("UDP/TLS/RTP/SAVPF", "audio0")
    assert (stream.attribute("ice-ufrag"), stream.attribute("setup")) == ("ours", "actpass")
    assert again.media[1].port == 0


def test_what_a_stream_was_answered_with_can_be_answered_again() -> None:
    """As a trace does that is replayed."""
    for remote in (Sdp.parse(CHROMIUM.encode()), offered("RTP/SAVP", f"crypto:{GCM}"), offered("RTP/AVP")):
        made = answered(remote, a_secrecy(browser=True))
        again = answered(remote, secure_media.of_answer(made.sdp, ours(made)))
        assert again.direction is made.direction
        assert (again.keying is None) == (made.keying is None)


def test_a_spoilt_description_only_ever_raises_remote_protocol_error() -> None:
    dice = random.Random(9)
    sources = [CHROMIUM, text_of(offered("RTP/SAVP", f"crypto:{GCM}", f"crypto:{AES_CM}|2^20"))]
    for _ in range(3000):
        data = bytearray(dice.choice(sources).encode())
        for _ in range(dice.randrange(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            answered(Sdp.parse(bytes(data)), a_secrecy(browser=True)).sdp.serialise()
        except RemoteProtocolError:
            pass
