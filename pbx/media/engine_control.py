"""The control thread's view of the engine: typed commands down, events up, figures whenever somebody asks."""

from __future__ import annotations

import ipaddress
import secrets
import threading
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from pbx.media import engine_numbers as numbers
from pbx.media.codec_libraries import (
    LIBRARIES,
    NO_STATES,
    OPUS_SET_PACKET_LOSS,
    States,
    call_table,
    free_states,
    new_states,
    opus_settings,
)
from pbx.media.engine_numbers import NONE, SOURCES
from pbx.media.leg_figures import LegFigures
from pbx.media.loading import engine_class
from pbx.media.messages import (
    CodecName,
    Digit,
    DirectionName,
    MediaQuiet,
    MediaSilent,
    MediaStarted,
    OpusWishes,
    PlaybackEnd,
    PlaybackEnded,
    RoomPlaybackEnded,
)
from pbx.media.record_buffers import RecordBuffers
from pbx.media.srtp_library import Keys, free_session, new_session
from pbx.rtp import dtmf
from pbx.rtp.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW, Law, alaw_to_linear, encoding_table, ulaw_to_linear

CODEC_NUMBERS: dict[CodecName, int] = {
    "pcmu": numbers.ULAW,
    "pcma": numbers.ALAW,
    "gsm": numbers.GSM,
    "speex": numbers.SPEEX,
    "speex16": numbers.SPEEX_WIDE,
    "g722": numbers.G722,
    "opus": numbers.OPUS,
}
CLOCKS: dict[CodecName, int] = {"opus": 48, "speex16": 16}  # RTP timestamp units in a millisecond; of all others 8
PLAYBACK_ENDS: tuple[PlaybackEnd, ...] = ("done", "stopped", "replaced", "closed", "failed")
COMMAND_PATIENCE = 2.0  # seconds for the engine to take commands out of a full box


def law_of(codec: CodecName) -> Law:
    """In which law a prompt for a leg of this codec lies in memory."""
    return Law.ULAW if codec == "pcmu" else Law.ALAW


class EngineStuck(Exception):
    """The engine takes no commands: its thread is gone or starved. The worker cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    legs: int = 2048
    rooms: int = 512
    recordings: int = 1024
    prompt_octets: int = 64 * 1024 * 1024  # memory is taken as it is used
    silent_after: float = 5.0  # seconds
    lost_after: float = 60.0
    learn_for: float = 10.0


@dataclass(frozen=True, slots=True)
class LegClosed:
    leg: int


@dataclass(frozen=True, slots=True)
class RecordEnded:
    slot: int


@dataclass(frozen=True, slots=True)
class RoomClosed:
    room: int


@dataclass(frozen=True, slots=True)
class Aside:
    """A datagram on a secure leg's port that is no RTP. Nothing in it is proven, nor where it came from."""

    leg: int
    data: bytes
    host: str
    port: int


EngineEvent = (
    Digit
    | MediaStarted
    | MediaSilent
    | MediaQuiet
    | PlaybackEnded
    | RoomPlaybackEnded
    | LegClosed
    | RecordEnded
    | RoomClosed
    | Aside
)


class EngineControl:
    """Owns the engine and its thread. Every method is for the control thread alone, but for `recordings`' own rules."""

    def __init__(self, settings: Settings, *, interpreted: bool = False) -> None:
        self.settings = settings
        self.engine = engine_class(interpreted=interpreted)(
            settings.legs,
            settings.rooms,
            settings.recordings,
            settings.prompt_octets,
            ULAW_TO_ALAW + ALAW_TO_ULAW,
            array("h", [to_linear(octet) for to_linear in (ulaw_to_linear, alaw_to_linear) for octet in range(256)]),
            encoding_table(Law.ULAW) + encoding_table(Law.ALAW),
            call_table(),
            settings.silent_after,
            settings.lost_after,
            settings.learn_for,
        )
        self._locked: dict[int, tuple[Keys | None, int, int]] = {}  # the keys of secure legs, and their sessions
        self._states: dict[int, dict[int, States]] = {}  # of each leg, by codec
        self._thread = threading.Thread(target=self.engine.run, name="media engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and gives the descriptors back."""
        if self._thread.is_alive():
            self.engine.stop()
            self._thread.join()
        self.events()  # gives sessions back
        for leg in list(self._states):
            self._free_states(leg)
        self.engine.close()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def recordings(self) -> RecordBuffers:
        return self.engine.recordings()

    def event_descriptor(self) -> int:
        return self.engine.event_descriptor()

    def events(self) -> list[EngineEvent]:
        """What happened since the last call, in order."""
        found: list[EngineEvent] = []
        for row in self.engine.take_events():
            if row[0] == numbers.CLOSED:
                self._locked.pop(row[1], None)
                self._free_states(row[1])
            if row[0] == numbers.UNLOCKED:
                for session in row[2:]:
                    free_session(session)
            elif row[0] == numbers.ASIDE:
                host = str(ipaddress.IPv4Address(row[3] >> 16))
                found.append(Aside(row[1], self.engine.take_aside(row[2]), host, row[3] & 0xFFFF))
            else:
                found.append(_event(*row))
        return found

    def figures(self, leg: int) -> LegFigures:
        heard, sent, shares, drops = self.engine.figures(leg)
        return LegFigures(
            received=heard[0],
            received_octets=heard[1],
            expected=heard[2],
            jitter=heard[3],
            heard_ssrc=heard[4],
            highest_sequence=heard[5],
            digits=heard[6],
            latch=heard[7],
            clock=heard[8],
            sent=sent[0],
            sent_octets=sent[1],
            send_failed=sent[2],
            ssrc=sent[3],
            timestamp=sent[4],
            timestamp_ns=sent[5],
            address=str(ipaddress.IPv4Address(sent[6])),
            port=sent[7],
            drops=drops,
            joined_ms=shares[0],
            talk_ms=shares[1],
            overtalk_ms=shares[2],
            silence_ms=shares[3],
        )

    # ---- commands ------------------------------------------------------------------------------------------------

    def open_leg(self, leg: int, fd: int) -> None:
        """Listen on `fd`, which stays open until LegClosed comes. RFC 3550 §5.1: all three numbers begin at random."""
        self._send(numbers.OPEN, leg, fd, secrets.randbits(32), secrets.randbits(16), secrets.randbits(32))

    def update(
        self,
        leg: int,
        *,
        address: str,
        port: int,
        codec: CodecName,
        payload_type: int,
        event_type: int | None,
        event_clock_rate: int = 8000,
        inband: bool = False,
        noise_type: int | None = None,
        direction: DirectionName,
        sources: Sequence[str],
        learn_port: bool,
    ) -> None:
        """Raises ValueError when `address` is no IPv4 address, LibraryMissing for a codec that is not here; `sources`
        that are none are of no use and left out."""
        target = ipaddress.IPv4Address(address)
        states = self._states_for(leg, CODEC_NUMBERS[codec])
        self._send(numbers.LEND, leg, states.encoder, states.decoder, states.monitor)
        self._send(
            numbers.UPDATE,
            leg,
            int(target),
            port if may_be_fed(target) else 0,
            payload_type,
            NONE if event_type is None else event_type,
            CODEC_NUMBERS[codec],
            direction in ("sendrecv", "sendonly"),
            direction in ("sendrecv", "recvonly"),
            direction == "sendrecv",
            learn_port,
            CLOCKS.get(codec, 8),
            event_clock_rate // 1000,
            inband,
            NONE if noise_type is None else noise_type,
        )
        self._vouch(leg, sources)

    def tune_opus(self, leg: int, wishes: OpusWishes) -> None:
        """After an `update` to Opus: send it as the far end wants it."""
        for request, value in opus_settings(wishes):
            self._send(numbers.TUNE, leg, request, value)

    def _vouch(self, leg: int, sources: Sequence[str]) -> None:
        vouched = [int(source) for source in map(_ipv4, sources) if source is not None][:SOURCES]
        for number in range(SOURCES):
            self._send(numbers.VOUCH, leg, number, vouched[number] if number < len(vouched) else 0)

    def expect_loss(self, leg: int, percent: int) -> None:
        """So many of our packets do not arrive: Opus says them again in the next ones, where the far end wants that."""
        self._send(numbers.TUNE, leg, OPUS_SET_PACKET_LOSS, percent)

    def keep_secret(self, leg: int, *, on: bool) -> None:
        """While it is on, nothing that the leg says is recorded, and its digits are passed to nobody."""
        self._send(numbers.KEEP_SECRET, leg, on)

    def _states_for(self, leg: int, codec: int) -> States:
        """What the codec's library keeps of this leg, as long as the leg lives."""
        if codec not in LIBRARIES:
            return NO_STATES
        owned = self._states.setdefault(leg, {})
        if codec not in owned:
            owned[codec] = new_states(codec)
        return owned[codec]

    def _free_states(self, leg: int) -> None:
        for codec, states in self._states.pop(leg, {}).items():
            free_states(codec, states)

    def secure(self, leg: int, keys: Keys | None, *, ice: bool) -> None:
        """From now on, and for as long as it lives, this leg carries nothing plain; without keys nothing at all. With
        `ice`, who has the keys may speak from anywhere, and sound goes to who was nominated. Raises BadKeys."""
        before, hears, speaks = self._locked.get(leg, (None, 0, 0))
        # A key that goes on must go on in its session: one anew would count packets from the start, and seal two of
        # them with one keystream (RFC 3711 §9.1).
        if keys is None or before is None or (keys.suite, keys.theirs) != (before.suite, before.theirs):
            hears = new_session(keys.suite, keys.theirs, inbound=True) if keys is not None else 0
        if keys is None or before is None or (keys.suite, keys.ours) != (before.suite, before.ours):
            speaks = new_session(keys.suite, keys.ours, inbound=False) if keys is not None else 0
        self._locked[leg] = keys, hears, speaks
        self._send(numbers.SECURE, leg, hears, speaks, ice)

    def nominate(self, leg: int, host: str, port: int) -> None:
        self._send(numbers.NOMINATE, leg, int(ipaddress.IPv4Address(host)), port)

    def bridge(self, leg: int, other: int) -> None:
        self._send(numbers.BRIDGE, leg, other)

    def unbridge(self, leg: int) -> None:
        self._send(numbers.UNBRIDGE, leg)

    def store_prompt(self, at: int, octets: bytes) -> None:
        """Into memory that no playback uses."""
        self.engine.store_prompt(at, octets)

    def play(self, leg: int, playback: int, segments: Sequence[tuple[int, int]], *, loop: bool, law: Law) -> None:
        """Play pieces of the prompt memory (where, octets): whole frames, at most SEGMENTS of them."""
        assert 0 < len(segments) <= numbers.SEGMENTS
        assert all(length > 0 and length % numbers.FRAME == 0 for _, length in segments)
        self._send(numbers.STOP_PLAY, leg, numbers.PLAY_REPLACED)
        for number, (at, length) in enumerate(segments):
            self._send(numbers.SEGMENT, leg, number, at, length)
        self._send(numbers.PLAY, leg, playback, len(segments), loop, law)

    def stop_playing(self, leg: int, *, replaced: bool = False) -> None:
        self._send(numbers.STOP_PLAY, leg, numbers.PLAY_REPLACED if replaced else numbers.PLAY_STOPPED)

    def send_digit(self, leg: int, digit: str, milliseconds: int) -> None:
        """Raises ValueError for what is no digit."""
        self._send(numbers.DIGIT, leg, dtmf.DIGITS.index(digit), milliseconds * 8)

    def record(self, slot: int, law: Law) -> None:
        """Begin a recording in a slot that nobody uses; legs come by `record_leg`."""
        self.recordings.prepare(slot, law)
        self._send(numbers.RECORD, slot)

    def record_leg(self, leg: int, slot: int, channel: int) -> None:
        """The leg speaks into that channel of that recording (0: left, 1: right), and into no other any more."""
        self._send(numbers.RECORD_LEG, leg, 2 * slot + channel)

    def unrecord_leg(self, leg: int) -> None:
        self._send(numbers.RECORD_LEG, leg, NONE)

    def pause_record(self, slot: int, *, on: bool) -> None:
        self._send(numbers.PAUSE_RECORD, slot, on)

    def stop_record(self, slot: int) -> None:
        """RecordEnded follows; what is buffered may be drained afterwards."""
        self._send(numbers.STOP_RECORD, slot)

    def close_leg(self, leg: int) -> None:
        """LegClosed follows; then its descriptor may be closed."""
        self._send(numbers.CLOSE, leg)

    # ---- rooms ---------------------------------------------------------------------------------------------------

    def open_room(self, room: int, *, rate: int = 8000, passes_events: bool = False) -> None:
        self._send(numbers.ROOM_OPEN, room, rate, passes_events)

    def close_room(self, room: int) -> None:
        """Everybody leaves; RoomClosed follows."""
        self._send(numbers.ROOM_CLOSE, room)

    def join(self, room: int, leg: int, *, hears: float = 1.0, heard: float = 1.0) -> None:
        """See `Rooms.join`. A leg that is in another room, or bridged, leaves it."""
        self._send(numbers.JOIN, room, leg, _gain(hears), _gain(heard))

    def leave(self, room: int, leg: int) -> None:
        self._send(numbers.LEAVE, room, leg)

    def set_gain(self, room: int, listener: int | None, talker: int | None, gain: float) -> None:
        """See `Rooms.set_gain`."""
        self._send(
            numbers.GAIN, room, NONE if listener is None else listener, NONE if talker is None else talker, _gain(gain)
        )

    def mute(self, room: int, leg: int, *, muted: bool) -> None:
        self._send(numbers.MUTE, room, leg, muted)

    def play_to_room(
        self,
        room: int,
        voice: int,
        playback: int,
        segments: Sequence[tuple[int, int]],
        *,
        loop: bool,
        law: Law,
        gain: float = 1.0,
        only: int | None = None,
        duck: float = 1.0,
    ) -> None:
        """Like `play`, mixed with what is said. `voice` is below VOICES; `only`: the one leg that hears it; `duck`: the
        gain of the other voices meanwhile."""
        assert 0 < len(segments) <= numbers.SEGMENTS
        assert all(length > 0 and length % numbers.FRAME == 0 for _, length in segments)
        self._send(numbers.ROOM_STOP_PLAY, room, voice, numbers.PLAY_REPLACED)
        player = self.settings.legs + room * numbers.VOICES + voice
        for number, (at, length) in enumerate(segments):
            self._send(numbers.SEGMENT, player, number, at, length)
        only_leg = NONE if only is None else only
        self._send(
            numbers.ROOM_PLAY, room, voice, playback, len(segments), loop, law, _gain(gain), only_leg, _gain(duck)
        )

    def stop_playing_to_room(self, room: int, voice: int) -> None:
        self._send(numbers.ROOM_STOP_PLAY, room, voice, numbers.PLAY_STOPPED)

    def _send(self, *row: int) -> None:
        if self.engine.command(row):
            return
        deadline = time.monotonic() + COMMAND_PATIENCE
        while not self.engine.command(row):
            if time.monotonic() > deadline:
                raise EngineStuck(f"command {row[0]} refused for {COMMAND_PATIENCE} s")
            time.sleep(0.001)


def _gain(factor: float) -> int:
    return min(max(round(factor * numbers.UNITY), 0), numbers.LOUDEST)


def _ipv4(text: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        return None


def may_be_fed(address: ipaddress.IPv4Address) -> bool:
    """RFC 4475 §3.3.15 and old-style hold: nothing is sent to 0.0.0.0, groups or everybody."""
    return not (address.is_unspecified or address.is_multicast or address == ipaddress.IPv4Address(0xFFFFFFFF))


def _event(kind: int, a: int, b: int, c: int) -> EngineEvent:
    match kind:
        case numbers.DIGIT_HEARD:
            return Digit(leg=a, digit=dtmf.DIGITS[b], milliseconds=c)
        case numbers.STARTED:
            return MediaStarted(leg=a)
        case numbers.SILENT:
            return MediaSilent(leg=a, seconds=b / 1000, lost=c == numbers.LOSS_TOLD)
        case numbers.QUIET:
            return MediaQuiet(leg=a, seconds=b / 1000, over=c == numbers.QUIET_OVER)
        case numbers.PLAYBACK_ENDED:
            return PlaybackEnded(leg=a, playback=b, reason=PLAYBACK_ENDS[c])
        case numbers.CLOSED:
            return LegClosed(a)
        case numbers.ROOM_PLAYBACK_ENDED:
            return RoomPlaybackEnded(room=a, playback=b, reason=PLAYBACK_ENDS[c])
        case numbers.ROOM_CLOSED:
            return RoomClosed(a)
        case _:
            assert kind == numbers.RECORD_ENDED
            return RecordEnded(a)
