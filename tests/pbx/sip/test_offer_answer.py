"""Offer and answer: RFC 3264, RFC 3551, RFC 4733, RFC 3605, RFC 5761."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pbx.sip.errors import LocalProtocolError
from pbx.sip.offer_answer import (
    COMFORT_NOISE,
    EVENTS,
    G722,
    PCMA,
    PCMU,
    SPEECH,
    TELEPHONE_EVENT,
    Answer,
    Codec,
    Direction,
    NotAcceptable,
    accept,
    answer,
    in_common,
    offer,
)
from pbx.sip.sdp import Sdp

OPUS = Codec(name="opus", clock_rate=48000, channels=2, payload_type=111)
ALL = (PCMA, PCMU, TELEPHONE_EVENT)


def an_sdp(*lines: str, address: str = "192.0.2.101") -> Sdp:
    family = "IP6" if ":" in address else "IP4"
    head = ["v=0", "o=a 1 1 IN IP4 192.0.2.101", "s=-", f"c=IN {family} {address}", "t=5 6"]
    return Sdp.parse("\r\n".join([*head, *lines, ""]).encode())


def answered(remote: Sdp, supported: Sequence[Codec] = ALL, direction: Direction = Direction.SENDRECV) -> Answer:
    return answer(
        remote, address="192.0.2.1", port=40000, supported=supported, direction=direction, session_id=7, version=1
    )


def our_offer(*codecs: Codec, direction: Direction = Direction.SENDRECV) -> Sdp:
    return offer(address="192.0.2.1", port=40000, codecs=codecs or ALL, direction=direction, session_id=7, version=1)


def refused(remote: Sdp) -> NotAcceptable:
    with pytest.raises(NotAcceptable) as caught:
        answered(remote)
    assert caught.value.status == 488
    return caught.value


USUAL = an_sdp("m=audio 49172 RTP/AVP 0 8 97", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-15", "a=ptime:30")


def test_the_first_codec_of_the_peer_that_we_support() -> None:
    result = answered(USUAL)
    assert result.codec == PCMU
    assert (result.remote_address, result.remote_port, result.remote_rtcp_port) == ("192.0.2.101", 49172, 49173)
    assert (result.direction, result.ptime, result.rtcp_mux) == (Direction.SENDRECV, 30, False)
    assert answered(an_sdp("m=audio 9 RTP/AVP 4 8 0")).codec == PCMA


def test_digits_keep_the_peers_number() -> None:
    result = answered(USUAL)
    assert result.dtmf_payload_type == 97
    assert result.sdp.media[0].formats == ("0", "97")
    assert "97 telephone-event/8000" in result.sdp.media[0].attributes("rtpmap")
    assert "97 0-15" in result.sdp.media[0].attributes("fmtp")


def test_without_digits_offered_there_are_none() -> None:
    result = answered(an_sdp("m=audio 9 RTP/AVP 8"))
    assert result.dtmf_payload_type is None
    assert result.sdp.media[0].formats == ("8",)


def test_digits_of_another_clock_rate_are_left_out() -> None:
    remote = an_sdp("m=audio 9 RTP/AVP 8 97", "a=rtpmap:97 telephone-event/48000")
    assert answered(remote).dtmf_payload_type is None


def test_the_written_answer() -> None:
    assert answered(USUAL).sdp.serialise() == (
        b"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=5 6\r\nm=audio 40000 RTP/AVP 0 97\r\n"
        b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def test_a_dynamic_number_may_name_a_static_codec() -> None:
    result = answered(an_sdp("m=audio 9 RTP/AVP 96", "a=rtpmap:96 pcma/8000/1"))
    assert result.codec.is_same(PCMA)
    assert result.codec.payload_type == 96
    assert result.sdp.media[0].formats == ("96",)


def test_the_answer_has_the_peers_number_and_our_format_parameters() -> None:
    remote = an_sdp("m=audio 9 RTP/AVP 111 9 0", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 stereo=1;cbr=1")
    result = answered(remote, [replace(OPUS, payload_type=107, fmtp="useinbandfec=1"), G722, PCMU])
    assert result.codec == replace(OPUS, fmtp="useinbandfec=1")
    assert result.sdp.media[0].attribute("fmtp") == "111 useinbandfec=1"
    assert answered(remote, [G722, PCMU]).codec == G722
    assert answered(remote, [PCMU, TELEPHONE_EVENT]).codec == PCMU


def test_the_other_legs_codec_is_chosen_wherever_it_stands() -> None:
    remote = an_sdp("m=audio 9 RTP/AVP 9 8 0")
    ours = [*SPEECH, TELEPHONE_EVENT]
    for preferred, chosen in ((None, G722), (PCMU, PCMU), (OPUS, G722)):
        result = answer(
            remote, address="192.0.2.1", port=4, supported=ours, preferred=preferred, session_id=7, version=1
        )
        assert result.codec == chosen


def test_g722_is_written_with_the_clock_of_8000_that_it_has_not() -> None:
    """RFC 3551 §4.5.2."""
    assert "9 G722/8000" in our_offer(G722).media[0].attributes("rtpmap")


def test_our_offer_has_digits_at_the_clock_of_each_codec() -> None:
    """RFC 4733 §2.1."""
    media = our_offer(PCMA, replace(OPUS, payload_type=107), TELEPHONE_EVENT).media[0]
    assert media.formats == ("8", "107", "101", "110")
    assert media.attributes("rtpmap")[2:] == ["101 telephone-event/8000", "110 telephone-event/48000"]
    assert our_offer(PCMA, TELEPHONE_EVENT).media[0].formats == ("8", "101")


def test_no_two_codecs_of_our_offer_have_one_number() -> None:
    clash = replace(OPUS, payload_type=EVENTS[2].payload_type)
    formats = our_offer(PCMA, clash, TELEPHONE_EVENT).media[0].formats
    assert len(set(formats)) == len(formats) == 4


@pytest.mark.parametrize(
    ("numbers", "chosen"), [("101 110", (110, 48000)), ("110 101", (110, 48000)), ("101", (101, 8000))]
)
def test_digits_follow_the_clock_of_the_speech_where_the_peer_has_such(numbers: str, chosen: tuple[int, int]) -> None:
    """Some phones write telephone-event/8000 alone beside Opus."""
    maps = ["a=rtpmap:111 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:110 telephone-event/48000"]
    result = answered(an_sdp(f"m=audio 9 RTP/AVP 111 {numbers}", *maps), [*SPEECH, TELEPHONE_EVENT])
    assert result.dtmf is not None
    assert (result.dtmf.payload_type, result.dtmf.clock_rate) == chosen


def test_every_other_stream_is_refused_in_its_place() -> None:
    result = answered(
        an_sdp(
            "m=video 6000 RTP/AVP 96",
            "m=audio 0 RTP/AVP 0",
            "m=audio 7000 RTP/SAVP 0",
            "m=audio 8000 RTP/AVP 0",
            "m=audio 8002 RTP/AVP 0",
            "m=image 9000 udptl t38",
        )
    )
    assert [(media.media, media.port, media.protocol) for media in result.sdp.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("audio", 0, "RTP/SAVP"),
        ("audio", 40000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("image", 0, "UDPTL"),
    ]
    assert result.remote_port == 8000
    assert result.sdp.media[5].formats == ("t38",)


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ([], "304"),
        (["m=video 6000 RTP/AVP 96"], "304"),
        (["m=audio 0 RTP/AVP 0"], "304"),
        (["m=audio 9 RTP/SAVP 0"], "302"),
        (["m=audio 9 UDP/TLS/RTP/SAVPF 0"], "302"),
        (["m=audio 9 RTP/AVP 18 4"], "305"),
        (["m=audio 9 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"], "305"),
        (["m=audio 9 RTP/AVP 0", "a=rtpmap:0 G729/8000"], "305"),
        (["m=audio 9 RTP/AVP x 300 -1"], "305"),
    ],
)
def test_nothing_in_common_is_488_with_a_reason(lines: list[str], warning: str) -> None:
    error = refused(an_sdp(*lines))
    assert error.headers[0][0] == "Warning"
    assert error.headers[0][1].startswith(f"{warning} dzvin ")


@pytest.mark.parametrize("address", ["224.2.1.1", "255.255.255.255", "ff02::1", "host.example.com", "1.2.3", "x"])
def test_addresses_that_no_single_host_has_are_refused(address: str) -> None:
    refused(an_sdp("m=audio 9 RTP/AVP 0", address=address))


def test_a_missing_address_is_refused() -> None:
    refused(Sdp.parse(b"v=0\r\no=m 1 2 IN IP4 h\r\nm=audio 9 RTP/AVP 0\r\n"))


def test_ipv6() -> None:
    assert answered(an_sdp("m=audio 9 RTP/AVP 0", address="2001:db8::20")).remote_address == "2001:db8::20"
    ours = offer(address="2001:db8::1", port=40000, session_id=1, version=1)
    assert b"c=IN IP6 2001:db8::1\r\n" in ours.serialise()


@pytest.mark.parametrize(
    ("offered", "willing", "ours"),
    [
        ("sendrecv", Direction.SENDRECV, Direction.SENDRECV),
        ("sendonly", Direction.SENDRECV, Direction.RECVONLY),
        ("recvonly", Direction.SENDRECV, Direction.SENDONLY),
        ("inactive", Direction.SENDRECV, Direction.INACTIVE),
        ("sendrecv", Direction.SENDONLY, Direction.SENDONLY),
        ("sendonly", Direction.SENDONLY, Direction.INACTIVE),
    ],
)
def test_the_answer_narrows_the_direction(offered: str, willing: Direction, ours: Direction) -> None:
    result = answered(an_sdp("m=audio 9 RTP/AVP 0", f"a={offered}"), direction=willing)
    assert result.direction is ours
    assert result.sdp.direction_of(result.sdp.media[0]) is ours


def test_a_direction_of_the_session_holds_for_its_media() -> None:
    assert answered(an_sdp("a=sendonly", "m=audio 9 RTP/AVP 0")).direction is Direction.RECVONLY
    assert answered(an_sdp("a=sendonly", "m=audio 9 RTP/AVP 0", "a=sendrecv")).direction is Direction.SENDRECV


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_an_address_of_zeros_is_hold(address: str) -> None:
    result = answered(an_sdp("m=audio 9 RTP/AVP 0", address=address))
    assert result.remote_address is None
    assert result.direction is Direction.RECVONLY


@pytest.mark.parametrize(
    ("lines", "port", "mux"),
    [
        (["a=rtcp:53020"], 53020, False),
        (["a=rtcp:53020 IN IP4 126.16.64.4"], 53020, False),
        (["a=rtcp:0"], 49173, False),
        (["a=rtcp:٩"], 49173, False),
        (["a=rtcp-mux"], 49172, True),
    ],
)
def test_where_rtcp_goes(lines: list[str], port: int, mux: bool) -> None:
    result = answered(an_sdp("m=audio 49172 RTP/AVP 0", *lines))
    assert (result.remote_rtcp_port, result.rtcp_mux) == (port, mux)
    assert result.sdp.media[0].attribute("rtcp-mux") is None  # not agreed to before the media plane can do it


def test_what_can_be_offered_onwards() -> None:
    remote = an_sdp(
        "m=audio 0 RTP/AVP 8",
        "m=audio 9 RTP/AVP 0 18 97 96",
        "a=rtpmap:97 telephone-event/8000",
        "a=rtpmap:96 pcma/8000",
    )
    assert in_common(remote, ALL) == (PCMU, TELEPHONE_EVENT, PCMA)
    assert in_common(an_sdp("m=video 9 RTP/AVP 0"), ALL) == ()


def test_our_offer() -> None:
    assert our_offer().serialise() == (
        b"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n"
        b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
        b"a=ptime:20\r\na=sendrecv\r\n"
    )
    with pytest.raises(LocalProtocolError):
        offer(address="192.0.2.1", port=40000, codecs=[], session_id=1, version=1)


def test_a_later_offer_keeps_the_places_of_its_streams() -> None:
    ours = answered(an_sdp("m=video 6000 RTP/AVP 96", "m=audio 8000 RTP/AVP 8 0")).sdp
    held = offer(
        address="192.0.2.1",
        port=40000,
        codecs=[PCMA],
        direction=Direction.SENDONLY,
        session_id=0,
        version=0,
        previous=ours,
    )
    assert [(media.media, media.port) for media in held.media] == [("video", 0), ("audio", 40000)]
    assert (held.origin.session_id, held.origin.version) == ("7", "2")
    assert accept(held, answered(held).sdp).direction is Direction.SENDONLY


def test_the_same_offer_again_keeps_its_version() -> None:
    first = our_offer()
    again = offer(address="192.0.2.1", port=40000, codecs=ALL, session_id=0, version=0, previous=first)
    assert again == first


def test_the_peers_answer_to_our_offer() -> None:
    result = accept(our_offer(), USUAL)
    assert result.codec == PCMU
    assert result.dtmf_payload_type == 97
    assert (result.remote_address, result.remote_port) == ("192.0.2.101", 49172)


def test_our_own_answer_is_one_that_our_offer_accepts() -> None:
    agreed = answered(our_offer(PCMA, TELEPHONE_EVENT))
    result = accept(our_offer(PCMA, TELEPHONE_EVENT), agreed.sdp)
    assert (result.codec, result.dtmf_payload_type) == (PCMA, 101)


def test_our_hold_is_answered_by_listening() -> None:
    held = our_offer(direction=Direction.SENDONLY)
    result = accept(held, answered(held).sdp)
    assert result.direction is Direction.SENDONLY


def test_an_answer_that_offers_more_than_we_did_is_narrowed() -> None:
    assert accept(our_offer(direction=Direction.SENDONLY), USUAL).direction is Direction.SENDONLY


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["m=video 9 RTP/AVP 0"],
        ["m=audio 0 RTP/AVP 0"],
        ["m=audio 9 RTP/SAVP 0"],
        ["m=audio 9 RTP/AVP 9"],
    ],
)
def test_an_answer_that_does_not_fit_the_offer(lines: list[str]) -> None:
    with pytest.raises(NotAcceptable):
        accept(our_offer(), an_sdp(*lines))


def test_an_offer_of_ours_has_a_stream() -> None:
    with pytest.raises(LocalProtocolError):
        accept(an_sdp(), USUAL)


def version_of(sdp: Sdp) -> int:
    return int(sdp.origin.version)


def again(previous: Sdp, *codecs: Codec, direction: Direction = Direction.SENDRECV) -> Sdp:
    return offer(
        address="192.0.2.1", port=40000, codecs=codecs or ALL, direction=direction, session_id=9, version=1,
        previous=previous,
    )  # fmt: skip


def test_each_changed_offer_counts_its_version_up_by_one_in_the_same_session() -> None:
    first = our_offer()
    held = again(first, direction=Direction.SENDONLY)
    resumed = again(held)
    assert [version_of(sdp) for sdp in (first, held, resumed)] == [1, 2, 3]
    assert {sdp.origin.session_id for sdp in (first, held, resumed)} == {"7"}


def test_an_offer_may_change_the_codec() -> None:
    changed = again(our_offer(), PCMU)
    assert changed.media[0].formats == ("0",)
    assert version_of(changed) == 2


@pytest.mark.parametrize("hold", ["a=sendonly", "a=inactive", "c=IN IP4 0.0.0.0"])
def test_hold_in_a_reoffer_and_back(hold: str) -> None:
    """Each answer allows us to send exactly when the peer receives (RFC 3264 §8.4)."""
    assert not answered(an_sdp("m=audio 49172 RTP/AVP 0", hold)).direction.sends
    assert answered(an_sdp("m=audio 49172 RTP/AVP 0")).direction.sends


def test_a_peer_may_move_its_audio_to_another_place() -> None:
    result = answered(an_sdp("m=audio 0 RTP/AVP 0", "m=audio 49174 RTP/AVP 8"))
    assert [media.port for media in result.sdp.media] == [0, 40000]
    assert (result.codec, result.remote_port) == (PCMA, 49174)


def test_an_offer_that_disables_every_stream_is_488() -> None:
    """The session goes on as it was: whoever wants to end it says BYE."""
    assert refused(an_sdp("m=audio 0 RTP/AVP 0")).headers[0][1].startswith("304")


# ---- comfort noise, RFC 3389 ----------------------------------------------------------------------------------------

HUSHING = (PCMA, PCMU, G722, OPUS, COMFORT_NOISE, TELEPHONE_EVENT)


@pytest.mark.parametrize(("formats", "taken"), [("8 13 101", True), ("9 101 13", True), ("111 13 101", False)])
def test_comfort_noise_is_answered_beside_a_codec_that_has_none_of_its_own(formats: str, taken: bool) -> None:
    remote = an_sdp(f"m=audio 9 RTP/AVP {formats}", "a=rtpmap:111 opus/48000/2", "a=rtpmap:101 telephone-event/8000")
    result = answered(remote, HUSHING)
    assert (result.noise == COMFORT_NOISE) is taken
    assert ("13" in result.sdp.media[0].formats) is taken
    assert result.dtmf_payload_type == 101


def test_comfort_noise_is_not_answered_where_it_was_not_offered() -> None:
    result = answered(USUAL, HUSHING)
    assert result.noise is None
    assert "13" not in result.sdp.media[0].formats


def test_an_answer_with_comfort_noise_is_taken_where_we_offered_it() -> None:
    theirs = an_sdp("m=audio 9 RTP/AVP 8 13")
    assert accept(our_offer(PCMA, COMFORT_NOISE), theirs).noise == COMFORT_NOISE
    assert accept(our_offer(PCMA, TELEPHONE_EVENT), theirs).noise is None


def test_what_the_peer_wants_of_its_codec_is_kept_beside_what_we_want() -> None:
    remote = an_sdp("m=audio 9 RTP/AVP 111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 usedtx=1")
    result = answered(remote, [replace(OPUS, payload_type=107, fmtp="useinbandfec=1")])
    assert (result.remote_fmtp, result.codec.fmtp) == ("usedtx=1", "useinbandfec=1")
