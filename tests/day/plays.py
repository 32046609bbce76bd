"""The kinds of calls of the day: each plays one call to its end with the phones of one block."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from tests.day.diary import Story
from tests.day.town import Block
from tests.support.deadlines import NotInTime, deadline, until
from tests.support.phone import FakePhone, Refused
from tests.support.phone_call import Call
from tests.support.phone_transactions import NoAnswer
from tests.support.phone_transfer import refer, replaces_of

PATIENCE = 12.0  # seconds for one step
TAKEN_UP = 33.0  # a little more than 64*T1: a restart swallows an INVITE, which its sender repeats for so long
RINGS_OUTSIDE = 20.0  # three times the ring time, and some
SETTLES = 45.0  # seconds until a call that was cut is over at all its ends
TROUBLE = (AssertionError, NotInTime, NoAnswer, Refused)


@dataclass(slots=True)
class Stage:
    """The phones of a block, the provider, and the story that is being played."""

    block: Block
    phones: dict[str, FakePhone]
    provider: FakePhone
    random: Random
    stories: list[Story] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)  # customers who may call again
    _ringing: asyncio.Queue[Call] = field(default_factory=asyncio.Queue)
    _strangers: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._strangers = self.block.customers()

    def rang(self, call: Call) -> None:
        """Any phone of the block, or the provider for one of its customers. The INVITE of a story whose caller has
        given up may come when the next one is played already."""
        before = [story for story in self.stories[:-1] if story.has_rung(call)]
        if before and not self.stories[-1].has_rung(call) and before[-1].is_settled:
            before[-1].callees.append(call)
        else:
            self.stories[-1].callees.append(call)
            self._ringing.put_nowait(call)

    def customer(self) -> str:
        """A new one, or one who was missed before."""
        if self.missed and self.random.random() < 0.4:
            return self.random.choice(self.missed)
        number = next(self._strangers)
        if self.random.random() < 0.3:
            self.missed.append(number)
        return number

    async def begin(self, kind: str, target: str, *, outside: str = "", to_outside: bool = False) -> tuple[Story, Call]:
        direction = "outbound" if to_outside else "inbound" if outside else "internal"
        story = Story(kind=kind, direction=direction, party=outside or self.block.caller, target=target)
        self.stories.append(story)
        if outside and not to_outside:
            story.caller = await self.provider.dial(target, caller=outside)
        else:
            story.caller = await self.phones[self.block.caller].dial(target)
        await _taken_up(story.caller)
        return story, story.caller

    async def next_ring(self) -> Call:
        async with deadline("a phone rings", PATIENCE):
            while True:
                call = await self._ringing.get()
                if not call.is_over:
                    return call

    def moment(self, longest: float) -> Awaitable[None]:
        return asyncio.sleep(self.random.uniform(0.0, longest))

    async def settle(self, story: Story) -> None:
        """Wait until every end is over; whoever is left alone hangs up."""
        calls = [*story.callees, *([story.caller] if story.caller else [])]
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLES):
                await asyncio.gather(*(call.released(SETTLES + 1) for call in calls), return_exceptions=True)
        for call in calls:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await call.drop()
        while not self._ringing.empty():
            self._ringing.get_nowait()
        story.is_settled = True
        for call in calls:
            call.audio.close()


async def _taken_up(call: Call) -> None:
    """Something was heard that is neither nothing nor a challenge."""
    await until("100", lambda: call.is_over or any(each.status < 200 for each in call.responses), TAKEN_UP)


async def give_up(call: Call) -> None:
    """Whatever has been heard so far."""
    if call.is_up:
        await call.hang_up()
    elif not call.is_over:
        await call.send_cancel()


async def talk_and_end(stage: Stage, one: Call, other: Call) -> None:
    await stage.moment(1.6)
    first, second = (one, other) if stage.random.random() < 0.5 else (other, one)
    await first.hang_up()
    await second.ended(PATIENCE)


async def answered(stage: Stage) -> None:
    _, call = await _somebody_calls(stage, "answered")
    incoming = await stage.next_ring()
    incoming.ring()
    await stage.moment(0.5)
    await incoming.answer()
    await call.answered(PATIENCE)
    await talk_and_end(stage, call, incoming)


async def abandoned_at_once(stage: Stage) -> None:
    """RFC 3261 §9.1: a CANCEL waits for a provisional response, as `begin` does."""
    _, call = await _somebody_calls(stage, "abandoned at once")
    await give_up(call)


async def abandoned(stage: Stage) -> None:
    _, call = await _somebody_calls(stage, "abandoned")
    incoming = await stage.next_ring()
    incoming.ring()
    await stage.moment(1.0)
    await give_up(call)


async def refused(stage: Stage) -> None:
    status = stage.random.choice((486, 603, 480, 500))
    _, call = await _somebody_calls(stage, f"refused {status}")
    incoming = await stage.next_ring()
    incoming.ring()
    await incoming.refuse(status)
    await call.refused(PATIENCE)


async def unanswered(stage: Stage) -> None:
    _, call = await _somebody_calls(stage, "unanswered")
    incoming = await stage.next_ring()
    incoming.ring()
    await call.refused(RINGS_OUTSIDE)


async def unknown_number(stage: Stage) -> None:
    _, call = await stage.begin("unknown number", "99999")
    await call.refused(PATIENCE)


async def forked(stage: Stage) -> None:
    """Two phones of one person ring; one takes it, or none does."""
    outside = stage.customer()
    _, call = await stage.begin("forked", stage.block.did(6), outside=outside)
    rung = [await stage.next_ring(), await stage.next_ring()]
    for incoming in rung:
        incoming.ring()
    if stage.random.random() < 0.3:
        await stage.moment(0.5)
        await give_up(call)
        return
    taker = stage.random.choice(rung)
    await taker.answer()
    await call.answered(PATIENCE)
    await talk_and_end(stage, call, taker)


async def forwarded(stage: Stage) -> None:
    """By the wish of the called, or by the phone's own 302."""
    outside = stage.customer()
    if stage.random.random() < 0.5:
        _, call = await stage.begin("forwarded", stage.block.did(5), outside=outside)
    else:
        _, call = await stage.begin("redirected", stage.block.did(2), outside=outside)
        await (await stage.next_ring()).redirect(stage.block.agents[0])
    incoming = await stage.next_ring()
    incoming.ring()
    if stage.random.random() < 0.3:
        await give_up(call)
        return
    await incoming.answer()
    await call.answered(PATIENCE)
    await talk_and_end(stage, call, incoming)


async def line(stage: Stage) -> None:
    _, call = await stage.begin("line", stage.block.did(7), outside=stage.customer())
    incoming = await stage.next_ring()
    incoming.ring()
    if stage.random.random() < 0.4:  # the first one does not want it
        await incoming.refuse(486)
        incoming = await stage.next_ring()
        incoming.ring()
    await incoming.answer()
    await call.answered(PATIENCE)
    await talk_and_end(stage, call, incoming)


async def line_abandoned(stage: Stage) -> None:
    _, call = await stage.begin("line abandoned", stage.block.did(7), outside=stage.customer())
    incoming = await stage.next_ring()
    incoming.ring()
    await stage.moment(1.5)
    await give_up(call)


async def blind(stage: Stage) -> None:
    _, call = await stage.begin("blind transfer", stage.block.did(2), outside=stage.customer())
    desk = await stage.next_ring()
    await desk.answer()
    await call.answered(PATIENCE)
    await stage.moment(0.5)
    await refer(desk, stage.block.agents[0])
    agent = await stage.next_ring()
    agent.ring()
    await agent.answer()
    await stage.moment(1.0)
    await agent.hang_up()
    await call.ended(PATIENCE)


async def attended(stage: Stage) -> None:
    first, call = await stage.begin("attended transfer", stage.block.did(2), outside=stage.customer())
    desk = await stage.next_ring()
    await desk.answer()
    await call.answered(PATIENCE)
    await desk.hold()
    target = stage.block.agents[0]
    second = Story(kind="consultation", direction="internal", party=stage.block.desk, target=target)
    stage.stories.append(second)
    second.caller = await stage.phones[stage.block.desk].dial(target)
    await _taken_up(second.caller)
    agent = await stage.next_ring()
    await agent.answer()
    await second.caller.answered(PATIENCE)
    await refer(desk, target, replaces=replaces_of(second.caller))
    await second.caller.ended(PATIENCE)
    await desk.released(PATIENCE)
    first.callees.append(agent)  # from now on it is the customer's
    await stage.moment(0.7)
    await call.hang_up()
    await agent.ended(PATIENCE)


async def _somebody_calls(stage: Stage, kind: str) -> tuple[Story, Call]:
    """From outside, inside, or to the outside."""
    match stage.random.choice(("inbound", "inbound", "internal", "outbound")):
        case "inbound":
            return await stage.begin(kind, stage.block.did(2), outside=stage.customer())
        case "internal":
            return await stage.begin(kind, stage.block.desk)
        case _:
            customer = stage.customer()
            return await stage.begin(kind, customer, outside=customer, to_outside=True)


Play = Callable[[Stage], Awaitable[None]]
PLAYS: dict[Play, int] = {
    answered: 30, abandoned_at_once: 6, abandoned: 12, refused: 8, unanswered: 3, unknown_number: 2, forked: 8,
    forwarded: 8, line: 10, line_abandoned: 6, blind: 4, attended: 4,
}  # fmt: skip
"""How often each is played."""


async def play_one(stage: Stage) -> None:
    """One call to its end. Trouble is noted in the story: whether a kill explains it is for the judge to say."""
    play = stage.random.choices([*PLAYS], [*PLAYS.values()])[0]
    begun = len(stage.stories)
    try:
        await play(stage)
    except TROUBLE as error:
        stage.stories[begun].trouble = f"{play.__name__}: {str(error).splitlines()[0]}"
    for story in stage.stories[begun:]:
        await stage.settle(story)
