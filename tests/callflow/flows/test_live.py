"""A flow with somebody on the telephone: a whole switchboard in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from callflow.call import Call
from callflow.exchange import RecordingRules
from callflow.facts import (
    CallAnswered,
    CallEnded,
    CallQueued,
    CallRouted,
    Direction,
    Outcome,
    RecordingReady,
    RecordingStarted,
    Target,
)
from callflow.flow_facts import FlowEntered, FlowNodePassed
from callflow.flows.book import InPython, NoSuchFunction, Published, function_named
from callflow.flows.live import MOST_TOLD, fields
from callflow.flows.visit import Visit
from callflow.saying import Language
from callflow.side import Side
from tests.callflow.flows.office import flow_of, read
from tests.callflow.house import Dialog, House, a_house
from tests.support.virtual_time import virtual_time

BYE = {"verb": "hangup"}


def publish(house: House, **flows: dict[str, Any]) -> None:
    """By number, with an `n` before it."""
    house.flows.publish({name[1:]: Published(flow=flow_of(**nodes), version=3) for name, nodes in flows.items()})


async def enters(house: House, number: str = "800") -> Dialog:
    """Somebody calls and has been answered by the flow."""
    dialog = await house.phones["1001"].dials(number)
    assert house.phones["1001"].answer_to(dialog).status == 200
    await house.settles()
    return dialog


def played(dialog: Dialog) -> list[str]:
    """Prompts, without the folder."""
    return [
        str(Path(str(file)).relative_to("/prompts"))
        for what, told in dialog.media.told
        if what == "play" and isinstance(told, tuple)
        for file in told[:-1]
    ]


async def prompt_ends(house: House, dialog: Dialog) -> None:
    dialog.media.playbacks[-1].finish("done")
    await house.settles()


async def presses(house: House, dialog: Dialog, keys: str) -> None:
    leg = house.switch.user_agent._legs[dialog.sip_call_id, dialog.theirs]
    for key in keys:
        leg.digits.put_nowait(key)
    await house.settles()


async def hangs_up(house: House, dialog: Dialog) -> None:
    house.at_once((dialog.phone, dialog.text("BYE")))
    await house.settles()


def path_of(house: House) -> list[tuple[str, str]]:
    return [(fact.node, fact.exit) for fact in house.of(FlowNodePassed)]


def outcomes(house: House) -> list[Outcome]:
    return [ended.outcome for ended in house.of(CallEnded)]


MENU = {
    "a": {"verb": "play", "prompts": ["welcome"], "next": "b"},
    "b": {"verb": "menu", "prompts": ["menu"], "keys": {"1": "c"}, "timeout": "d", "attempts": 2, "seconds": 5},
    "c": {"verb": "dial", "number": "1002", "unanswered": "d"},
    "d": BYE,
}


@virtual_time
async def test_a_key_leads_to_a_colleague_and_the_path_is_told() -> None:
    async with a_house() as house:
        publish(house, n800=MENU)
        dialog = await enters(house)
        await prompt_ends(house, dialog)
        await presses(house, dialog, "1")
        assert played(dialog)[:2] == ["uk/welcome", "uk/menu"]
        await house.phones["1002"].says(200)
        assert [fact.extension for fact in house.of(CallAnswered)] == ["1002"]
        assert [(fact.flow, fact.version) for fact in house.of(FlowEntered)] == [("800", 3)]
        assert path_of(house) == [("a", "next"), ("b", "1")]
        assert [fact.target for fact in house.of(CallRouted)] == [Target.FLOW, Target.EXTENSION]
        await hangs_up(house, dialog)
        assert outcomes(house) == [Outcome.ANSWERED]


@virtual_time
async def test_a_key_cuts_a_prompt_and_counts_for_the_menu_that_follows() -> None:
    async with a_house() as house:
        publish(house, n800=MENU)
        dialog = await enters(house)
        await presses(house, dialog, "1")  # while "welcome" is played
        assert ("stop_playing", None) in dialog.media.told
        assert played(dialog)[:1] == ["uk/welcome"]
        assert "uk/menu" not in played(dialog)
        assert len(house.phones["1002"].rung) == 1
        await hangs_up(house, dialog)


@virtual_time
async def test_a_prompt_without_barge_in_is_heard_to_its_end() -> None:
    async with a_house() as house:
        law = {"verb": "play", "prompts": ["law"], "barge": False, "next": "b"}
        publish(house, n800={**MENU, "a": law})
        dialog = await enters(house)
        await presses(house, dialog, "1")
        assert house.phones["1002"].rung == []
        await prompt_ends(house, dialog)
        assert len(house.phones["1002"].rung) == 1
        await hangs_up(house, dialog)


@virtual_time
async def test_silence_and_wrong_keys_end_at_the_exit_of_the_menu() -> None:
    async with a_house() as house:
        publish(house, n800=MENU)
        dialog = await enters(house)
        await prompt_ends(house, dialog)
        await presses(house, dialog, "9")  # cuts the menu: its first attempt
        await prompt_ends(house, dialog)
        await asyncio.sleep(5.1)  # the second
        await house.settles()
        assert path_of(house) == [("a", "next"), ("b", "timeout")]
        assert dialog.is_hung_up
        assert outcomes(house) == [Outcome.NO_ANSWER]


@virtual_time
async def test_a_line_whose_agents_do_not_answer_gives_the_caller_back_to_the_flow() -> None:
    async with a_house(lines=["700"]) as house:
        publish(
            house,
            n800={
                "a": {"verb": "enqueue", "line": "700", "unanswered": "b"},
                "b": {"verb": "menu", "prompts": ["menu"], "keys": {"1": "c"}, "timeout": "d", "attempts": 1},
                "c": {"verb": "say", "what": "amount", "value": "22.50", "next": "d"},
                "d": BYE,
            },
        )
        dialog = await house.phones["1001"].dials("800")
        assert [fact.line for fact in house.of(CallQueued)] == ["700"]
        await asyncio.sleep(301)
        await house.settles()
        house.phones["1001"].answer_to(dialog)
        await house.settles()
        await presses(house, dialog, "1")
        assert played(dialog)[-5:] == [
            "uk/say/20", "uk/say/2_f", "uk/say/hryvnia_few", "uk/say/50", "uk/say/kopeck_many",
        ]  # fmt: skip
        await prompt_ends(house, dialog)
        assert outcomes(house) == [Outcome.NO_ANSWER]


@virtual_time
async def test_an_answer_that_comes_to_nothing_does_not_end_the_flow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    join = Call.join

    async def late(call: Call, one: Side, other: Side) -> None:
        await asyncio.sleep(1)
        await join(call, one, other)

    monkeypatch.setattr(Call, "join", late)
    async with a_house(lines=["700"]) as house:
        publish(house, n800={"a": {"verb": "enqueue", "line": "700", "unanswered": "d"}, "d": BYE})
        dialog = await house.phones["1001"].dials("800")
        agent = await house.phones["1003"].says(200)
        house.at_once((house.phones["1003"], agent.text("BYE")))
        await asyncio.sleep(290)
        assert not outcomes(house)
        await asyncio.sleep(11)
        await house.settles()
        assert path_of(house)[0] == ("a", "unanswered")
        assert not house.phones["1001"].answer_to(dialog).is_success
        assert outcomes(house) == [Outcome.NO_ANSWER]


@virtual_time
async def test_a_message_is_recorded_until_the_hash_key() -> None:
    async with a_house() as house:
        mail = {"verb": "voicemail", "prompts": ["leave"], "seconds": 60, "next": "b"}
        publish(house, n800={"a": mail, "b": BYE})
        dialog = await enters(house)
        await prompt_ends(house, dialog)
        await prompt_ends(house, dialog)  # the tone
        (recording,) = dialog.media.recordings
        await asyncio.sleep(10)
        await presses(house, dialog, "5#")
        assert [fact.recording for fact in house.of(RecordingStarted)] == [recording.recording_id]
        assert [fact.seconds for fact in house.of(RecordingReady)] == [1.5]
        assert outcomes(house) == [Outcome.NO_ANSWER]


@virtual_time
async def test_a_key_that_cuts_the_prompt_does_not_end_the_message() -> None:
    async with a_house() as house:
        mail = {"verb": "voicemail", "prompts": ["leave"], "seconds": 60, "next": "b"}
        publish(house, n800={"a": mail, "b": BYE})
        dialog = await enters(house)
        await presses(house, dialog, "##")
        await prompt_ends(house, dialog)  # the tone
        await asyncio.sleep(59)
        assert house.of(RecordingStarted) and not house.of(RecordingReady)
        await asyncio.sleep(2)
        await house.settles()
        assert len(house.of(RecordingReady)) == 1  # so long may a message be


@virtual_time
async def test_keys_that_were_pressed_while_waiting_answer_no_menu() -> None:
    async with a_house() as house:
        dial = {"verb": "dial", "number": "1002", "seconds": 10, "unanswered": "b"}
        publish(house, n800={**MENU, "a": {"verb": "answer", "next": "x"}, "x": dial, "c": BYE})
        dialog = await enters(house)
        await presses(house, dialog, "1")
        await asyncio.sleep(9)
        assert path_of(house) == [("a", "next")]  # it rings as long as the flow says
        await asyncio.sleep(2)
        await house.settles()
        assert path_of(house) == [("a", "next"), ("x", "unanswered")]
        assert played(dialog)[-1:] == ["uk/menu"]
        await hangs_up(house, dialog)


@pytest.mark.parametrize("by_rule", [True, False])
@virtual_time
async def test_a_flow_says_whether_the_talk_is_recorded_whatever_the_rules_say(by_rule: bool) -> None:
    directions = frozenset({Direction.INTERNAL}) if by_rule else frozenset()
    async with a_house(recording=RecordingRules(directions=directions)) as house:
        record = {"verb": "record", "on": not by_rule, "next": "x"}
        dial = {"verb": "dial", "number": "1002", "unanswered": "d"}
        publish(house, n800={"a": record, "x": dial, "d": BYE})
        dialog = await house.phones["1001"].dials("800")
        await house.phones["1002"].says(200)
        house.phones["1001"].answer_to(dialog)
        await house.settles()
        assert bool(house.of(RecordingStarted)) is not by_rule
        await hangs_up(house, dialog)


@virtual_time
async def test_who_hangs_up_while_leaving_a_message_has_left_it() -> None:
    async with a_house() as house:
        mail = {"verb": "voicemail", "prompts": ["leave"], "seconds": 60, "next": "b"}
        publish(house, n800={"a": mail, "b": BYE})
        dialog = await enters(house)
        await prompt_ends(house, dialog)
        await prompt_ends(house, dialog)
        await asyncio.sleep(10)
        await hangs_up(house, dialog)
        assert [fact.seconds for fact in house.of(RecordingReady)] == [1.5]
        assert outcomes(house) == [Outcome.ABANDONED]


@virtual_time
async def test_a_flow_that_was_withdrawn_does_not_swallow_who_is_led_there() -> None:
    async with a_house() as house:
        publish(house, n800={"a": {"verb": "flow", "flow": "801"}})
        dialog = await enters(house)
        assert played(dialog) == ["uk/nobody"]
        await prompt_ends(house, dialog)
        assert outcomes(house) == [Outcome.FAILED]


@virtual_time
async def test_a_caller_who_hangs_up_in_a_flow_has_abandoned() -> None:
    async with a_house() as house:
        publish(house, n800=MENU)
        dialog = await enters(house)
        await hangs_up(house, dialog)
        assert outcomes(house) == [Outcome.ABANDONED]
        assert path_of(house) == []


@virtual_time
async def test_a_flow_leads_to_another_with_its_variables() -> None:
    async with a_house() as house:
        publish(
            house,
            n800={"a": {"verb": "set", "variable": "who", "value": "7", "next": "b"},
                  "b": {"verb": "flow", "flow": "801"}},
        )  # fmt: skip
        second = {"a": {"verb": "say", "what": "number", "value": "{who}", "next": "b"}, "b": BYE}
        there = Published(flow=read({"start": "a", "variables": {"who": "1"}, "nodes": second}))
        house.flows.own = {"801": there}
        dialog = await enters(house)
        assert played(dialog) == ["uk/say/7"]
        assert [fact.flow for fact in house.of(FlowEntered)] == ["800", "801"]
        await hangs_up(house, dialog)


@virtual_time
async def test_flows_that_lead_to_each_other_for_ever_end_with_an_apology() -> None:
    async with a_house() as house:
        publish(house, n800={"a": {"verb": "flow", "flow": "801"}}, n801={"a": {"verb": "flow", "flow": "800"}})
        dialog = await enters(house)
        assert played(dialog) == ["uk/nobody"]
        await prompt_ends(house, dialog)
        assert outcomes(house) == [Outcome.FAILED]


@virtual_time
async def test_a_flow_in_circles_ends_and_the_ledger_keeps_its_first_nodes() -> None:
    async with a_house() as house:
        publish(house, n800={"a": {"verb": "answer", "next": "a"}})
        dialog = await enters(house)
        await prompt_ends(house, dialog)
        assert len(path_of(house)) == MOST_TOLD
        assert outcomes(house) == [Outcome.FAILED]


@virtual_time
async def test_a_call_stays_in_the_version_in_which_it_began() -> None:
    async with a_house() as house:
        publish(house, n800=MENU)
        dialog = await enters(house)
        publish(house, n801=MENU)
        assert "800" not in house.flows
        await prompt_ends(house, dialog)
        assert path_of(house) == [("a", "next")]
        await hangs_up(house, dialog)


class Answering:
    """Stands for the network."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, bytes, float]] = []

    async def post(self, url: str, body: bytes, seconds: float) -> bytes | None:
        self.asked.append((url, body, seconds))
        return self.answer


@pytest.mark.parametrize(
    ("answer", "exit_taken"),
    [(b'{"sum": 150}', "then"), (b'{"sum": 50}', "else"), (None, "failed"), (b"[1]", "failed")],
)
@virtual_time
async def test_a_webhook_decides(answer: bytes | None, exit_taken: str) -> None:
    async with a_house() as house:
        publish(
            house,
            n800={
                "a": {"verb": "webhook", "url": "https://crm.example/debt", "send": ["caller"],
                      "into": {"debt": "sum"}, "seconds": 2, "next": "b", "failed": "d"},
                "b": {"verb": "if", "variable": "debt", "test": "more", "value": "100", "then": "c", "else": "d"},
                "c": {"verb": "answer", "next": "d"},
                "d": BYE,
            },
        )  # fmt: skip
        network = Answering(answer)
        object.__setattr__(house.exchange, "webhooks", network)
        await house.phones["1001"].dials("800")
        assert network.asked == [("https://crm.example/debt", b'{"caller":"1001"}', 2.0)]
        assert exit_taken in [exit_name for _, exit_name in path_of(house)]


@virtual_time
async def test_hours_are_read_from_the_clock() -> None:
    """It is Monday, 7 January 2030, 9:16 UTC, 11:16 in Kyiv."""
    async with a_house() as house:
        calendar = {"week": {"mon": ["11:00-11:18"]}, "time_zone": "Europe/Kyiv"}
        publish(
            house,
            n800={"a": {"verb": "hours", "calendar": calendar, "open": "b", "closed": "c"},
                  "b": {"verb": "say", "what": "digits", "value": "1", "next": "c"}, "c": BYE},
        )  # fmt: skip
        await enters(house)
        assert path_of(house) == [("a", "open")]
        await asyncio.sleep(90)
        await house.phones["1002"].dials("800")
        assert path_of(house)[-1] == ("a", "closed")
        for leg in house.switch.media.legs:
            for playback in leg.playbacks:
                playback.finish("done")


async def in_python(visit: Visit) -> None:
    if await visit.menu(["menu"], "1") == "1":
        await visit.dial("1002")


async def faulty(visit: Visit) -> None:
    await visit.answer()
    raise LookupError("no such client")


def in_english(function: Callable[[Visit], Any]) -> Mapping[str, InPython]:
    return {"800": InPython(function=function, language=Language.EN)}


@virtual_time
async def test_a_flow_in_python_has_the_same_verbs() -> None:
    async with a_house() as house:
        house.flows.own = in_english(in_python)
        dialog = await enters(house)
        await presses(house, dialog, "1")
        assert played(dialog)[:1] == ["en/menu"]
        await house.phones["1002"].says(200)
        assert [fact.extension for fact in house.of(CallAnswered)] == ["1002"]
        await hangs_up(house, dialog)


@virtual_time
async def test_a_flow_in_python_that_fails_loses_nobody_without_a_word() -> None:
    async with a_house() as house:
        house.flows.own = in_english(faulty)
        dialog = await enters(house)
        assert played(dialog) == ["en/nobody"]
        await prompt_ends(house, dialog)
        assert outcomes(house) == [Outcome.FAILED]


def test_a_function_is_named_by_its_module() -> None:
    assert function_named(f"{__name__}:in_python") is in_python
    for wrong in ("nowhere:at_all", f"{__name__}:nothing", f"{__name__}:BYE", "", "tests"):
        with pytest.raises(NoSuchFunction):
            function_named(wrong)


def test_only_flat_fields_of_an_answer_are_read() -> None:
    assert fields(b'{"a": 1.5, "b": true, "c": null, "d": [1], "e": {"f": 1}, "g": "x"}') == {
        "a": "1.5", "b": "yes", "c": "", "g": "x",
    }  # fmt: skip
    assert fields(b"{" * 100_000) is None
    assert fields(b'{"a": "' + b"x" * 70_000 + b'"}') is None
