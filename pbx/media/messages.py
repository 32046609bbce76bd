"""What the core and a media worker say to each other over their Unix socket.

Rules of this room:

1. A frame is four octets of length (big-endian) and that many octets of msgpack, at most `MAX_FRAME`.
2. The core sends commands, each with an `id`. `Open`, `OpenRoom`, `Report` and `Close` are answered once, with the same
   `id`: `Opened`, `RoomOpened`, `Statistics`, `Closed`. The others are answered only when they fail: `Failed`. Notices
   carry no id. Commands are executed in the order sent.
3. The first frame is `Hello`; the answer is one `Welcome` or several (`more` is true but in the last), since the legs'
   cookies do not fit one frame. One core at a time: a `Hello` with the same or a higher epoch takes the worker over.
4. A change of shape changes `PROTOCOL_VERSION`; a worker of another version refuses the `Hello`.

Addresses are IPv4 text; `direction` is ours, as in our SDP (RFC 3264): `sendonly` means that we send and do not listen.
"""

from __future__ import annotations

import struct
from typing import Literal
from uuid import UUID

import msgspec

from pbx.media.room_messages import OpenRoom, RoomCommand, RoomOpened
from pbx.rtp.quality import Grade

PROTOCOL_VERSION = 9
MAX_FRAME = 64 * 1024
MAX_COOKIE = 4096
MAX_FILES = 16  # prompts in one Play
MAX_SOURCES = 4
MAX_RESTING = 8192
MAX_DIGITS = 32  # waiting to be sent on one leg
MAX_WHO = 64  # octets of the name of whose leg is recorded
MAX_MARKS = 200  # segments, and pauses, in one RecordingClosed

CodecName = Literal["pcmu", "pcma", "g722", "opus", "gsm", "speex", "speex16"]
DirectionName = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
PlaybackEnd = Literal["done", "stopped", "replaced", "closed", "failed", "lost"]


class Hello(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    version: int
    epoch: int  # grows with every start of the core


class Open(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Take a leg and a pair of ports on the local `address`. Answer: Opened, or Failed("no ports" | "no legs")."""

    id: int
    call_id: UUID
    address: str
    cookie: bytes = b""


class OpusWishes(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What a far end wants to receive in Opus (RFC 7587 §6.1): the sampling rate that it plays at, the most bits a
    second (None: as we like), lost packets said again in later ones, pauses instead of silence."""

    rate: int = 48000
    bitrate: int | None = None
    repeats: bool = False
    pauses: bool = False


class Update(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """What offer and answer settled on. May be sent again at any time (re-INVITE).

    Packets are taken from exactly `remote_address:remote_port`, and, while nothing was heard yet and the learning
    window is open, from any port of an address in `sources` other than `remote_address` (a phone behind NAT). With
    `learn_port` another port of `remote_address` may be learnt too: only for phones known to need it.
    """

    id: int
    leg: int
    remote_address: str
    remote_port: int
    codec: CodecName
    payload_type: int
    dtmf_payload_type: int | None = None
    dtmf_clock_rate: int = 8000
    inband_digits: bool = False  # digits are tones in the sound, of G.711, both ways
    direction: DirectionName = "sendrecv"
    sources: tuple[str, ...] = ()
    cookie: bytes | None = None
    remote_rtcp_port: int | None = None  # default: remote_port + 1
    learn_port: bool = False
    noise_payload_type: int | None = None  # comfort noise, RFC 3389
    opus: OpusWishes | None = None


class SdesKeys(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What two a=crypto lines settled on (RFC 4568): master key and salt, one after the other, of each direction."""

    suite: str  # as RFC 4568 and RFC 7714 name it
    ours: bytes
    theirs: bytes

    def __repr__(self) -> str:
        return f"SdesKeys({self.suite})"  # no log may show them


class Secure(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """From now on this leg carries nothing plain. Sent before the Update that it belongs to, and again when something
    of it has changed; keys that did not change go on.

    Keys come from `sdes`, else by DTLS with who has the certificate of one of `fingerprints` ("sha-256 AB:CD:…"); until
    they are known, a handshake may be made, but nobody is heard. With `ice_ufrag`, connectivity checks that prove
    `ice_password` say where to; without, a handshake may come from the hosts `sources`.
    """

    id: int
    leg: int
    sdes: SdesKeys | None = None
    fingerprints: tuple[str, ...] = ()
    ice_ufrag: str | None = None
    ice_password: str = ""
    remote_ufrag: str | None = None
    sources: tuple[str, ...] = ()
    rtcp_mux: bool = False


class SetCookie(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    leg: int
    cookie: bytes


class Bridge(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Each hears the other. Whoever was bridged to one of them is alone afterwards."""

    id: int
    leg: int
    other: int


class Unbridge(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    leg: int


class Play(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Play `files` one after the other, instead of what the bridge says. The playback's number is this command's id."""

    id: int
    leg: int
    files: tuple[str, ...]
    loop: bool = False


class StopPlay(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    leg: int


class SendDigits(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Send digits `0-9*#A-D` as telephone events (RFC 4733), each `milliseconds` long."""

    id: int
    leg: int
    digits: str
    milliseconds: int = 100


class KeepSecret(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """While it is on, nothing that the leg says is recorded, and its digits reach nobody but the core."""

    id: int
    leg: int
    on: bool


class Record(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Record what leg `left` and leg `right` say, a channel each. `path` lies in the worker's recordings folder. `who`:
    whose legs they are, for the marks in the file; without a name there is none."""

    id: int
    recording_id: UUID
    left: int
    right: int | None
    path: str
    who: tuple[str, str] = ("", "")


class RecordLeg(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Another leg of the same call speaks into `channel` (0: left, 1: right) too, on the same time line."""

    id: int
    recording_id: UUID
    leg: int
    channel: int
    who: str = ""


class UnrecordLeg(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """The leg is not recorded any more; the recording goes on, silent if nobody is left in it."""

    id: int
    leg: int


class PauseRecord(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """While `on`, nothing is kept: the file has a marked gap there."""

    id: int
    recording_id: UUID
    on: bool


class Rest(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """A worker died on these RTP ports a moment ago: its successor takes them no sooner than if it had been itself."""

    id: int
    ports: tuple[int, ...]  # MAX_RESTING at most


class StopRecord(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """RecordingClosed follows when the file is whole."""

    id: int
    recording_id: UUID


class Close(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """End the leg. Its recording is closed when no leg of its call is left in this worker. Answer: Closed."""

    id: int
    leg: int


class Report(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Answer: Statistics."""

    id: int
    leg: int


class LegReport(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A leg that outlived its core."""

    leg: int
    call_id: UUID
    cookie: bytes
    address: str
    port: int
    recording_id: UUID | None
    bridged: int | None
    room: int | None = None


class Welcome(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    version: int
    pid: int
    legs: tuple[LegReport, ...]
    more: bool = False
    compiled: bool = True
    capacity: int = 0  # legs this worker takes
    fingerprint: str = ""  # of its DTLS certificate, as a=fingerprint wants it


class Opened(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    leg: int
    port: int


class Failed(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int  # 0: the Hello
    reason: str


class LegStatistics(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Packets, octets of payload, and RFC 3550 figures of one leg. `lost`: of what the far end sent. `mos`: see
    `pbx.rtp.quality`."""

    received: int = 0
    received_octets: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    sent: int = 0
    sent_octets: int = 0
    digits: int = 0
    # Dropped packets, by cause.
    malformed: int = 0
    oversized: int = 0
    strangers: int = 0
    unknown_payload: int = 0
    unwanted: int = 0  # arrived while we had said that we do not listen
    unroutable: int = 0  # nobody to give it to, or the other leg is being played to or held
    send_failed: int = 0
    unrecorded: int = 0  # too late, or too early, for its recording
    late: int = 0  # too late for the mix, or twice
    # What the far end says about what we sent (RTCP receiver reports).
    remote_lost: int = 0
    remote_jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    remote_address: str = ""  # where we send to: as the SDP said, or as learnt
    remote_port: int = 0
    learnt: bool = False
    # Dropped packets of a secure leg, by cause.
    unkeyed: int = 0  # came before the keys were there and proven
    unauthenticated: int = 0  # plain, of a stranger, or damaged
    replayed: int = 0
    codec: str = ""
    mos: float | None = None  # of what we received; None: nothing came
    remote_mos: float | None = None  # of what the far end received, as it reports; None: it reports nothing
    worst_mos: float | None = None  # of either, in any five seconds; None: it did not last so long
    # Of the time in which the leg had somebody to talk with: see `voice_meter`.
    joined_seconds: float = 0.0
    talk_seconds: float = 0.0
    overtalk_seconds: float = 0.0
    silence_seconds: float = 0.0


class Statistics(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    leg: int
    statistics: LegStatistics


class Closed(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Answer to Close (its id), or news (id 0): the worker dropped the leg, which had no core for too long."""

    id: int
    leg: int
    statistics: LegStatistics


class Digit(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """One key press, told once, at its end."""

    leg: int
    digit: str
    milliseconds: int


class MediaStarted(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """The first good packet, or the first one after a silence that was told."""

    leg: int


class MediaSilent(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """No RTP for `seconds` on a leg that is `sendrecv`. Told early, and once more with `lost` after the long limit."""

    leg: int
    seconds: float
    lost: bool = False


class MediaQuiet(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """RTP comes from a leg that has somebody to talk with, and no speech in it for `seconds`. `over`: there is."""

    leg: int
    seconds: float
    over: bool = False


class MediaQuality(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """How the leg sounded in the last five seconds. Told at first, and whenever the grade has changed."""

    leg: int
    grade: Grade
    mos: float  # the worse one of the two directions
    loss: float  # 0 to 1, of the worse direction
    jitter_ms: float
    round_trip_ms: float | None = None


class PlaybackEnded(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    leg: int
    playback: int
    reason: PlaybackEnd


class RoomPlaybackEnded(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    room: int
    playback: int
    reason: PlaybackEnd


class RecordingCut(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Sound is being lost: disk full or too slow. The call goes on; RecordingClosed follows as usual. `over`: it is
    kept again from here on."""

    recording_id: UUID
    reason: str
    over: bool = False


class RecordedSegment(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Who was on which channel, from when to when; seconds."""

    channel: int
    who: str
    begin: float
    end: float


class RecordingClosed(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """`cut`: it lost sound, or ended before it should have; `reason`: why. Of segments and pauses the first MAX_MARKS
    are told; the file has them all."""

    recording_id: UUID
    seconds: float
    cut: bool
    path: str
    call_id: UUID | None = None  # as the core said when it opened the first leg
    reason: str = ""
    segments: tuple[RecordedSegment, ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()


LegChange = Update | Secure | SetCookie | Bridge | Unbridge | Play | StopPlay | SendDigits | KeepSecret | UnrecordLeg
LegCommand = LegChange | Close | Report
RecordCommand = Record | RecordLeg | PauseRecord | StopRecord
Command = Hello | Open | Rest | LegCommand | RecordCommand | OpenRoom | RoomCommand
Answer = Opened | RoomOpened | Failed | Statistics | Closed
SoundNotice = MediaStarted | MediaSilent | MediaQuiet | MediaQuality
Notice = Digit | SoundNotice | PlaybackEnded | RoomPlaybackEnded | RecordingCut | RecordingClosed
FromWorker = Welcome | Answer | Notice


class BadFrame(Exception):
    """The other end does not speak this protocol: close the connection."""


_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)


def encode(message: Command | FromWorker) -> bytes:
    """One frame. Raises ValueError when the message is longer than a frame may be."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise ValueError(f"a {type(message).__name__} of {len(body)} octets")
    return _LENGTH.pack(len(body)) + body


def decode_command(body: bytes) -> Command:
    """Raises BadFrame."""
    try:
        return _commands.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadFrame(str(error)) from error


def decode_from_worker(body: bytes) -> FromWorker:
    """Raises BadFrame."""
    try:
        return _from_worker.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadFrame(str(error)) from error


def frame_length(head: bytes) -> int:
    """Length of the body behind these four octets. Raises BadFrame."""
    length: int = _LENGTH.unpack(head)[0]
    if not 0 < length <= MAX_FRAME:
        raise BadFrame(f"a frame of {length} octets")
    return length
