"""What holds after any sequence of inputs whatsoever."""

from __future__ import annotations

from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from queue_engine.engine import (
    AgentLegs,
    AgentReachable,
    AgentWill,
    Engine,
    Input,
    ItemArrived,
    ItemLeft,
    Offer,
    OfferRefused,
    TimePassed,
)
from queue_engine.facts import Will
from queue_engine.work import Line, WorkItem

AGENTS = ("1001", "1002", "1003")
LINES = (Line("7000", AGENTS), Line("7001", AGENTS[:1], retry_after=2.0))
extensions = st.sampled_from(AGENTS)


class LineMachine(RuleBasedStateMachine):
    """Drives the engine as a dispatcher would, and remembers what it decided."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.engine = Engine(LINES, self.now)
        self.holders: dict[UUID, str] = {}  # item -> agent, as the decisions said
        self.joined: dict[UUID, float] = {}
        self.count = 0

    def give(self, given: Input) -> None:
        for decision in self.engine.handle(given, self.now):
            if isinstance(decision, Offer):
                assert decision.item_id not in self.holders
                assert decision.extension not in self.holders.values()
                agent = self.engine.agents[decision.extension]
                assert agent.reachable
                assert agent.will in (Will.READY, Will.ON_DEMAND)
                assert agent.legs == 0
                assert agent.not_before <= self.now
                self.holders[decision.item_id] = decision.extension

    @rule(line=st.sampled_from(("7000", "7001")))
    def arrives(self, line: str) -> None:
        self.count += 1
        item = WorkItem(UUID(int=self.count), line, self.now)
        self.joined[item.item_id] = self.now
        self.give(ItemArrived(item))

    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        if self.joined:
            item_id = data.draw(st.sampled_from(sorted(self.joined)))
            del self.joined[item_id]
            self.holders.pop(item_id, None)
            self.give(ItemLeft(item_id))

    @rule(data=st.data())
    def is_refused(self, data: st.DataObject) -> None:
        if self.holders:
            item_id = data.draw(st.sampled_from(sorted(self.holders)))
            self.give(OfferRefused(item_id, self.holders.pop(item_id)))

    @rule(extension=extensions, yes=st.booleans())
    def phone(self, extension: str, yes: bool) -> None:
        self.give(AgentReachable(extension, yes))

    @rule(extension=extensions, legs=st.integers(0, 2))
    def legs(self, extension: str, legs: int) -> None:
        self.give(AgentLegs(extension, legs))

    @rule(extension=extensions, will=st.sampled_from(Will))
    def will(self, extension: str, will: Will) -> None:
        self.give(AgentWill(extension, will))

    @rule(seconds=st.floats(0.1, 10.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.give(TimePassed())

    @invariant()
    def every_item_waits_or_is_held_and_keeps_when_it_joined(self) -> None:
        waiting = {item.item_id: item.joined_at for item in self.engine.waiting.values()}
        assert waiting.keys() | self.holders.keys() == self.joined.keys()
        assert waiting.keys().isdisjoint(self.holders)
        assert all(self.joined[item_id] == joined_at for item_id, joined_at in waiting.items())

    @invariant()
    def nobody_waits_while_an_agent_of_the_line_is_free(self) -> None:
        for item in self.engine.waiting.values():
            reasons = self.engine.passed_over(item.item_id, self.now)
            assert set(reasons) == set(self.engine.lines[item.line].agents)


LineMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLines = LineMachine.TestCase
