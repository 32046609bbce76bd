"""What the browser sees on the websocket. This file is that socket's contract: change it as an API.

1. The first message is a `Snapshot` (a `BoardSnapshot` on the hall board) with sequence number `seq`.
2. Every change after it carries the next number. A number that is not the last one plus one means that something
   was lost: send `Resync`.
3. A browser that reads too slowly loses its oldest messages, is told so once by `Lost`, and sends `Resync`; the next
   thing it gets is a new snapshot.
4. Times are ISO 8601 in UTC. `since` lets the browser count seconds by itself: nothing is sent each second.
5. Names and numbers that come from SIP are hostile text: they are data, to be shown as text and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from queue_engine.facts import Will
from web_panel.statuses import AgentStatus, CallState, CardState, TicketState


class SupervisingView(msgspec.Struct, frozen=True, kw_only=True):
    """Beside which call somebody sits, and how: listen, whisper, barge."""

    call_id: UUID
    agent: str  # the extension that a whisper is for
    mode: str


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    user_id: UUID
    name: str
    extension: str | None
    window: str | None
    status: AgentStatus
    since: datetime | None  # when this status began; None when it began before this server did
    wrap_up_until: datetime | None  # offered nothing before
    online: bool  # a phone is registered: the second facet of O-14
    ready: bool
    will: Will  # what the person declared (R-PANEL-08)
    hand: datetime | None  # since when the person asks for a supervisor
    reason: str  # why paused, or the key of the user status that was chosen
    status_name: Mapping[str, str] | None  # of that user status, by language; None: the reason is none
    uses_statuses: bool  # may choose user statuses (R-PANEL-05)
    forwards: tuple[str, ...]  # when calls go on to another number: always, busy, no_answer
    calls: tuple[UUID, ...]  # the first few of the live ones
    ticket: str | None  # number of the visitor at the window
    supervises: SupervisingView | None


class PartyView(msgspec.Struct, frozen=True, kw_only=True):
    """The other side. `number` is empty when withheld."""

    number: str
    name: str
    client_id: UUID | None
    client_name: str | None


class CallPerson(msgspec.Struct, frozen=True, kw_only=True):
    extension: str
    name: str
    status: AgentStatus  # what this call says of this person
    since: datetime


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """`by` hands the other side on to `target`; `consulting`: the two speak first."""

    by: str
    target: str
    attended: bool
    consulting: bool


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a conference: one of our people, or an outside number."""

    extension: str | None
    name: str  # of one of our people
    number: str


class SoundView(msgspec.Struct, frozen=True, kw_only=True):
    """How a call sounds, by its worst leg: that of extension `worst`, or the other side's when None."""

    grade: str | None  # good | fair | poor
    mos: float | None
    trouble: str | None  # one_way | no_sound | long_silence
    worst: str | None


class RecordingView(msgspec.Struct, frozen=True, kw_only=True):
    by: str | None  # the extension of who asked for it; None: a rule
    paused: bool
    loses_sound: bool  # the disk is full or too slow


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    call_id: UUID
    state: CallState
    since: datetime  # of the state
    started_at: datetime
    answered_at: datetime | None
    direction: str
    party: PartyView
    dialled: str | None
    line: str | None
    people: tuple[CallPerson, ...]
    recording: RecordingView | None  # that runs
    sound: SoundView | None  # None: nothing is known of it yet
    held_by: tuple[str, ...]  # extensions that hold the other side
    transfer: TransferView | None
    members: tuple[MemberView, ...]  # of a conference, in the order in which they came; none: an ordinary talk
    orbit: str | None  # where it is parked
    conference: str | None  # the number at which it meets others
    secret: bool  # what the customer presses is hidden from everybody now
    event_id: UUID | None
    outcome: str | None  # only when the state is ended


class WaitingCaller(msgspec.Struct, frozen=True, kw_only=True):
    call_id: UUID
    since: datetime
    party: PartyView
    offered_to: tuple[str, ...]  # extensions whose phones ring for this caller
    points: float  # of priority, by a supervisor
    agent: str | None  # the only one who may take it, by a supervisor


class WaitingCallback(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who left the line, is called back and keeps the place that `since` gives. `again_at`: not before then.
    `calling`: an agent or the party is called right now."""

    id: UUID
    since: datetime
    party: PartyView
    tries: int
    again_at: datetime | None
    calling: bool
    points: float  # these two as of who waits
    agent: str | None


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    number: str
    name: str
    agents: tuple[str, ...]
    free: int  # of the agents, how many could take a call now
    count: int  # of all who wait
    waiting: tuple[WaitingCaller, ...]  # the first of them; who waits longest stands first
    owed: int  # callbacks; `count` is without them
    callbacks: tuple[WaitingCallback, ...]  # the first of those, in the same order
    is_open: bool  # closed: nobody comes in
    message: str  # a prompt that callers are told first; "": none


class GuestView(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is in a conference. `extension` None: from outside, and then `party` says who."""

    call_id: UUID
    extension: str | None
    name: str
    party: PartyView | None
    since: datetime
    muted: bool
    speaking: bool
    held: bool
    moderator: bool


class MeetingView(msgspec.Struct, frozen=True, kw_only=True):
    """A conference in which somebody is. It is over when it is `gone`."""

    number: str
    name: str
    since: datetime
    locked: bool
    recorded: bool
    moderators: tuple[str, ...]  # extensions
    guests: tuple[GuestView, ...]


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """A media worker died, and so many legs lost their sound; another one runs since."""

    id: UUID
    at: datetime
    legs: int


class FollowUpView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    state: str
    owner_id: UUID | None
    owner_name: str | None
    due_at: datetime | None


class MissedView(msgspec.Struct, frozen=True, kw_only=True):
    """All of today's missed calls of one caller (R-CALL-39, R-CALL-44)."""

    key: str
    party: PartyView
    count: int
    last_at: datetime
    line: str | None
    outcome: str
    event_id: UUID | None
    follow_up: FollowUpView | None


class CardClientView(msgspec.Struct, frozen=True, kw_only=True):
    """A client whose number it may be; `confidence` is 0 to 1."""

    id: UUID
    name: str
    owner_name: str | None
    language: str | None  # uk, en, ru: in which the client is spoken to
    black_listed: bool
    confidence: float
    contact_id: UUID | None
    contact_name: str | None
    job_title: str | None


class CardFollowUpView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    state: str
    owner_id: UUID
    owner_name: str
    due_at: datetime
    missed_count: int


class CardCallView(msgspec.Struct, frozen=True, kw_only=True):
    event_id: UUID
    type: str  # key of the event type
    started_at: datetime
    talk_seconds: float
    owner_name: str | None


class CardTaskView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    status: str
    title: str
    due_at: datetime | None
    owner_name: str | None


class CardTicketView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    number: str
    starts_at: datetime
    state: str
    window: str | None


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, for one who is offered the call or is in it; what it holds is what this person may see. It comes by
    itself, never later than 100 ms after the call began: `late` then says that only the number is known so far, and
    the whole card follows when it comes.

    state: known (one client), several (one of `clients`, the surest first), unknown (nobody's number), late.
    """

    call_id: UUID
    number: str
    state: CardState
    clients: tuple[CardClientView, ...]
    follow_up: CardFollowUpView | None
    calls: tuple[CardCallView, ...]
    tasks: tuple[CardTaskView, ...]
    tickets: tuple[CardTicketView, ...]


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the hall queue. No names: the operator's page asks for those by its own right."""

    id: UUID
    number: str
    service: UUID
    starts_at: datetime
    booked: bool
    state: TicketState
    window: str | None
    user_id: UUID | None


class BoardLineView(msgspec.Struct, frozen=True, kw_only=True):
    """R-PANEL-16: a number and a window, and nothing of the person."""

    number: str
    window: str
    called_at: datetime


Board = tuple[BoardLineView, ...]


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    code: str
    name: dict[str, str]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    seq: int


class Snapshot(_Message, frozen=True, kw_only=True, tag="snapshot"):
    at: datetime  # the server's clock, so that a browser with a wrong clock counts right
    agents: tuple[AgentView, ...]
    calls: tuple[CallView, ...]
    lines: tuple[LineView, ...]
    meetings: tuple[MeetingView, ...]
    notices: tuple[NoticeView, ...]
    missed: tuple[MissedView, ...]
    cards: tuple[CardView, ...]
    tickets: tuple[TicketView, ...]
    services: tuple[ServiceView, ...]
    board: Board


class BoardSnapshot(_Message, frozen=True, kw_only=True, tag="board"):
    at: datetime
    board: Board


class AgentChanged(_Message, frozen=True, kw_only=True, tag="agent.changed"):
    agent: AgentView


class CallChanged(_Message, frozen=True, kw_only=True, tag="call.changed"):
    call: CallView


class LineChanged(_Message, frozen=True, kw_only=True, tag="line.changed"):
    line: LineView


class MeetingChanged(_Message, frozen=True, kw_only=True, tag="meeting.changed"):
    meeting: MeetingView


class NoticeChanged(_Message, frozen=True, kw_only=True, tag="notice.changed"):
    notice: NoticeView


class MissedChanged(_Message, frozen=True, kw_only=True, tag="missed.changed"):
    missed: MissedView


class CardChanged(_Message, frozen=True, kw_only=True, tag="card.changed"):
    card: CardView


class TicketChanged(_Message, frozen=True, kw_only=True, tag="ticket.changed"):
    ticket: TicketView


class BoardChanged(_Message, frozen=True, kw_only=True, tag="board.changed"):
    board: Board


class Gone(_Message, frozen=True, kw_only=True, tag="gone"):
    """This entry is no longer yours to see, or no longer there. `kind` is agent, call, line, meeting, notice, missed,
    card (by its call's id) or ticket."""

    kind: str
    id: str


class Lost(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="lost"):
    """You were too slow and lost `count` messages. Ask for a new snapshot with `Resync`."""

    count: int


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    at: datetime


Change = (
    AgentChanged
    | CallChanged
    | LineChanged
    | MeetingChanged
    | NoticeChanged
    | MissedChanged
    | CardChanged
    | TicketChanged
    | BoardChanged
    | Gone
)
ServerMessage = Snapshot | BoardSnapshot | Change | Lost | Pong


class Resync(msgspec.Struct, frozen=True, tag_field="type", tag="resync"):
    """The browser asks for a new snapshot."""


class Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    """The browser asks whether the connection still lives; the answer is `Pong`."""


ClientMessage = Resync | Ping

decode_client: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
"""Raises msgspec.DecodeError for anything that is not a client message."""

_encoder = msgspec.json.Encoder()


def encode(
    message: ServerMessage
    | AgentView
    | CallView
    | LineView
    | MeetingView
    | NoticeView
    | MissedView
    | CardView
    | TicketView
    | Board,
) -> str:
    return _encoder.encode(message).decode()


def changed(kind: str, seq: int, entry: str) -> str:
    """`AgentChanged`, `CallChanged` … around an entry that is encoded already: once for all who see it."""
    return f'{{"type":"{kind}.changed","seq":{seq},"{kind}":{entry}}}'
