"""The stage in which an agent speaks with the target of a transfer while the customer hears music."""

from __future__ import annotations

from callflow.call import Call
from callflow.facts import OfferEnd, OfferEnded, TransferConsulting, TransferEnd
from callflow.inbox import CallOrder, Command, Complete, Confer, PersonalCommand, Swap, TakeBack
from callflow.rescue import ENDS, left, tell_end
from callflow.search import Search
from callflow.side import Side
from callflow.stages import Conference, Consult, Result, Seek, Stage, Talk
from callflow.waiting import first_of


async def consult(call: Call, stage: Consult) -> Stage:
    """The segment of the agent goes on; its recording does not hear the consultation."""
    call.recording.parted()
    call.hold(stage.agent, stage.customer, True)
    timeout = call.exchange.rules.transfer_timeout
    search = Search(call, stage.agent, stage.route, payer=stage.agent.extension, timeout=timeout)
    try:
        return await _Consultation(call, stage, search).run()
    finally:
        await search.stop()


class _Consultation:
    """`target`: who answered; None while nobody has. `with_customer`: the agent has swapped back for a while."""

    def __init__(self, call: Call, stage: Consult, search: Search) -> None:
        self.call, self.stage, self.search = call, stage, search
        self.customer, self.agent, self.transfer = stage.customer, stage.agent, stage.transfer
        self.target: Side | None = None
        self.with_customer = False

    async def run(self) -> Stage:
        while True:
            ends = [self.customer.leg.ended, self.agent.leg.ended]
            if self.target is not None:
                await first_of(*ends, self.target.leg.ended, self.call.inbox.ready)
            else:
                await first_of(*ends, self.search.found, self.call.inbox.ready)
            if (following := self._changed()) is not None:
                return following
            command = self.call.inbox.take()
            if command is not None and (following := self._obey(command)) is not None:
                return following

    def _changed(self) -> Stage | None:
        """What somebody's leaving or answering makes of it."""
        if self.customer.is_over:
            return self._without_customer()
        if self.agent.is_over:
            return self._complete()
        if self.target is None and self.search.found.done():
            return self._answered(self.search.take())
        if self.target is not None and self.target.is_over:
            return self._back(TransferEnd.REJECTED, 480)
        return None

    def _answered(self, found: Side | Result) -> Stage | None:
        if isinstance(found, Result):
            return self._back(ENDS.get(found.outcome, TransferEnd.FAILED), found.status or 480)
        self.target = found
        self.call.tell(TransferConsulting, transfer=self.transfer.id)
        if found.offer is not None and found.extension is not None:
            self.call.tell(OfferEnded, leg=found.offer, extension=found.extension, reason=OfferEnd.ANSWERED)
        self._connect(self.agent, found)
        self.call.bridged(found)
        return None

    def _obey(self, command: Command) -> Stage | None:
        if isinstance(command, CallOrder):
            self.call.obey(command)
            return None
        if not isinstance(command, PersonalCommand) or command.by != self.agent.extension:
            command.refuse("not_now")
            return None
        match command:
            case Complete():
                command.done()
                return self._complete()
            case TakeBack():
                command.done()
                return self._back(TransferEnd.CANCELLED, 487)
            case Confer() if self.target is not None:
                command.done()
                return self._confer(self.target)
            case Swap() if self.target is not None:
                command.done()
                self._swap(self.target)
                return None
            case _:
                command.refuse("not_now")
                return None

    # ---- sound ---------------------------------------------------------------------------------------------------

    def _swap(self, target: Side) -> None:
        self.with_customer = not self.with_customer
        self.agent.on_hold = not self.with_customer
        talking, held = (self.customer, target) if self.with_customer else (target, self.customer)
        if not self.with_customer:
            self.call.recording.parted()
        self._connect(self.agent, talking)
        if self.with_customer:
            self.call.recording.joined(self.customer, self.agent)
        self.call.hold_changed(self.agent, self.customer)
        self.call.music(held.leg)

    def _connect(self, one: Side, other: Side) -> None:
        for side in (one, other):
            if side.leg.media is not None:
                side.leg.media.stop_playing()
        self.call.hearing.between(one, other)

    # ---- what comes next -----------------------------------------------------------------------------------------

    def _complete(self) -> Stage:
        """The agent leaves: customer and target are joined; while the target still rings, the customer waits for it."""
        self.call.unjoin(self.customer, self.agent)
        if self.agent.is_over:
            self.call.dismiss(self.agent)
        else:
            self.transfer.side = self.agent
        if self.target is not None:
            return Talk(one=self.customer, other=self.target, after=self.transfer)
        self.call.end_segment()
        self.call.lets_go(self.agent.leg)
        self.transfer.side = None
        self.call.routed(self.stage.route)
        return Seek(waiting=self.customer, route=self.stage.route, transfer=self.transfer, search=self.search.keep())

    def _confer(self, target: Side) -> Stage:
        """R-PHONE-28: all three go on together."""
        tell_end(self.call, self.transfer, TransferEnd.CONFERENCE, 200)
        self.agent.on_hold = False
        self.call.hold_changed(self.agent, self.customer)
        return Conference(sides=(self.customer, self.agent, target), by=self.transfer.by)

    def _back(self, end: TransferEnd, status: int) -> Stage:
        """The agent is with the customer again, in the same segment; who hangs up at once is rung again."""
        tell_end(self.call, self.transfer, end, status)
        if self.target is not None:
            self.call.lets_go(self.target.leg)
        if self.agent.leg.media is not None:
            self.agent.leg.media.stop_playing()
        self.call.hold(self.agent, self.customer, False)
        return Talk(one=self.customer, other=self.agent, after=self.transfer)

    def _without_customer(self) -> Stage:
        """The customer has gone. The two colleagues may finish what they have to say."""
        tell_end(self.call, self.transfer, TransferEnd.GONE, 487)
        if self.target is None or self.agent.is_over or self.target.is_over:
            return left(self.call, self.customer)
        self.call.unjoin(self.agent, self.customer)
        self.call.recording.end()
        self.call.recording.automatic = False
        self.call.end_segment()
        self.call.dismiss(self.customer)
        self._connect(self.agent, self.target)
        return Talk(one=self.agent, other=self.target)
