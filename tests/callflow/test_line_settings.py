"""What is set for a line: how it is checked, what the queue engine gets of it, and what callers notice."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import fields, replace

import msgspec
import pytest
from uuid_utils.compat import uuid7

from callflow.agent_commands import AUTO_PAUSE, AgentCommands
from callflow.flows.calendar import Calendar
from callflow.line_facts import CallLeftLine, LineEnd
from callflow.line_rules import Around, line_breaches, loadable
from callflow.line_settings import LineDefaults, LineSettings, engine_line, line_plan
from callflow.router import CallbackPlan, LinePlan, Order
from queue_engine.decisions import AutoPause
from queue_engine.facts import AgentDeclared, Will
from queue_engine.reasons import AgentCondition, RefusalCause
from queue_engine.strategy import View
from queue_engine.work import Line, Relaxation, Tier
from tests.callflow.house import Dialog, House, a_house
from tests.support.virtual_time import virtual_time

AROUND = Around(is_extension=lambda n: n.startswith("10"), is_target=lambda n: n == "700", strategy=loadable)
OUTSIDE = "+380441112233"

EVERYTHING = """
name = "Support"
agents = ["1001", "1002", "1003"]
strategy = "weighted_random"
progress_delay = 7
penalties = { 1002 = 2 }
tiers = [{ agents = ["1003"], opens_after = 30 }]
skip_empty_tiers = false
skills = { english = 3 }
relaxations = [{ after = 60, skills = { english = 1 } }]
sticky_patience = 15
weight = 2.5
aging = 0.5
target = 20
retry_after = 6
delays = { busy = 9 }
auto_pause_after = 3
auto_pause_causes = ["no_answer", "unreachable"]
wrap_up = 12
max_length = 40
join_empty = ["signed_out"]
leave_empty = ["at_window"]
leave_empty_after = 8
expected_wait_limit = 600
empties_when_closed = true
resume_window = 120
overflow = "700"
"""


def settings(text: str) -> LineSettings:
    return msgspec.convert({"name": "Support", "agents": ["1001", "1002"], **tomllib.loads(text)}, LineSettings)


def test_every_setting_of_the_engine_can_be_said() -> None:
    line = engine_line("700", settings(EVERYTHING), LineDefaults(ring_timeout=25.0))
    assert line == Line(
        "700",
        ("1001", "1002", "1003"),
        ring_timeout=25.0,
        retry_after=6.0,
        offer_grace=10.0,
        strategy="weighted_random",
        progress_delay=7.0,
        penalties={"1002": 2},
        tiers=(Tier(("1003",), 30.0),),
        skip_empty_tiers=False,
        skills={"english": 3},
        relaxations=(Relaxation(60.0, {"english": 1}),),
        sticky_patience=15.0,
        weight=2.5,
        aging=0.5,
        target=20.0,
        delays={RefusalCause.BUSY: 9.0},
        auto_pause_after=3,
        auto_pause_causes=frozenset({RefusalCause.NO_ANSWER, RefusalCause.UNREACHABLE}),
        wrap_up=12.0,
        max_length=40,
        join_empty=frozenset({AgentCondition.SIGNED_OUT}),
        leave_empty=frozenset({AgentCondition.AT_WINDOW}),
        leave_empty_after=8.0,
        expected_wait_limit=600.0,
        empties_when_closed=True,
        resume_window=120.0,
        goes_on_after=300.0,
        goes_on_to="700",
    )
    unsaid = {each.name for each in fields(Line) if getattr(line, each.name) == getattr(Line("700", ()), each.name)}
    assert unsaid == {"number", "max_wait"}, "the wait's end is the call's business"


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('agents = ["2001"]', "agents", 'no extension "2001"'),
        ('agents = ["1001", "1001"]', "agents", "named twice"),
        ('strategy = "rrmemory"', "strategy", "longest_idle"),
        ('strategy = "no.such:function"', "strategy", "cannot be loaded"),
        ('strategy = "queue_engine.strategy:RINGS_ON"', "strategy", "is no function"),
        ("penalties = { 1009 = 1 }", "penalties.1009", "no agent of the line"),
        ('tiers = [{ agents = ["1009"], opens_after = 5 }]', "tiers.0.agents", "no agent of the line"),
        (
            'tiers = [{agents=["1001"], opens_after=5}, {agents=["1001"], opens_after=9}]',
            "tiers.1.agents",
            "two",
        ),
        ("relaxations = [{ after = 5, skills = { english = 1 } }]", "relaxations.0.skills", "does not ask"),
        ("skills = {en = 1}\nrelaxations = [{after = 5, skills = {en = 1}}]", "relaxations.0.skills", "no less than 1"),
        (
            "skills = {en = 3}\nrelaxations = [{after = 60, skills = {en = 2}}, {after = 5, skills = {en = 1}}]",
            "relaxations.0.skills",
            "no less than 1",
        ),
        ('overflow = "999"', "overflow", "no such number"),
        ('exit_keys = { 12 = "700" }', "exit_keys.12", "0 to 9"),
        ('exit_keys = { 1 = "999" }', "exit_keys.1", "no such number"),
        ('callback = { key = "1" }\nexit_keys = { 1 = "700" }', "callback.key", "is an exit key already"),
        ('callback = { key = "1", hours = { week = { mon = ["09:00-08:00"] } } }', "callback.hours", "is no time"),
        ('callback = { key = "1", hours = { week = {} } }', "callback.hours", "nobody would ever"),
        ('priorities = { "Anna" = 3 }', "priorities.Anna", "expected a number"),
        ("sticky = []\nsticky_patience = 9", "sticky", "nobody is named"),
    ],
)
def test_what_a_line_names_has_to_be_there(text: str, key: str, expected: str) -> None:
    ((path, said),) = line_breaches(settings(text), AROUND)
    assert ".".join(map(str, path)) == key
    assert expected in said


@pytest.mark.parametrize(
    "text",
    ["wrap_up = -1", "weight = 1001.0", "aging = -0.1", "penalties = { 1001 = -1 }", "skills = { en = 101 }",
     'delays = { tired = 1 }', 'join_empty = ["asleep"]', 'callback = { key = "#" }', 'callback = { after = 5 }',
     'callback = { key = "5", order = "nobody_first" }', "resume_windw = 5", 'sticky = ["boss"]'],
)  # fmt: skip
def test_what_is_out_of_its_range_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(text)


def test_every_setting_of_a_callback_can_be_said() -> None:
    said = (
        'callback = { key = "5", after = 30, order = "party_first", tries = 4, retry_after = 120, expires = 3600, '
        'ring_timeout = 25, international = true, hours = { week = { mon = ["09:00-18:00"] } } }'
    )
    assert line_plan("700", settings(said), LineDefaults()).callback == CallbackPlan(
        key="5", after=30.0, order=Order.PARTY_FIRST, tries=4, retry_after=120.0, expires=3600.0, ring_timeout=25.0,
        international=True, hours=Calendar(week={"mon": ["09:00-18:00"]}),
    )  # fmt: skip


async def serves(house: House, extension: str, caller: Dialog) -> None:
    """That agent answers and the caller hangs up."""
    await house.phones[extension].says(200)
    if not caller.theirs:
        caller.phone.answer_to(caller)
    await hangs_up(house, caller)


async def hangs_up(house: House, caller: Dialog) -> None:
    house.at_once((caller.phone, caller.text("BYE")))
    await house.settles()


def rung(house: House) -> list[str]:
    return [user for user, phone in house.phones.items() if phone.rung]


def a_line(text: str, agents: tuple[str, ...] = ("1003", "1004")) -> tuple[Line, LineSettings]:
    given = msgspec.structs.replace(settings(text), agents=agents)
    return engine_line("700", given, LineDefaults()), given


@virtual_time
async def test_a_caller_waits_for_their_own_agent_and_for_anybody_when_patience_is_over() -> None:
    line, given = a_line("sticky_patience = 30")
    async with a_house(lines=[line_plan("700", given, LineDefaults())], queue=[line], trunk_leads_to="700") as house:
        house.own_agents[OUTSIDE] = "1004"
        for busy in ("1003", "1004"):
            house.dispatcher.legs(busy, 1)
        known = await house.outside_calls("0441112233")
        house.dispatcher.legs("1003", 0)
        await asyncio.sleep(29)
        await house.settles()
        assert rung(house) == [], "another agent is free, and the caller's own is at work"
        await asyncio.sleep(2)
        await house.settles()
        assert rung(house) == ["1003"]
        house.at_once((known.phone, known.cancel_text))
        await house.settles()
        house.dispatcher.legs("1004", 0)


@virtual_time
async def test_who_calls_again_from_the_same_number_has_the_old_place() -> None:
    line, given = a_line("resume_window = 60", agents=("1003",))
    async with a_house(lines=[line_plan("700", given, LineDefaults())], queue=[line]) as house:
        house.dispatcher.legs("1003", 1)
        gone = await house.phones["1001"].dials("700")
        await asyncio.sleep(5)
        other = await house.phones["1002"].dials("700")
        house.at_once((house.phones["1001"], gone.cancel_text))
        await house.settles()
        again = await house.phones["1001"].dials("700")
        house.dispatcher.legs("1003", 0)
        await house.settles()
        assert "1001" in (house.phones["1003"].rung[0].headers.get("From") or "")
        for dialog in (again, other):
            house.at_once((dialog.phone, dialog.cancel_text))
            await house.settles()


@virtual_time
async def test_the_old_place_goes_along_to_the_line_into_which_one_overflows() -> None:
    line, given = a_line('resume_window = 60\noverflow = "701"\nmax_wait = 10', agents=())
    plans = [line_plan("700", given, LineDefaults()), LinePlan(number="701")]
    async with a_house(lines=plans, queue=[line, Line("701", ("1003",))]) as house:
        house.dispatcher.legs("1003", 1)
        gone = await house.phones["1001"].dials("700")
        await asyncio.sleep(5)
        other = await house.phones["1002"].dials("701")
        house.at_once((house.phones["1001"], gone.cancel_text))
        await house.settles()
        again = await house.phones["1001"].dials("700")
        await asyncio.sleep(11)
        await house.settles()
        house.dispatcher.legs("1003", 0)
        await house.settles()
        assert "1001" in (house.phones["1003"].rung[0].headers.get("From") or "")
        for dialog in (again, other):
            house.at_once((dialog.phone, dialog.cancel_text))
            await house.settles()


@virtual_time
async def test_a_caller_with_points_comes_before_those_who_waited_longer() -> None:
    line, given = a_line('priorities = { "1002" = 5 }', agents=("1003",))
    async with a_house(lines=[line_plan("700", given, LineDefaults())], queue=[line]) as house:
        house.dispatcher.legs("1003", 1)
        first = await house.phones["1001"].dials("700")
        await asyncio.sleep(5)
        dear = await house.phones["1002"].dials("700")
        house.dispatcher.legs("1003", 0)
        await house.settles()
        assert "1002" in (house.phones["1003"].rung[0].headers.get("From") or "")
        for dialog in (first, dear):
            house.at_once((dialog.phone, dialog.cancel_text))
            await house.settles()


@virtual_time
async def test_the_second_tier_and_who_can_less_are_rung_when_the_wait_is_long_enough() -> None:
    line, given = a_line(
        'tiers = [{agents = ["1004"], opens_after = 20}]\nskills = {en = 2}\n'
        "relaxations = [{after = 40, skills = {en = 0}}]",
        agents=("1002", "1003", "1004"),
    )
    line = replace(line, strategy="ring_all")
    async with a_house(lines=[line_plan("700", given, LineDefaults())], queue=[line]) as house:
        house.dispatcher.skilled("1003", {"en": 2})
        house.dispatcher.skilled("1004", {"en": 3})
        anna = await house.phones["1001"].dials("700")
        assert rung(house) == ["1003"]
        await asyncio.sleep(21)
        await house.settles()
        assert rung(house) == ["1003", "1004"]
        await asyncio.sleep(21)
        await house.settles()
        assert rung(house) == ["1002", "1003", "1004"]
        house.at_once((anna.phone, anna.cancel_text))
        await house.settles()


def the_last(view: View) -> list[str]:
    return [view.candidates[-1].extension]


@virtual_time
async def test_a_function_of_ones_own_says_who_is_rung() -> None:
    line, given = a_line('strategy = "tests.callflow.test_line_settings:the_last"')
    async with a_house(lines=[line_plan("700", given, LineDefaults())], queue=[line]) as house:
        anna = await house.phones["1001"].dials("700")
        assert rung(house) == ["1004"]
        house.at_once((anna.phone, anna.cancel_text))
        await house.settles()


@virtual_time
async def test_who_would_wait_too_long_is_not_let_in() -> None:
    line, given = a_line("expected_wait_limit = 30", agents=("1003",))
    async with a_house(lines=[line_plan("700", given, LineDefaults())], queue=[line]) as house:
        served = await house.phones["1001"].dials("700")
        await house.phones["1003"].says(200)
        house.phones["1001"].answer_to(served)
        await asyncio.sleep(120)  # so long a call takes, as far as anybody knows
        await hangs_up(house, served)
        house.dispatcher.legs("1003", 1)
        await house.phones["1002"].dials("700")
        assert [left.reason for left in house.of(CallLeftLine)] == [LineEnd.ANSWERED, LineEnd.EXPECTED_WAIT]
        house.dispatcher.legs("1003", 0)


@virtual_time
async def test_an_agent_who_lets_offers_ring_is_paused_and_it_is_told() -> None:
    line, given = a_line("auto_pause_after = 2\nretry_after = 1", agents=("1003",))
    async with a_house(lines=[line_plan("700", given, LineDefaults())], queue=[line]) as house:
        house.dispatcher.on_auto_pause = lambda decision: commands.auto_paused(user, decision)
        commands, user = AgentCommands(house.dispatcher, house, house), uuid7()
        anna = await house.phones["1001"].dials("700")
        for _ in range(45):
            await asyncio.sleep(1)
            await house.settles()
        assert house.dispatcher.will("1003") is Will.PAUSED
        (said,) = (fact for fact in house.facts if isinstance(fact, AgentDeclared))
        assert (said.user, said.will, said.reason, said.by) == (user, Will.PAUSED, AUTO_PAUSE, None)
        house.at_once((anna.phone, anna.cancel_text))
        await house.settles()


def test_an_extension_of_nobody_is_paused_without_a_word() -> None:
    AgentCommands(None, None, None).auto_paused(None, AutoPause("1003", RefusalCause.NO_ANSWER, 2))  # type: ignore[arg-type]  # none of them is asked
