"""A whole switchboard in virtual time: `Switch` with calls and flows above it, and phones that say what a test says.

What two peers send in one moment is handed in between two turns of the loop (`at_once`), so that a race is a fact of
the test and not of the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar, cast
from uuid import UUID

from callflow.call import Call
from callflow.callbacks import Callbacks
from callflow.calls import Calls
from callflow.exchange import CallRules, Exchange, RecordingRules
from callflow.facts import CallEnded, Fact, SegmentEnded, TransferEnded, TransferStarted
from callflow.flows.book import FlowBook
from callflow.presence import Presence
from callflow.router import ConferencePlan, DialPlan, LinePlan, TrunkPlan
from pbx.media.client import RecordingClosed
from pbx.net.resolver import Resolver
from pbx.net.transport import Flow
from pbx.sip import refer
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from pbx.trunks.trunk import Trunk
from pbx.trunks.trunks import Trunks
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import QueueFact
from queue_engine.work import Line
from tests.pbx.switch import CITY, SDP, TRUNK, PromisedLeg, Switch
from tests.pbx.trunks.provider import no_dns
from tests.queue_engine.noting import MemoryLog

USERS = {"1001": "pw1", "1002": "pw2", "1003": "pw3", "1004": "pw4"}
DAY = datetime(2030, 1, 7, 9, tzinfo=UTC)
NUMBERS = count(1)
F = TypeVar("F", bound=Fact)


@dataclass(slots=True)
class Dialog:
    """A phone's end of a call. `ours` and `theirs` are tags; `request` is the INVITE."""

    phone: Phone
    request: Request
    ours: str
    theirs: str = ""
    cseq: int = 10

    @property
    def sip_call_id(self) -> str:
        return self.request.sip_call_id

    def text(self, method: str, *headers: str, body: str = "") -> str:
        """A request inside the dialog, not yet sent."""
        self.cseq += 1
        return self.phone.text(
            method, "sip:dzvin@203.0.113.1:5060", self.ours, f"<sip:x@example.com>;tag={self.theirs}",
            self.sip_call_id, self.cseq, headers, body,
        )  # fmt: skip

    def refer_text(self, number: str, replaces: Dialog | None = None) -> str:
        question = ""
        if replaces is not None:
            question = f"?Replaces={replaces.sip_call_id}%3Bto-tag%3D{replaces.theirs}%3Bfrom-tag%3D{replaces.ours}"
        return self.text("REFER", f"Refer-To: <sip:{number}@example.com{question}>")

    @property
    def replaces(self) -> str:
        """A header that names it."""
        return f"Replaces: {self.sip_call_id};to-tag={self.theirs};from-tag={self.ours}"

    @property
    def cancel_text(self) -> str:
        """Of the call that this phone places."""
        head = self.request.serialise().decode().partition("Content-Type")[0]
        return head.replace("INVITE", "CANCEL") + "Content-Length: 0\r\n\r\n"

    @property
    def heard(self) -> list[Request]:
        """What came inside this dialog, each once."""
        seen: dict[tuple[str, int], Request] = {}
        for message in self.phone.house.switch.requests:
            if message.sip_call_id == self.sip_call_id and message.to.tag == self.ours:
                seen.setdefault((message.method, message.cseq.number), message)
        return list(seen.values())

    @property
    def is_hung_up(self) -> bool:
        return any(request.method == "BYE" for request in self.heard)

    @property
    def told(self) -> list[int]:
        """The statuses in its NOTIFYs."""
        return [refer.status_of(request.body) for request in self.heard if request.method == "NOTIFY"]

    @property
    def media(self) -> PromisedLeg:
        leg = self.phone.house.switch.user_agent._legs[self.sip_call_id, self.theirs]
        return cast(PromisedLeg, leg.media)


@dataclass(slots=True)
class Phone:
    """It answers what is asked inside its dialogs by 200 and an INVITE by 100, and nothing else by itself. One that is
    not `alive` says nothing."""

    house: House
    user: str
    flow: Flow
    answered: set[int] = field(default_factory=set)
    alive: bool = True

    def text(
        self,
        method: str,
        uri: str,
        tag: str,
        to: str,
        sip_call_id: str,
        cseq: int,
        headers: Sequence[str] = (),
        body: str = "",
    ) -> str:
        kind = ["Content-Type: application/sdp"] if body else []
        return "\r\n".join([
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.flow.host}:{self.flow.port};branch=z9hG4bK{next(NUMBERS)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.user}@example.com>;tag={tag}",
            f"To: {to}",
            f"Call-ID: {sip_call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{self.user}@{self.flow.host}:{self.flow.port}>",
            *headers,
            *kind,
            f"Content-Length: {len(body)}",
            "",
            body,
        ])  # fmt: skip

    def register(self) -> None:
        address = f"<sip:{self.user}@example.com>"
        text = self.text("REGISTER", "sip:example.com", "reg", address, f"reg-{self.user}", 1)
        self.house.switch.hears_authenticated(text, self.user, USERS[self.user], self.flow)

    async def dials(self, number: str, *headers: str) -> Dialog:
        dialog = self.invites(number, *headers)
        await self.house.settles()
        return dialog

    def invites(self, number: str, *headers: str) -> Dialog:
        """The same, in this moment."""
        uri = f"sip:{number}@example.com"
        text = self.text("INVITE", uri, "caller", f"<{uri}>", f"call-{next(NUMBERS)}", 1, headers, SDP)
        self.house.switch.hears_authenticated(text, self.user, USERS[self.user], self.flow)
        invite = parse(self.house.switch.heard.encode())
        assert isinstance(invite, Request)
        return Dialog(self, invite, "caller")

    def answer_to(self, dialog: Dialog) -> Response:
        """The final response to the call that it placed; its ACK is sent."""
        found = [
            message
            for message in self.house.switch.sent
            if isinstance(message, Response) and message.sip_call_id == dialog.sip_call_id and message.status >= 200
            and message.status != 401 and message.cseq.method == "INVITE"
        ]  # fmt: skip
        assert found, f"{self.user}: not answered"
        dialog.theirs = found[0].to.tag or ""
        if found[0].is_success:
            ack = dialog.text("ACK").replace(f"CSeq: {dialog.cseq}", f"CSeq: {found[0].cseq.number}")
            self.house.switch.hears(ack, self.flow)
        return found[0]

    @property
    def rung(self) -> list[Request]:
        """INVITEs of new calls, each once."""
        invites = {
            message.sip_call_id: message
            for message, flow in self.house.switch.sender.sent
            if isinstance(message, Request) and message.method == "INVITE" and not message.to.tag and flow == self.flow
        }
        return list(invites.values())

    @property
    def cancelled(self) -> list[str]:
        """Call-IDs of calls that were given up."""
        return [
            message.sip_call_id
            for message, flow in self.house.switch.sender.sent
            if isinstance(message, Request) and message.method == "CANCEL" and flow == self.flow
        ]

    def response(self, invite: Request, status: int) -> Response:
        """To a call that rings here, not yet sent."""
        contact = ("Contact", f"<sip:{self.user}@{self.flow.host}:{self.flow.port}>")
        body = SDP.encode() if status == 200 else b""
        kind = "application/sdp" if body else None
        return reply(invite, status, to_tag=f"at{self.user}", headers=(contact,), body=body, content_type=kind)

    async def says(self, status: int) -> Dialog:
        """… sent, to the last that rings."""
        invite = self.rung[-1]
        self.house.at_once((self, self.response(invite, status)))
        await self.house.settles()
        return self.dialog_of(invite)

    def dialog_of(self, invite: Request) -> Dialog:
        return Dialog(self, invite, f"at{self.user}", invite.from_.tag or "")


class House:
    """`facts` in the order in which they were told."""

    def __init__(
        self,
        rules: CallRules,
        *,
        lines: Sequence[str | LinePlan] = (),
        queue: Sequence[Line] = (),
        conferences: Sequence[ConferencePlan] = (),
        recording: RecordingRules,
        supervisors: Sequence[str] = (),
        trunk_leads_to: str = "",
        trunk_carries: Sequence[str] = (),
    ) -> None:
        self.own_agents: dict[str, str] = {}
        self.switch = Switch(users=USERS)
        self.facts: list[Fact | QueueFact] = []
        self.flows = FlowBook()
        named = [LinePlan(number=each) if isinstance(each, str) else each for each in lines]
        self.noted = MemoryLog()
        self.dispatcher = Dispatcher(queue or [Line(line.number, ("1003",)) for line in named], noted=self.noted)
        plan = DialPlan(
            extensions=USERS,
            lines={line.number: line for line in named},
            conferences={conference.number: conference for conference in conferences},
            flows=self.flows,
            trunks={"city": TrunkPlan(name="city", default=trunk_leads_to, prefixes=trunk_carries)},
        )
        self.exchange = Exchange(
            user_agent=self.switch.user_agent,
            dispatcher=self.dispatcher,
            presence=Presence(self.dispatcher.legs),
            ledger=self,
            clock=self,
            plan=plan,
            prompts=self,
            recordings=self,
            recording_rules=recording,
            rules=rules,
            supervisors=frozenset(supervisors),
            flows=self.flows,
            regulars=self,
            trunks=Trunks([Trunk(replace(CITY, health=False), self.switch.endpoint, Resolver(no_dns))]),
        )
        self.calls = Calls(self.exchange)
        self.callbacks = Callbacks(self.calls)
        self.switch.on_call = self.calls.arrived
        self.city = Phone(self, "city", TRUNK)
        self.phones = {
            user: Phone(self, user, Flow("UDP", f"192.0.2.{20 + index}", 5062)) for index, user in enumerate(USERS)
        }

    # What the rooms ask for.

    def append(self, fact: Fact | QueueFact) -> None:
        self.facts.append(fact)

    def now(self) -> datetime:
        return DAY + timedelta(seconds=asyncio.get_running_loop().time())

    def path(self, name: str) -> Path | None:
        return Path("/prompts") / name

    def relative_path(self, recording_id: UUID, started_at: datetime) -> str:
        return str(recording_id)

    async def agent_of(self, number: str, by: Sequence[str]) -> str | None:
        return self.own_agents.get(number)

    async def measure(self, recording_id: UUID, file: str) -> RecordingClosed | None:
        """So much is in every file."""
        return RecordingClosed(
            recording_id=recording_id, seconds=7.0, cut=True, path=file, reason="its writer was ended"
        )

    # What a test does.

    def at_once(self, *messages: tuple[Phone, str | Response]) -> None:
        """Hand these in before anything else has its turn."""
        for phone, message in messages:
            self.switch.hears(message, phone.flow)

    async def settles(self) -> None:
        """Every task has done what it can, and phones have answered what was asked inside their calls."""
        for _ in range(5):
            for _ in range(20):
                await asyncio.sleep(0)
            self._answer()

    def _answer(self) -> None:
        flows = {phone.flow: phone for phone in (*self.phones.values(), self.city)}
        for message, flow in list(self.switch.sender.sent):
            phone = flows.get(flow)
            if phone is None or id(message) in phone.answered or not isinstance(message, Request):
                continue
            if not phone.alive:
                continue
            if message.method in ("BYE", "NOTIFY", "UPDATE", "CANCEL"):
                phone.answered.add(id(message))
                self.switch.hears(reply(message, 200), flow)
            elif message.method == "INVITE":
                phone.answered.add(id(message))
                self.switch.hears(reply(message, 100), flow)

    def of(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def outside_calls(self, number: str) -> Dialog:
        """Somebody with that number calls by the trunk."""
        caller = Phone(self, number, TRUNK)
        text = caller.text(
            "INVITE", "sip:1@example.com", "caller", "<sip:1@example.com>", f"call-{next(NUMBERS)}", 1, (), SDP
        )
        self.switch.hears(text, TRUNK)
        await self.settles()
        invite = parse(text.encode())
        assert isinstance(invite, Request)
        return Dialog(caller, invite, "caller")

    @property
    def transfers(self) -> list[str]:
        """How each transfer that began ended."""
        assert len(self.of(TransferStarted)) == len(self.of(TransferEnded))
        return [ended.end.value for ended in self.of(TransferEnded)]

    @property
    def segments(self) -> list[str]:
        return [ended.extension for ended in self.of(SegmentEnded)]

    def call_of(self, dialog: Dialog) -> Call:
        leg = self.switch.user_agent._legs[dialog.sip_call_id, dialog.theirs]
        call = self.exchange.live.owner(leg)
        assert call is not None
        return call


@asynccontextmanager
async def a_house(
    rules: CallRules | None = None,
    *,
    lines: Sequence[str | LinePlan] = (),
    queue: Sequence[Line] = (),
    conferences: Sequence[ConferencePlan] = (),
    recording: RecordingRules | None = None,
    supervisors: Sequence[str] = (),
    trunk_leads_to: str = "",
    trunk_carries: Sequence[str] = (),
) -> AsyncIterator[House]:
    """Everybody is registered. Afterwards nothing is left: no call, no leg, nobody busy; and the queue engine decides
    all of it again as it did."""
    house = House(
        replace(rules or CallRules(), transfer_timeout=20.0),
        lines=lines,
        queue=queue,
        conferences=conferences,
        recording=recording or RecordingRules(),
        supervisors=supervisors,
        trunk_leads_to=trunk_leads_to,
        trunk_carries=trunk_carries,
    )
    for phone in house.phones.values():
        phone.register()
        house.dispatcher.reachable(phone.user, True)
    await house.settles()
    yield house
    await house.settles()
    await house.callbacks.close()
    assert len(house.calls) == len(house.exchange.live) == 0, "a call goes on"
    assert len(house.exchange.meetings) == 0, "a conference goes on with nobody in it"
    assert [room for room in house.switch.media.rooms if not room.is_closed] == []
    assert [leg for leg in house.switch.media.legs if not leg.closed] == []
    assert {user: house.exchange.presence.legs_of(user) for user in USERS} == dict.fromkeys(USERS, 0)
    assert len(house.of(CallEnded)) == len({fact.call_id for fact in house.of(CallEnded)})
    house.dispatcher.close()
    assert house.noted.difference() is None
