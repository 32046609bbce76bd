"""Session descriptions: RFC 8866, RFC 3264 §8."""

from dataclasses import replace

import pytest

from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.sdp import Direction, Sdp, direction_of, is_unchanged, succeeding

TEXT = b"\r\n".join(
    [
        b"v=0",
        b"o=bob 280744730 28977631 IN IP4 host.example.com",
        b"s=",
        b"i=unknown to us",
        b"c=IN IP4 192.0.2.9/127",
        b"t=0 0",
        b"a=sendonly",
        b"m=audio 22334/2 RTP/AVP 0 101",
        b"c=IN IP6 2001:db8::1",
        b"a=rtpmap:101 telephone-event/8000",
        b"a=rtcp-mux",
        b"m=video 6024 RTP/AVP 107",
        b"a=recvonly",
        b"x=odd",
        b"",
    ]
)


def test_reads_what_matters() -> None:
    sdp = Sdp.parse(TEXT)
    audio, video = sdp.media
    assert (sdp.origin.session_id, sdp.origin.version, sdp.origin.address) == (
        "280744730",
        "28977631",
        "host.example.com",
    )
    assert (audio.media, audio.port, audio.protocol, audio.formats) == ("audio", 22334, "RTP/AVP", ("0", "101"))
    assert audio.attribute("rtpmap") == "101 telephone-event/8000"
    assert audio.attribute("rtcp-mux") == ""
    assert audio.attribute("ptime") is None
    assert sdp.connection_of(audio) == "2001:db8::1"
    assert sdp.connection_of(video) == "192.0.2.9"
    assert sdp.direction_of(audio) is Direction.SENDONLY
    assert sdp.direction_of(video) is Direction.RECVONLY


def test_unknown_lines_are_kept() -> None:
    sdp = Sdp.parse(TEXT)
    written = sdp.serialise()
    assert Sdp.parse(written) == sdp
    assert b"i=unknown to us\r\n" in written
    assert written.endswith(b"x=odd\r\n")


def test_sloppy_line_ends_are_read() -> None:
    assert Sdp.parse(TEXT.replace(b"\r\n", b"\n")) == Sdp.parse(TEXT)
    assert Sdp.parse(TEXT.replace(b"\r\n", b" \r\n") + b"\r\n\r\n") == Sdp.parse(TEXT)


def test_a_missing_s_or_t_line_is_forgiven() -> None:
    assert (
        len(Sdp.parse(b"v=0\r\no=m 1 2 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 0\r\n").media) == 1
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"v=1\r\no=m 1 2 IN IP4 h\r\n",
        b"o=m 1 2 IN IP4 h\r\nv=0\r\n",
        b"v=0\r\n",
        b"v=0\r\no=m 1 2 IN IP4\r\n",
        b"v=0\r\no=m 1 2 IN IP4 h\r\no=m 1 2 IN IP4 h\r\n",
        b"v=0\r\no=m 1 2 IN IP4 h\r\nnonsense\r\n",
        b"v=0\r\no=m 1 2 IN IP4 h\r\nab=c\r\n",
        b"v=0\r\no=m 1 2 IN IP4 h\r\nm=audio 9 RTP/AVP\r\n",
        b"v=0\r\no=m 1 2 IN IP4 h\r\nm=audio 65536 RTP/AVP 0\r\n",
        b"v=0\r\no=m 1 2 IN IP4 h\r\nm=audio -1 RTP/AVP 0\r\n",
        "v=0\r\no=m 1 2 IN IP4 h\r\nm=audio ٩ RTP/AVP 0\r\n".encode(),
        b"v=0\r\no=m 1 2 IN IP4 h\r\n" + b"m=audio 9 RTP/AVP 0\r\n" * 17,
        b"v=0\r\no=m 1 2 IN IP4 h\r\n" + b"a=x\r\n" * 1100,
        b"v=0\r\n" + b"x" * 65536,
    ],
)
def test_what_is_no_session_description(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Sdp.parse(text)
    assert caught.value.status == 400


@pytest.mark.parametrize("line", [b"c=IN IP4", b"c=TN IP4 x", b"c=IN E164 380", b"c="])
def test_a_connection_that_is_not_the_internet(line: bytes) -> None:
    sdp = Sdp.parse(b"v=0\r\no=m 1 2 IN IP4 h\r\n" + line + b"\r\nm=audio 9 RTP/AVP 0\r\n")
    with pytest.raises(RemoteProtocolError):
        sdp.connection_of(sdp.media[0])


def test_what_we_write_stays_on_its_line() -> None:
    sdp = Sdp.parse(TEXT)
    with pytest.raises(LocalProtocolError):
        replace(sdp, lines=(("s", "a\r\nc=IN IP4 evil"),)).serialise()


@pytest.mark.parametrize(
    ("direction", "other_side"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_a_direction_has_two_ends(direction: str, other_side: str) -> None:
    assert Direction(direction).reversed is Direction(other_side)


def test_directions_narrow_each_other() -> None:
    assert Direction.SENDRECV & Direction.RECVONLY is Direction.RECVONLY
    assert Direction.SENDONLY & Direction.RECVONLY is Direction.INACTIVE
    assert direction_of(sends=True, receives=False) is Direction.SENDONLY


def test_the_version_goes_up_by_one_when_something_changed() -> None:
    first = Sdp.parse(TEXT)
    held = replace(first, lines=(*first.lines, ("a", "inactive")))
    assert succeeding(first, held).origin == replace(first.origin, version="28977632")
    assert succeeding(first, replace(held, origin=replace(held.origin, version="9"))).origin.version == "28977632"


def test_the_version_stays_when_nothing_changed() -> None:
    first = Sdp.parse(TEXT)
    assert succeeding(first, replace(first, origin=replace(first.origin, version="77"))) == first


def test_only_descriptions_of_ours_are_counted_on() -> None:
    foreign = replace(Sdp.parse(TEXT), origin=replace(Sdp.parse(TEXT).origin, version="١"))
    with pytest.raises(LocalProtocolError):
        succeeding(foreign, replace(foreign, lines=()))


def test_a_peer_that_repeats_its_version_has_changed_nothing() -> None:
    first = Sdp.parse(TEXT)
    assert is_unchanged(first, Sdp.parse(TEXT))
    assert not is_unchanged(first, replace(first, origin=replace(first.origin, version="1")))
