"""A call: the customer's whole visit by phone, from the first INVITE to the last BYE.

It knows who speaks and tells the ledger what happened; what shall happen next is the flow's business. Each fact is in
the spool before the act that it tells of leaves this process.
"""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from callflow import facts
from callflow.exchange import Exchange
from callflow.facts import CallFact, Direction, EndedBy, Outcome, Target
from callflow.router import Route, ToExtension, ToLine, ToMenu, ToTrunk
from pbx.leg import Identity, Leg
from pbx.media.client import Recording

log = structlog.get_logger("callflow.call")

FactKind = TypeVar("FactKind", bound=CallFact)


class Call:
    def __init__(self, exchange: Exchange, call_id: UUID, direction: Direction) -> None:
        self.exchange = exchange
        self.call_id = call_id
        self.direction = direction
        self.recorded = False  # by rule
        self.extensions: set[str] = set()  # our own people in this call
        self._legs: list[Leg] = []
        self._recording: Recording | None = None
        self._segment: tuple[UUID, str] | None = None
        self._ended = False

    # ---- facts ---------------------------------------------------------------------------------------------------

    def tell(self, kind: type[FactKind], **values: object) -> None:
        self.exchange.ledger.append(
            kind(id=uuid7(), at=self.exchange.clock.now(), call_id=self.call_id, **values)  # type: ignore[arg-type]  # the kinds' own constructors check
        )

    def started(
        self,
        other: Identity,
        *,
        extension: bool,
        caller: str | None,
        dialled: str | None,
        trunk: str | None,
        sip_call_id: str = "",
    ) -> None:
        party = uuid7()
        self.exchange.ledger.append(
            facts.PartyIntroduced(
                id=uuid7(),
                at=self.exchange.clock.now(),
                party=party,
                number=other.number,
                name=other.name,
                extension=extension,
            )
        )
        self.tell(
            facts.CallStarted,
            direction=self.direction,
            party=party,
            caller=caller,
            dialled=dialled,
            trunk=trunk,
            sip_call_id=sip_call_id,
        )

    def routed(self, route: Route) -> None:
        match route:
            case ToExtension(number):
                self.tell(facts.CallRouted, target=Target.EXTENSION, number=number)
            case ToLine(line):
                self.tell(facts.CallRouted, target=Target.LINE, number=line.number)
            case ToMenu(menu):
                self.tell(facts.CallRouted, target=Target.MENU, number=menu.number)
            case ToTrunk(trunk):
                self.tell(facts.CallRouted, target=Target.TRUNK, number=trunk.name)
            case _:
                self.tell(facts.CallRouted, target=Target.NOBODY)

    def ended(self, outcome: Outcome, by: EndedBy, status: int | None = None) -> None:
        """The last fact of a call; told once."""
        if self._ended:
            return
        self._ended = True
        self.tell(facts.CallEnded, outcome=outcome, ended_by=by, sip_status=status)
        log.info("call ended", call_id=str(self.call_id), outcome=outcome.value, by=by.value)

    # ---- legs ------------------------------------------------------------------------------------------------------

    def takes(self, leg: Leg, extension: str | None) -> None:
        """That leg is part of this call, and belongs to that extension (None: to an outside number)."""
        self._legs.append(leg)
        if extension is not None:
            self.extensions.add(extension)
        self.exchange.presence.enters(extension, leg)

    def hang_up(self) -> None:
        """End every leg; the flow notices and tells how the call ended."""
        for leg in self._legs:
            leg.hang_up()

    # ---- people --------------------------------------------------------------------------------------------------

    def joined(self, customer: Leg, agent: Leg, extension: str) -> None:
        """Two people talk now: a segment of `extension` begins. `agent` is that extension's leg."""
        self._segment = (uuid7(), extension)
        self.tell(facts.CallAnswered, segment=self._segment[0], leg=agent.leg_id, extension=extension)
        customer.on_hold = lambda held: self._hold_changed(held, customer, agent, None)
        agent.on_hold = lambda held: self._hold_changed(held, agent, customer, extension)

    def parted(self) -> None:
        if self._segment is not None:
            segment, extension = self._segment
            self._segment = None
            self.tell(facts.SegmentEnded, segment=segment, extension=extension)

    def _hold_changed(self, held: bool, holder: Leg, other: Leg, by: str | None) -> None:
        self.tell(facts.CallHeld if held else facts.CallResumed, by=by)
        music = self.exchange.prompts.path("music/hold")
        if other.media is not None and music is not None:
            if held:
                other.media.play([str(music)], loop=True)
            else:
                other.media.stop_playing()

    # ---- recording -----------------------------------------------------------------------------------------------

    def record(self, left: Leg, right: Leg) -> None:
        """Record both sides: the customer left, the agent right. A recording that fails never ends the call."""
        if self._recording is not None or left.media is None or right.media is None:
            return
        recording = uuid7()
        path = self.exchange.recordings.relative_path(recording, self.exchange.clock.now())
        self.tell(facts.RecordingStarted, recording=recording)
        self._recording = left.media.record(recording, right.media, path)

    async def stop_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        closed = await recording.stop()
        self.tell(
            facts.RecordingReady,
            recording=recording.recording_id,
            file=closed.path,
            seconds=closed.seconds,
            cut=closed.cut,
        )
