"""Random days in a few lines, beside a naive account of the same that is kept from inputs and decisions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from queue_engine.decisions import AutoPause, Decision, Leave, Offer, WakeAt, Withdraw
from queue_engine.engine import Engine
from queue_engine.facts import Will
from queue_engine.input_log import Beginning, Step
from queue_engine.inputs import (
    AgentAtWindow,
    AgentLegs,
    AgentLines,
    AgentReachable,
    AgentSkills,
    AgentWill,
    Input,
    ItemArrived,
    ItemChanged,
    ItemLeft,
    LineChanged,
    LineOpened,
    OfferRefused,
    OfferTaken,
    ServiceEnded,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from queue_engine.reasons import LeaveReason, RefusalCause
from queue_engine.replay import Replay
from queue_engine.strategy import RINGS_ON
from queue_engine.work import ItemKind, Line, WorkItem
from tests.queue_engine.random_lines import AGENTS, LINES, NUMBERS, OTHERWISE, SEED, Known

extensions = st.sampled_from(AGENTS)
numbers = st.sampled_from(NUMBERS)


class LineMachine(RuleBasedStateMachine):
    """Drives the engine as a dispatcher would, and remembers what it decided."""

    made_of: type[Engine] = Engine

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.engine = self.made_of(LINES, self.now, seed=SEED)
        self.agents = {extension: Known() for extension in AGENTS}
        self.items: dict[UUID, WorkItem] = {}  # in no agent's hand for good
        self.holders: dict[UUID, set[str]] = {}
        self.ended: set[UUID] = set()
        self.joined: dict[UUID, float] = {}
        self.served: dict[str, str] = {}  # by which line
        self.closed: set[str] = set()
        self.count = 0
        self.wake = float("inf")
        self.steps: list[Step] = []
        self.asked: list[Offer] = []  # by the last input
        self.gave_up: dict[tuple[str, str], tuple[float, float, UUID]] = {}  # by line, key: joined, left
        self.entered: dict[UUID, float] = {}  # its line
        self.been: dict[UUID, set[str]] = {}  # in which other lines
        self.assigned: dict[UUID, set[str]] = {}  # to whom supervisors have ever given it
        for extension in AGENTS:
            self.agents[extension].reachable = True
            self.give(AgentReachable(extension, True))

    # ---- the account -----------------------------------------------------------------------------------------------

    def give(self, given: Input) -> None:
        for decision in self.handle(given):
            self.carry_out(decision)
        self.people_are_asked_in_order()

    def handle(self, given: Input) -> Sequence[Decision]:
        decisions = self.engine.handle(given, self.now)
        self.steps.append(Step(self.now, given, tuple(decisions)))
        self.asked = [decision for decision in decisions if isinstance(decision, Offer)]
        self.wake = next((decision.at for decision in decisions if isinstance(decision, WakeAt)), float("inf"))
        return decisions

    def teardown(self) -> None:
        """Run again, the day is the same."""
        replay = Replay(Beginning(0.0, SEED, LINES))
        assert replay.run(self.steps) is None

    def carry_out(self, decision: Decision) -> None:
        match decision:
            case Offer(item_id, line, extension):
                assert self.agents[extension].is_free(self.now), "no offer to who is not free"
                assert line == self.items[item_id].line
                assert self.may_take(self.items[item_id], extension)
                self.agents[extension].holds = item_id
                self.holders[item_id].add(extension)
            case Withdraw(item_id, extension, reason):
                assert extension in self.holders[item_id]
                self.let_go(item_id, extension)
                if reason == "expired":
                    self.rests(self.items[item_id].line, extension, RefusalCause.NO_ANSWER)
            case Leave(item_id):
                assert not self.items[item_id].is_absent, "no bound sends away whom we call"
                self.ends(item_id)
            case AutoPause(extension):
                assert self.agents[extension].is_to_pause
                self.agents[extension].will, self.agents[extension].misses = Will.PAUSED, 0
                self.agents[extension].is_to_pause = False
            case _:
                pass

    def let_go(self, item_id: UUID, extension: str) -> None:
        self.holders[item_id].remove(extension)
        self.agents[extension].holds = None

    def rests(self, number: str, extension: str, cause: RefusalCause) -> None:
        line = self.engine.lines[number]
        agent = self.agents[extension]
        agent.rests_until = self.now + line.delays.get(cause, line.retry_after)
        agent.misses += cause in line.auto_pause_causes
        if cause in line.auto_pause_causes and 0 < line.auto_pause_after <= agent.misses and agent.at_work:
            agent.is_to_pause = True

    def ends(self, item_id: UUID) -> None:
        assert item_id not in self.ended, "every item ends once"
        for extension in list(self.holders.pop(item_id)):
            self.agents[extension].holds = None
        self.ended.add(item_id)
        del self.items[item_id]

    def service_ends(self, extension: str, number: str) -> None:
        self.agents[extension].serves = None
        self.agents[extension].wraps_until = self.now + self.engine.lines[number].wrap_up

    def may_take(self, item: WorkItem, extension: str) -> bool:
        """By the line's rules read one by one, or as the only one whom it is kept for."""
        line, agent = self.engine.lines[item.line], self.agents[extension]
        if extension not in line.agents or self.now < item.not_before:
            return False
        story = self.engine.why_item(item.item_id, self.now)
        if story is not None and story.kept_for is not None:
            if story.kept_for not in self.assigned.get(item.item_id, ()):
                assert story.kept_for == item.sticky
                assert self.now < self.entered[item.item_id] + line.sticky_patience
            assert story.kept_for in line.agents and self.agents[story.kept_for].at_work
            return story.kept_for == extension
        wait = next((tier.opens_after for tier in line.tiers if extension in tier.agents), 0.0)
        tiers = [tier for tier in line.tiers if tier.opens_after < wait]
        first = [other for other in line.agents if not any(other in tier.agents for tier in line.tiers)]
        before = first + [other for tier in tiers for other in tier.agents if other in line.agents]
        if any(self.agents[other].at_work for other in before) and self.now < self.joined[item.item_id] + wait:
            return False
        for name in {*line.skills, *item.skills}:
            needed = max(line.skills.get(name, 0), item.skills.get(name, 0))
            for step in line.relaxations:
                if self.now >= self.joined[item.item_id] + step.after:
                    needed = min(needed, step.skills.get(name, needed))
            if agent.skills.get(name, 0) < needed:
                return False
        return True

    # ---- what may happen -------------------------------------------------------------------------------------------

    @rule(line=numbers)
    def simply_arrives(self, line: str) -> None:
        self.arrives(line, 0.0, skilled=False, sticky=None, key=None)

    @rule(
        line=numbers,
        priority=st.sampled_from((0.0, 0.0, 2.0)),
        skilled=st.booleans(),
        sticky=st.sampled_from((None, None, *AGENTS)),
        key=st.sampled_from((None, "anna", "borys")),
    )
    def somebody_special_arrives(
        self, line: str, priority: float, skilled: bool, sticky: str | None, key: str | None
    ) -> None:
        self.arrives(line, priority, skilled=skilled, sticky=sticky, key=key)

    @precondition(lambda self: self.gave_up)
    @rule(data=st.data())
    def who_gave_up_comes_again(self, data: st.DataObject) -> None:
        line, key = data.draw(st.sampled_from(sorted(self.gave_up)))
        self.arrives(line, 0.0, skilled=False, sticky=None, key=key)

    @rule(line=numbers, later=st.sampled_from((0.0, 0.0, 4.0, 30.0)), waited=st.sampled_from((0.0, 10.0)))
    def a_callback_arrives(self, line: str, later: float, waited: float) -> None:
        self.count += 1
        joined, begins = self.now - waited, self.now + later
        self.enters(WorkItem(UUID(int=self.count), line, joined, ItemKind.CALLBACK, not_before=begins))

    @precondition(lambda self: any(item.is_absent for item in self.items.values()))
    @rule(data=st.data())
    def the_party_of_a_callback_answers(self, data: st.DataObject) -> None:
        """It waits on as a caller, at its place."""
        absent = sorted(item_id for item_id, item in self.items.items() if item.is_absent)
        item_id = data.draw(st.sampled_from(absent))
        self.items[item_id] = replace(self.items[item_id], kind=ItemKind.CALL, not_before=float("-inf"))
        self.entered[item_id] = self.now
        self.give(ItemArrived(self.items[item_id]))

    def arrives(self, line: str, priority: float, *, skilled: bool, sticky: str | None, key: str | None) -> None:
        self.count += 1
        skills = {"english": 2} if skilled else {}
        self.enters(WorkItem(UUID(int=self.count), line, self.now, ItemKind.CALL, priority, skills, sticky, key))

    def enters(self, item: WorkItem) -> None:
        self.items[item.item_id], self.holders[item.item_id] = item, set()
        self.joined[item.item_id], self.entered[item.item_id] = item.joined_at, self.now
        given = self.handle(ItemArrived(item))
        entry = self.engine._floor.pool.entries.get(item.item_id)
        if entry is not None:  # what a story says was waited is a difference, and rounded
            assert entry.item.joined_at == self.had_joined(item)
            self.joined[item.item_id] = entry.item.joined_at
        for decision in given:
            self.carry_out(decision)

    def had_joined(self, item: WorkItem) -> float:
        """Earlier, if it has given up a short while ago and comes again."""
        joined, left, was = self.gave_up.get((item.line, item.key or ""), (item.joined_at, self.now, item.item_id))
        self.gave_up = {place: each for place, each in self.gave_up.items() if each[2] != was}
        return joined if left + self.engine.lines[item.line].resume_window >= self.now else item.joined_at

    @precondition(lambda self: self.items)
    @rule(data=st.data(), reason=st.sampled_from((LeaveReason.ABANDONED, LeaveReason.EXIT_KEY)))
    def leaves(self, data: st.DataObject, reason: LeaveReason) -> None:
        item_id = data.draw(st.sampled_from(sorted(self.items)))
        item = self.items[item_id]
        if reason is LeaveReason.ABANDONED and item.key:
            for line in {item.line, *self.been.get(item_id, ())}:
                if self.engine.lines[line].resume_window:
                    self.gave_up[line, item.key] = (self.joined[item_id], self.now, item_id)
        self.ends(item_id)
        self.give(ItemLeft(item_id, reason))

    @precondition(lambda self: any(self.holders.values()))
    @rule(data=st.data(), cause=st.sampled_from(RefusalCause))
    def is_refused(self, data: st.DataObject, cause: RefusalCause) -> None:
        item_id = data.draw(st.sampled_from(sorted(item for item, holders in self.holders.items() if holders)))
        extension = data.draw(st.sampled_from(sorted(self.holders[item_id])))
        if cause is RefusalCause.UNREACHABLE:
            self.agents[extension].reachable = False
            self.give(AgentReachable(extension, False))
        self.let_go(item_id, extension)
        self.rests(self.items[item_id].line, extension, cause)
        self.give(OfferRefused(item_id, extension, cause))

    @precondition(lambda self: any(self.holders.values()))
    @rule(data=st.data())
    def is_taken(self, data: st.DataObject) -> None:
        item_id = data.draw(st.sampled_from(sorted(item for item, holders in self.holders.items() if holders)))
        extension = data.draw(st.sampled_from(sorted(self.holders[item_id])))
        losers = self.holders[item_id] - {extension}
        decisions = self.handle(OfferTaken(item_id, extension))
        withdrawn = {d.extension for d in decisions if isinstance(d, Withdraw) and d.item_id == item_id}
        assert withdrawn == losers, "losers are always released"
        self.agents[extension].serves, self.agents[extension].misses = item_id, 0
        for decision in decisions:
            if not isinstance(decision, Withdraw) or decision.item_id != item_id:
                continue
            self.carry_out(decision)
        number = self.items[item_id].line
        self.ends(item_id)
        self.served[extension] = number
        for decision in decisions:
            if not isinstance(decision, Withdraw) or decision.item_id != item_id:
                self.carry_out(decision)

    @precondition(lambda self: any(agent.serves for agent in self.agents.values()))
    @rule(data=st.data())
    def service_is_over(self, data: st.DataObject) -> None:
        extension = data.draw(st.sampled_from([e for e, agent in self.agents.items() if agent.serves]))
        item_id = self.agents[extension].serves
        assert item_id is not None
        self.service_ends(extension, self.served[extension])
        self.give(ServiceEnded(item_id, extension))

    @precondition(lambda self: self.items)
    @rule(
        data=st.data(),
        priority=st.sampled_from((None, 0.0, 5.0)),
        line=st.sampled_from((None, *NUMBERS)),
        assigned=st.sampled_from((None, "", *AGENTS)),
    )
    def a_supervisor_changes(
        self, data: st.DataObject, priority: float | None, line: str | None, assigned: str | None
    ) -> None:
        item_id = data.draw(st.sampled_from(sorted(self.items)))
        before = self.items[item_id]
        decisions = self.handle(ItemChanged(item_id, priority, line, assigned))
        for decision in decisions:
            if isinstance(decision, Withdraw) and decision.reason == "moved":
                self.carry_out(decision)
        priority = before.priority if priority is None else priority
        self.items[item_id] = replace(before, line=line or before.line, priority=priority)
        if line is not None and line != before.line:
            self.been.setdefault(item_id, set()).add(before.line)
            self.entered[item_id] = self.now
        if assigned:
            self.assigned.setdefault(item_id, set()).add(assigned)
        for decision in decisions:
            if not (isinstance(decision, Withdraw) and decision.reason == "moved"):
                self.carry_out(decision)

    @rule(extension=extensions, legs=st.sampled_from((0, 0, 1)))
    def legs(self, extension: str, legs: int) -> None:
        agent = self.agents[extension]
        if agent.legs and not legs and agent.serves is not None:
            self.service_ends(extension, self.served[extension])
        agent.legs = legs
        self.give(AgentLegs(extension, legs))

    @rule(extension=extensions, will=st.sampled_from((Will.READY, Will.READY, Will.ON_DEMAND, *Will)))
    def an_agent_says(self, extension: str, will: Will) -> None:
        self.agents[extension].will, self.agents[extension].misses = will, 0
        self.give(AgentWill(extension, will))

    @rule(extension=extensions)
    def all_others_are_on_demand(self, extension: str) -> None:
        for each in AGENTS:
            self.an_agent_says(each, Will.READY if each == extension else Will.ON_DEMAND)

    @rule(extension=extensions, data=st.data())
    def an_agent_changes(self, extension: str, data: st.DataObject) -> None:
        agent = self.agents[extension]
        match data.draw(st.integers(0, 7)):
            case 0 | 1:
                agent.reachable = not agent.reachable
                self.give(AgentReachable(extension, agent.reachable))
            case 2 | 3 | 4:
                agent.skills = {"english": data.draw(st.integers(0, 3))}
                self.give(AgentSkills(extension, agent.skills))
            case 5:
                self.give(AgentLines(extension, data.draw(st.frozensets(numbers, min_size=2))))
            case 6:
                agent.at_window = not agent.at_window
                self.give(AgentAtWindow(extension, agent.at_window))
            case _:
                seconds = data.draw(st.sampled_from((0.0, 3.0, 8.0)))
                agent.wraps_until = self.now + seconds
                self.give(WrapUpExtended(extension, self.now + seconds) if seconds else WrapUpEnded(extension))

    @precondition(lambda self: self.count > 20)
    @rule(number=numbers, is_open=st.booleans())
    def line_opens_or_closes(self, number: str, is_open: bool) -> None:
        (self.closed.discard if is_open else self.closed.add)(number)
        self.give(LineOpened(number, is_open))

    @rule(line=st.sampled_from((*LINES, *OTHERWISE)))
    def a_line_is_set_otherwise(self, line: Line) -> None:
        self.give(LineChanged(line))

    @rule(seconds=st.sampled_from((0.1, 1.0, 2.5, 5.0, 30.0)))
    def time_passes(self, seconds: float) -> None:
        """The engine is woken when it asked for it, and else it is not."""
        until = self.now + seconds
        while self.wake <= until:
            self.now = max(self.now, self.wake)
            self.give(TimePassed())
        self.now = until

    # ---- what holds always -----------------------------------------------------------------------------------------

    @invariant()
    def every_item_waits_or_rings_or_has_ended(self) -> None:
        waiting = set(self.engine.waiting)
        assert waiting == {item_id for item_id in self.items if not self.holders[item_id]}

    @invariant()
    def joined_at_never_increases(self) -> None:
        for item_id, item in self.engine.waiting.items():
            assert item.joined_at <= self.joined[item_id]
            self.joined[item_id] = item.joined_at

    @invariant()
    def people_are_asked_in_order(self) -> None:
        """Nobody who waits on could have had that agent with more right: score, then due time."""
        asked, self.asked = self.asked, []
        for offer in asked:
            for item_id in self.engine.waiting:
                if self.may_take(self.items[item_id], offer.extension):
                    self.is_no_later(offer.item_id, item_id)

    def is_no_later(self, asked: UUID, waits: UUID) -> None:
        if asked not in self.items:
            return
        lines = [self.engine.lines[self.items[item_id].line] for item_id in (asked, waits)]
        score, other = (
            self.items[item_id].priority + line.weight + line.aging * (self.now - self.joined[item_id])
            for item_id, line in zip((asked, waits), lines, strict=True)
        )
        assert score >= other - 1e-6
        if score == other and not any(line.aging for line in lines):
            assert self.joined[asked] + lines[0].target <= self.joined[waits] + lines[1].target

    @invariant()
    def who_let_too_many_offers_pass_has_paused(self) -> None:
        assert not any(agent.is_to_pause for agent in self.agents.values())

    @invariant()
    def one_agent_at_a_time_is_asked_for_whom_we_call(self) -> None:
        assert all(len(self.holders[item_id]) <= 1 for item_id, item in self.items.items() if item.is_absent)

    @invariant()
    def nobody_waits_while_a_willing_capable_free_agent_idles(self) -> None:
        for item_id in self.engine.waiting:
            item = self.items[item_id]
            idle = [e for e in AGENTS if self.agents[e].is_free(self.now) and self.may_take(item, e)]
            assert idle == []

    @invariant()
    def who_may_ring_beside_others_rings(self) -> None:
        """On demand: when nobody ready rings."""
        for item_id, holders in self.holders.items():
            item = self.items[item_id]
            entry = self.engine._floor.pool.entries[item_id]
            late = entry.rings_more_at is not None and entry.rings_more_at > self.now
            if not holders or item.is_absent or late or self.engine.lines[item.line].strategy not in RINGS_ON:
                continue
            ready = any(self.agents[holder].will is Will.READY for holder in holders)
            for extension in AGENTS:
                if self.agents[extension].is_free(self.now) and self.may_take(item, extension):
                    assert self.agents[extension].will is Will.ON_DEMAND and ready

    @invariant()
    def whoever_comes_while_an_agent_is_free_is_let_in(self) -> None:
        for number, line in self.engine.lines.items():
            free = any(self.agents[extension].is_free(self.now) for extension in line.agents)
            if free and number not in self.closed and not self.engine._floor.pool.waiting(number):
                assert self.engine.admission(number, self.now) is None

    @invariant()
    def the_explanation_agrees_with_the_decision(self) -> None:
        for item_id, holders in self.holders.items():
            story = self.engine.why_item(item_id, self.now)
            assert story is not None
            assert {e for e, reason in story.agents.items() if reason.key == "ringing"} <= holders
            if not holders:
                assert "next" not in {reason.key for reason in story.agents.values()}
            for extension, reason in story.agents.items():
                agent = self.agents[extension]
                free_of = {"paused": Will.PAUSED, "signed_out": Will.SIGNED_OUT}
                assert reason.key not in free_of or agent.will is free_of[reason.key]
                assert (reason.key in ("tier_closed", "skill")) <= (not self.may_take(self.items[item_id], extension))

    @invariant()
    def an_agent_who_could_take_something_is_told_of_nothing_that_is_next(self) -> None:
        for extension, agent in self.agents.items():
            story = self.engine.why_agent(extension, self.now)
            assert story is not None
            assert (story.state.key == "free") == agent.is_free(self.now)
            assert "next" not in {reason.key for reason in story.items.values()}

    @invariant()
    def an_agent_holds_at_most_one_live_item(self) -> None:
        held = [extension for holders in self.holders.values() for extension in holders]
        held += [extension for extension, agent in self.agents.items() if agent.serves is not None]
        assert len(held) == len(set(held))
        for extension, agent in self.engine.agents.items():
            assert (agent.offered, agent.serving) == (self.agents[extension].holds, self.agents[extension].serves)
