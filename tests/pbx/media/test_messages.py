"""The protocol between core and worker: every shape there and back, and whatever else is a bad frame."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.media import messages
from pbx.media.messages import (
    BadFrame,
    Close,
    Closed,
    Command,
    Digit,
    Failed,
    FromWorker,
    Hello,
    LegReport,
    LegStatistics,
    MediaSilent,
    MediaStarted,
    Open,
    Opened,
    PauseRecord,
    Play,
    PlaybackEnded,
    Record,
    RecordedSegment,
    RecordingClosed,
    RecordingCut,
    RecordLeg,
    Report,
    SdesKeys,
    Secure,
    SendDigits,
    SetCookie,
    Statistics,
    StopPlay,
    StopRecord,
    Unbridge,
    UnrecordLeg,
    Update,
    Welcome,
    decode_command,
    decode_from_worker,
    encode,
    frame_length,
)

ID = UUID(int=9)
COMMANDS: list[Command] = [
    Hello(version=1, epoch=2),
    Open(id=1, call_id=ID, address="127.0.0.1", cookie=bytes(range(256))),
    Update(
        id=2,
        leg=3,
        remote_address="127.0.0.1",
        remote_port=4000,
        codec="pcma",
        payload_type=8,
        dtmf_payload_type=101,
        direction="recvonly",
        sources=("127.0.0.1", "192.0.2.1"),
        cookie=b"",
    ),
    SetCookie(id=3, leg=3, cookie=b"x"),
    messages.Bridge(id=4, leg=3, other=4),
    Unbridge(id=5, leg=3),
    Play(id=6, leg=3, files=("a.wav", "b.wav"), loop=True),
    StopPlay(id=7, leg=3),
    SendDigits(id=8, leg=3, digits="12#"),
    Record(id=9, recording_id=ID, left=3, right=None, path="2030/01/01/a.dzr"),
    Record(id=9, recording_id=ID, left=3, right=4, path="2030/01/01/a.dzr", who=("party 7", "101")),
    RecordLeg(id=9, recording_id=ID, leg=3, channel=1, who="102"),
    UnrecordLeg(id=9, leg=3),
    PauseRecord(id=9, recording_id=ID, on=True),
    StopRecord(id=10, recording_id=ID),
    Close(id=11, leg=3),
    Report(id=12, leg=3),
    Secure(id=13, leg=3, sdes=SdesKeys(suite="AEAD_AES_128_GCM", ours=bytes(28), theirs=b"k" * 28)),
    Secure(
        id=14, leg=3, fingerprints=("sha-256 AB",), ice_ufrag="u", ice_password="p", remote_ufrag="r", rtcp_mux=True
    ),
]
FROM_WORKER: list[FromWorker] = [
    Welcome(
        version=1,
        pid=2,
        legs=(
            LegReport(leg=1, call_id=ID, cookie=b"c", address="127.0.0.1", port=4000, recording_id=ID, bridged=None),
        ),
        more=True,
    ),
    Opened(id=1, leg=3, port=4000),
    Failed(id=3, reason="no ports"),
    Statistics(id=4, leg=3, statistics=LegStatistics(received=5, round_trip_ms=1.5)),
    Closed(id=5, leg=3, statistics=LegStatistics(strangers=7)),
    Digit(leg=3, digit="#", milliseconds=100),
    MediaStarted(leg=3),
    MediaSilent(leg=3, seconds=60.5, lost=True),
    PlaybackEnded(leg=3, playback=6, reason="done"),
    RecordingCut(recording_id=ID, reason="disk full"),
    RecordingCut(recording_id=ID, reason="disk full", over=True),
    RecordingClosed(recording_id=ID, seconds=1.5, cut=False, path="a.dzr"),
    RecordingClosed(
        recording_id=ID,
        seconds=1.5,
        cut=True,
        path="a.dzr",
        reason="disk full",
        segments=(RecordedSegment(channel=1, who="102", begin=0.5, end=1.0),),
        pauses=((0.1, 0.2),),
    ),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_commands_there(command: Command) -> None:
    frame = encode(command)
    assert frame_length(frame[:4]) == len(frame) - 4
    assert decode_command(frame[4:]) == command


@pytest.mark.parametrize("message", FROM_WORKER, ids=lambda message: type(message).__name__)
def test_answers_and_notices_back(message: FromWorker) -> None:
    assert decode_from_worker(encode(message)[4:]) == message


def test_no_log_shows_a_key() -> None:
    assert "kkk" not in repr(SdesKeys(suite="AEAD_AES_128_GCM", ours=b"k" * 28, theirs=b"k" * 28))


def test_nothing_longer_than_a_frame_is_sent() -> None:
    with pytest.raises(ValueError):
        encode(SetCookie(id=1, leg=1, cookie=bytes(messages.MAX_FRAME)))


@pytest.mark.parametrize("head", [b"\x00\x00\x00\x00", b"\x00\x01\x00\x01", b"\xff\xff\xff\xff"])
def test_a_frame_too_long_or_empty_is_refused_before_it_is_read(head: bytes) -> None:
    with pytest.raises(BadFrame):
        frame_length(head)


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_a_bad_frame(body: bytes) -> None:
    for decode in (decode_command, decode_from_worker):
        try:
            decode(body)
        except BadFrame:
            pass


@given(st.integers(0, len(COMMANDS) - 1), st.integers(0, 200), st.integers(0, 255))
def test_an_altered_message_is_a_message_or_a_bad_frame(number: int, at: int, octet: int) -> None:
    body = bytearray(encode(COMMANDS[number])[4:])
    body[at % len(body)] = octet
    try:
        decode_command(bytes(body))
    except BadFrame:
        pass
