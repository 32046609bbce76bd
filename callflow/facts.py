"""What happened to calls and phones: the published language of telephony.

Rules of this room:

1. A fact is past tense, frozen, and carries the id that was made for it once. The ledger's key is that id,
   so a fact written twice is stored once.
2. Standard library only. The CRM, the panel and the reports read facts and nothing else of telephony.
3. Names and numbers of people sit behind a party reference (`PartyIntroduced`): erasing a person touches the
   party, never the ledger. Extensions, lines and trunks are the company's own and are named openly.
4. `v` is the version of the fact's shape. Readers skip kinds that they do not know.

Every `at` is an aware UTC datetime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class Direction(StrEnum):
    INBOUND = "inbound"  # from a trunk
    OUTBOUND = "outbound"  # to a trunk
    INTERNAL = "internal"  # between the company's own extensions and lines


class Target(StrEnum):
    """What a dialled number turned out to be."""

    EXTENSION = "extension"
    LINE = "line"
    MENU = "menu"
    FLOW = "flow"
    CONFERENCE = "conference"
    TRUNK = "trunk"
    NOBODY = "nobody"


class OfferEnd(StrEnum):
    """Why one agent's phone stopped ringing. `answered` is told only where no `CallAnswered` follows at once."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"  # the caller gave up
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    FAILED = "failed"


class TransferKind(StrEnum):
    """How somebody handed the other side of a call on."""

    BLIND = "blind"  # unannounced
    ATTENDED = "attended"  # after speaking with the target


class TransferEnd(StrEnum):
    """What became of a transfer. Everything but `completed`, `conference` and `gone` brings the customer back."""

    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"  # the transferor may not call there
    CONFERENCE = "conference"  # all three go on together
    FAILED = "failed"
    CANCELLED = "cancelled"  # the transferor took the other side back
    GONE = "gone"  # the one who was being transferred hung up


class ForwardKind(StrEnum):
    """Why a call went on to another number (R-CALL-11)."""

    ALWAYS = "always"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REDIRECTED = "redirected"  # the phone itself said where to (a 3xx)
    DEFLECTED = "deflected"  # a person sent the ringing call on (R-PHONE-36)


class SoundTrouble(StrEnum):
    """What is wrong with the sound of a call, as far as a server can hear."""

    ONE_WAY = "one_way"  # one side sends nothing, the other does
    NO_SOUND = "no_sound"  # neither sends anything
    LONG_SILENCE = "long_silence"  # both send, and nobody has spoken for long


class UnparkKind(StrEnum):
    RETRIEVED = "retrieved"
    TIMED_OUT = "timed_out"  # goes back to who parked it
    GONE = "gone"  # the one who was parked hung up


class Outcome(StrEnum):
    """How the whole call ended, decided once, after its last leg."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"  # the caller hung up before anybody answered
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"  # nobody registered
    UNKNOWN_NUMBER = "unknown_number"
    FORBIDDEN = "forbidden"
    ALL_TRUNKS_BUSY = "all_trunks_busy"
    NO_CODEC = "no_codec"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # the server died under it


class EndedBy(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    id: UUID
    at: datetime
    v: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFact(Fact):
    call_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyIntroduced(Fact):
    """The person or number behind a party reference. Stored apart from the ledger, so that it can be erased."""

    party: UUID
    number: str  # raw, as signalled; "" when withheld
    name: str = ""  # display name as signalled: hostile text
    extension: bool = False  # an internal number, never E.164


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallFact):
    """`party` is the other side: the outside number, or for an internal call the calling extension."""

    direction: Direction
    party: UUID
    caller: str | None = None  # the calling extension (outbound, internal)
    dialled: str | None = None  # DID or extension; None for an outside number, which is the party
    trunk: str | None = None
    sip_call_id: str = ""
    follow_up: UUID | None = None  # the missed contact that this call is to make good


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRouted(CallFact):
    target: Target
    number: str | None = None  # extension, line, menu or trunk name


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQueued(CallFact):
    """The caller now waits in a line."""

    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOffered(CallFact):
    """An agent's phone is being rung (one fact for each offer, not for each of that agent's devices)."""

    leg: UUID
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRinging(CallFact):
    """The phone of `extension`, or the outside number when None, says that it rings."""

    leg: UUID
    extension: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEnded(CallFact):
    leg: UUID
    extension: str
    reason: OfferEnd
    sip_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallFact):
    """Two people are joined; a segment begins. `extension` is the agent of the segment: the one who took the call,
    or for an outbound call the one who placed it; "" when a transfer has joined two outside numbers. `leg` is that of
    the offer that was taken, when there was one."""

    segment: UUID
    leg: UUID
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeld(CallFact):
    by: str | None = None  # extension; None = the outside party


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed(CallFact):
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEnded(CallFact):
    segment: UUID
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallForwarded(CallFact):
    """The call for `original` goes on to another number by the wish of `by`. The other number is ours (`target`), or
    an outside one behind a party reference."""

    kind: ForwardKind
    by: str  # the extension whose call it was
    original: str
    target: str | None = None
    party: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPickedUp(CallFact):
    """`by` took the call that rang at `rung`."""

    by: str
    rung: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStarted(CallFact):
    """`by` hands the other side on, or (attended) begins to speak with the target while the other side is held. The
    target is one of our numbers, or an outside one behind a party reference."""

    transfer: UUID
    kind: TransferKind
    by: str
    target: str | None = None
    party: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferConsulting(CallFact):
    """The target answered, and speaks with the transferor."""

    transfer: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded(CallFact):
    """`call`: the other call whose partner was taken over, when a phone had placed one to speak with the target."""

    transfer: UUID
    end: TransferEnd
    call: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParked(CallFact):
    """The other side waits at `orbit`, with music."""

    orbit: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnparked(CallFact):
    orbit: str
    kind: UnparkKind
    by: str | None = None  # who retrieved it


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandGiven(CallFact):
    """A signed-in person told this call what to do. For the audit."""

    user: UUID
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(CallFact):
    """`file` is relative to the recordings folder. `by`: the extension of who asked for it; None: by rule."""

    recording: UUID
    file: str = ""
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPaused(CallFact):
    """From here on nothing is kept. `by`: an extension; None: a supervisor."""

    recording: UUID
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingResumed(CallFact):
    """`by`: an extension; None: a supervisor, or by itself after the time that the configuration gives a pause."""

    recording: UUID
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLosesSound(CallFact):
    """An alarm: the disk is full or too slow. The call goes on. `over`: sound is kept again from here on."""

    recording: UUID
    reason: str
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSegment:
    """Who was on which channel (0: left, 1: right), from when to when; seconds of the recording. `who`: an extension,
    or "outside"."""

    channel: int
    who: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReady(CallFact):
    """The file is closed. `file` is relative to the recordings folder; `cut` = it lost sound, or ends before it should
    have; `reason`: why."""

    recording: UUID
    file: str
    seconds: float
    cut: bool = False
    reason: str = ""
    segments: tuple[RecordedSegment, ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()  # begin, end


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundChanged(CallFact):
    """How the call sounds from now on, by its worst leg: that of `worst`, or the outside party's when None. Without
    grade and trouble: nobody talks with anybody now."""

    grade: str | None = None  # good | fair | poor
    mos: float | None = None  # when that grade began
    trouble: SoundTrouble | None = None
    worst: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMeasured(CallFact):
    """The last figures of a leg; told after its end, and so perhaps after `CallEnded`. `mos` is of what came from it,
    `remote_mos` of what it heard, as it says itself, `worst_mos` of either in any five seconds. The seconds are of the
    time in which it had somebody to talk with: talk is its own, overtalk both sides' at once, silence nobody's."""

    leg: UUID
    extension: str | None  # None: the outside party's
    codec: str
    received: int
    lost: int
    jitter_ms: float
    round_trip_ms: float | None
    remote_lost: int
    mos: float | None
    remote_mos: float | None
    worst_mos: float | None
    joined_seconds: float
    talk_seconds: float
    overtalk_seconds: float
    silence_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallFact):
    outcome: Outcome
    ended_by: EndedBy = EndedBy.SYSTEM
    sip_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneOnline(Fact):
    """The first phone of an extension registered (R-CALL-12)."""

    extension: str
    user_agent: str = ""  # hostile text


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneOffline(Fact):
    """The last phone of an extension is gone: removed, lapsed or its connection lost (R-CALL-13)."""

    extension: str
    reason: str = "removed"  # removed | expired | flow_lost


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsBarred(Fact):
    """An alarm: an extension wanted outside what it may not. The first time for each barrier in a day; what it dialled
    is the call's own story. `barrier`: see `callflow.permissions.Barrier`."""

    extension: str | None
    barrier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLockedOut(Fact):
    """An alarm: too many wrong passwords from one address. `account` is the last one that it tried: hostile text."""

    source: str
    account: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PresencePublished(Fact):
    """What the phones of an extension say of their user. What the person wrote beside it is in no fact."""

    extension: str
    activity: str = ""  # "" | away | dnd


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingChanged(Fact):
    """From now on calls for `extension` are forwarded under that condition, to one of our numbers or to an outside one
    behind a party reference; both None: no longer. `by`: the user, when the panel was used and not the phone."""

    extension: str
    kind: ForwardKind  # always, busy or no_answer
    target: str | None = None
    party: UUID | None = None
    by: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSettingsChanged(Fact):
    """How calls reach `extension` from now on; None leaves a setting as it is."""

    extension: str
    do_not_disturb: bool | None = None
    lines: int | None = None  # R-PHONE-60: 1 to 5
    ring_seconds: int | None = None  # before a call counts as not answered
    auto_answer: bool | None = None  # the own phone takes a click-to-call by itself
    by: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkChanged(Fact):
    """Calls through that trunk have a good chance from now on, or none. Told when it is first known, too."""

    trunk: str
    up: bool
    reason: str = ""  # answers | silent | name not found | registered | refused | unreachable | unregistered


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaWorkerLost(Fact):
    """An alarm: a media worker died, and with it the sound of so many legs. Their calls end; another is started."""

    worker: int
    legs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkPassedOver(CallFact):
    """A trunk that should have carried this call to the outside did not; the next one was tried, if there was one."""

    trunk: str
    reason: str  # full | silent | unreachable | refused
    sip_status: int | None = None


KINDS: Mapping[str, type[Fact]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            PartyIntroduced, CallStarted, CallRouted, CallQueued, CallOffered, CallRinging, OfferEnded, CallAnswered,
            CallHeld, CallResumed, SegmentEnded, CallForwarded, CallPickedUp, TransferStarted, TransferConsulting,
            TransferEnded, CallParked, CallUnparked, CommandGiven, RecordingStarted, RecordingPaused,
            RecordingResumed, RecordingLosesSound, RecordingReady, SoundChanged, LegMeasured, CallEnded,
            PhoneOnline, PhoneOffline, ForwardingChanged, PhoneSettingsChanged, PresencePublished,
            CallsBarred, SourceLockedOut, TrunkChanged, MediaWorkerLost, TrunkPassedOver,
        )
    }
)  # fmt: skip
"""Fact kinds by name: what a reader of the spool or the ledger may meet."""
