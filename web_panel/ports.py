"""What the panel needs from above. `dzvin.bootstrap` passes it in as one `PanelServices`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from callflow.control import Actor, Agent, Order
from callflow.facts import ForwardKind
from callflow.flows.book import FlowBook
from callflow.flows.checking import NOWHERE
from callflow.flows.checking import Surroundings as FlowSurroundings
from callflow.line_book import LineBook, Switch
from callflow.line_rules import Around as LineAround
from callflow.previews import Preview
from callflow.room_facts import SupervisionMode
from callflow.wishes import Wishes
from crm_core.database import Connection, Pool
from queue_engine.explain import AgentStory, ItemStory
from queue_engine.facts import Will
from recordings.encode import Format
from web_panel.call_ladder import CallLadder
from web_panel.live import LivePanel
from web_panel.passwords import Passwords
from web_panel.rate_limit import Limits

Look: TypeAlias = Callable[[Connection], Awaitable[None]]
"""Read anew what the data base says, on this connection."""


async def nothing(_: Connection) -> None: ...


NOBODY = LineAround(is_extension=lambda _: False, is_target=lambda _: False, strategy=lambda _: "")


class CallControl(Protocol):
    """The door for commands. Every method raises `callflow.control.ControlRefused`."""

    async def call(self, actor: Actor, number: str, *, follow_up: UUID | None = None) -> UUID:
        """Ring the actor's phone first, then the number; the new call's id."""
        ...

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        """End a call, or decline one that only rings at the actor's phone."""
        ...

    async def transfer(self, actor: Actor, call_id: UUID, number: str) -> None: ...

    async def consult(self, actor: Actor, call_id: UUID, number: str) -> None: ...

    async def complete(self, actor: Actor, call_id: UUID) -> None: ...

    async def take_back(self, actor: Actor, call_id: UUID) -> None: ...

    async def swap(self, actor: Actor, call_id: UUID) -> None: ...

    async def hold(self, actor: Actor, call_id: UUID) -> None: ...

    async def resume(self, actor: Actor, call_id: UUID) -> None: ...

    async def confer(self, actor: Actor, call_id: UUID) -> None: ...

    async def invite(self, actor: Actor, call_id: UUID, number: str) -> None: ...

    async def park(self, actor: Actor, call_id: UUID, orbit: str | None = None) -> None: ...

    async def record(self, actor: Actor, call_id: UUID, what: Order) -> None:
        """Start, end, pause or resume the recording of a call."""
        ...

    async def supervise(self, actor: Actor, call_id: UUID, mode: SupervisionMode, agent: str | None = None) -> None:
        """Ring the supervisor's phone to sit beside that call; who is there already changes the mode."""
        ...

    async def stop_supervising(self, actor: Actor, call_id: UUID) -> None: ...

    async def take_over(self, actor: Actor, call_id: UUID) -> None: ...

    async def retrieve(self, actor: Actor, orbit: str) -> UUID:
        """Ring the actor's phone for who is parked there; the call's id."""
        ...

    async def pick_up(self, actor: Actor, call_id: UUID | None = None) -> UUID:
        """Ring the actor's phone for a call that rings at a colleague's; None: the one that has rung longest."""
        ...

    def wishes(self, actor: Actor) -> Wishes: ...

    def forward(self, actor: Actor, kind: ForwardKind, number: str) -> None:
        """An empty number: no longer."""
        ...

    def change_phone(
        self,
        actor: Actor,
        *,
        do_not_disturb: bool | None = None,
        lines: int | None = None,
        ring_seconds: int | None = None,
        auto_answer: bool | None = None,
    ) -> None: ...


class AgentControl(Protocol):
    """What is said about agents, by themselves or by a supervisor. Every method raises ControlRefused."""

    def declare(self, actor: Actor, agent: Agent, will: Will, reason: str = "", *, status: str = "") -> None: ...

    def cut_wrap_up(self, actor: Actor, agent: Agent) -> None: ...

    def prolong_wrap_up(self, actor: Actor, seconds: float) -> None: ...

    def raise_hand(self, actor: Actor) -> None: ...

    def lower_hand(self, actor: Actor, agent: Agent) -> None: ...


class LineControl(Protocol):
    """What supervisors say of those who wait and of lines. Every method raises ControlRefused."""

    def move(self, actor: Actor, item_id: UUID, line: str) -> None: ...

    def prioritise(self, actor: Actor, item_id: UUID, points: float) -> None: ...

    def assign(self, actor: Actor, item_id: UUID, agent: str) -> None:
        """ "": to nobody."""
        ...

    def withdraw(self, actor: Actor, item_id: UUID, to: str = "", message: str = "") -> None: ...

    def switch(self, actor: Actor, line: str, *, is_open: bool | None = None, message: str | None = None) -> Switch: ...


class WaitingLines(Protocol):
    """Why somebody waits, and why an agent has nothing to do: the queue engine's own reasons of this moment."""

    def why_item(self, item_id: UUID) -> ItemStory | None: ...

    def why_agent(self, extension: str) -> AgentStory | None: ...


class MeetingControl(Protocol):
    """The door for commands to conferences, by their numbers. A member is named by its call. Every method raises
    `callflow.control.ControlRefused`."""

    async def mute(self, actor: Actor, conference: str, call_id: UUID, *, on: bool) -> None: ...

    async def remove(self, actor: Actor, conference: str, call_id: UUID) -> None: ...

    def lock(self, actor: Actor, conference: str, *, on: bool) -> None: ...

    def announce(self, actor: Actor, conference: str, prompt: str, call_id: UUID | None = None) -> None:
        """To all, or to one member alone."""
        ...

    async def end(self, actor: Actor, conference: str) -> None: ...


class RecordingFiles(Protocol):
    def export(self, file: str, out: BinaryIO, form: Format = "wav") -> object:
        """Write the recording at this path (relative to the recordings folder). Blocking: called in a thread. Raises
        FileNotFoundError."""
        ...


class PromptRefused(Exception):
    """`field` ("name", "language", "sound") is at fault, `reason` says why: a key of `locale/`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFile:
    """`language` "": one for all. `own`: somebody has put it there, else it comes with the product."""

    name: str
    language: str
    own: bool
    seconds: float


class CallbackControl(Protocol):
    def withdraw(self, actor: Actor, promise_id: UUID) -> None:
        """Raises ControlRefused: forbidden, unknown_callback."""
        ...


class PreviewControl(Protocol):
    """Entries of lists that agents look at before they are called. Raises ControlRefused: unknown_preview."""

    def of(self, extension: str | None) -> Preview | None: ...
    def dial(self, actor: Actor, entry_id: UUID) -> None: ...
    def skip(self, actor: Actor, entry_id: UUID, reason: str) -> None: ...


class PromptKeeper(Protocol):
    """The prompts of the installation. Every method but `all` raises PromptRefused for a name or a language that
    cannot be; `language` "" is a prompt for all languages."""

    def all(self) -> Sequence[PromptFile]:
        """By name. Blocking."""
        ...

    def path(self, name: str, language: str) -> Path | None: ...

    async def put(self, name: str, language: str, sound: bytes) -> PromptFile:
        """Keep a sound of any format. Raises OSError when the disk is full."""
        ...

    def remove(self, name: str, language: str) -> bool:
        """False: nobody has put such a prompt there. Blocking."""
        ...


class PhoneSocket(Protocol):
    """A WebSocket that a phone in a page asked for. Its methods raise ConnectionError when the peer is gone."""

    async def accept(self) -> None: ...
    async def receive(self) -> bytes: ...
    async def send(self, message: bytes) -> None: ...
    async def close(self, code: int) -> None: ...


class PhoneDoor(Protocol):
    """The switchboard's door for phones in pages. What they say is its business alone."""

    def allows(self, origin: str) -> bool:
        """Whether a page from there may open a socket."""
        ...

    async def serve(
        self, socket: PhoneSocket, peer: tuple[str, int], local: tuple[str, int], *, secure: bool, page: bool
    ) -> None:
        """Accept or close it, and return when it is over. `peer` and `local`: address and port of either end. `page`:
        a browser asked for it."""
        ...


class CallTraces(Protocol):
    async def ladder(self, call_id: UUID) -> CallLadder | None:
        """The signalling of a call, without secrets; None when nothing is kept of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`parts` says of each part (database, media, spool, sip) how it is, in one word."""

    ok: bool
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSettings:
    """What the organisation tells its phones (R-PHONE-50); empty: nothing is said."""

    server: str = ""
    proxy: str = ""
    stun: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSettings:
    company: str = "Dzvin"
    language: str = "uk"  # for people who have not chosen one
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Kyiv"))
    secure_cookies: bool = False
    public_url: str = ""
    allowed_origins: frozenset[str] = frozenset()  # beside the panel's own
    session_check: float = 4.0  # seconds between looks at a websocket's session: a revoked one is cut within five
    trusted: tuple[str, ...] = ()  # addresses and networks free of limits; they may read /metrics
    phone: PhoneSettings = PhoneSettings()
    authority: Path | None = None  # the certificate of the authority that people must believe, when it is our own


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelServices:
    pool: Pool
    control: CallControl
    agents: AgentControl
    lines: LineControl
    meetings: MeetingControl
    live: LivePanel
    recordings: RecordingFiles
    traces: CallTraces
    clock: Callable[[], datetime]  # aware UTC
    health: Callable[[], Health]
    metrics: Callable[[], bytes]  # Prometheus text
    # Awaited before who has changed something is told so: what was answered holds.
    windows_changed: Look = nothing
    lines_changed: Look = nothing
    flows_changed: Look = nothing
    phones: PhoneDoor | None = None
    waiting: WaitingLines | None = None
    callbacks: CallbackControl | None = None
    previews: PreviewControl | None = None
    prompts: PromptKeeper | None = None
    menu_prompts: frozenset[str] = frozenset()
    flows: FlowBook = field(default_factory=FlowBook)
    line_book: LineBook = field(default_factory=LineBook)
    line_around: LineAround = NOBODY  # what a line may name
    flow_surroundings: FlowSurroundings = NOWHERE  # what a flow may name
    settings: PanelSettings = field(default_factory=PanelSettings)
    passwords: Passwords = field(default_factory=Passwords)
    limits: Limits = field(default_factory=Limits)
