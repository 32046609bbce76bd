"""The lines as they are now, and what a change does to those who wait."""

from __future__ import annotations

import asyncio

import msgspec

from callflow.line_book import Kept, KeptSkills, LineBook, Switch
from callflow.line_settings import LineDefaults, LineSettings, engine_line
from tests.callflow.house import a_house
from tests.callflow.test_line_commands import busy, free, gives_up, waits
from tests.support.virtual_time import virtual_time

OWN = LineSettings(name="Sales", agents=("1003",), music="hold")


def a_book() -> LineBook:
    return LineBook(defaults=LineDefaults(ring_timeout=15.0), own={"700": Kept(settings=OWN)})


def test_what_people_changed_stands_above_the_configuration_until_they_change_it_again() -> None:
    book = a_book()
    assert book["700"].max_wait == 300.0
    theirs = Kept(settings=msgspec.structs.replace(OWN, max_wait=60), revision=1)
    added = Kept(settings=LineSettings(name="Night"), revision=1)
    assert book.keep({"700": theirs, "701": added}) == ["700", "701"]
    assert (book["700"].max_wait, list(book), len(book)) == (60.0, ["700", "701"], 2)
    assert book.keep({"700": theirs, "701": added}) == []


def test_skills_that_people_changed_stand_above_the_configuration() -> None:
    book = a_book()
    book.own_skills = {"1003": {"english": 1}}
    assert book.skills("1003") == KeptSkills(skills={"english": 1})
    theirs = KeptSkills(skills={"english": 3}, revision=1)
    assert book.keep_skills({"1003": theirs, "1004": KeptSkills(revision=1)}) == ["1003", "1004"]
    assert (book.skills("1003"), book.skills("1001")) == (theirs, KeptSkills())
    assert book.keep_skills({"1003": theirs, "1004": KeptSkills(revision=1)}) == []


def test_a_strategy_that_is_not_loaded_any_more_stops_no_line() -> None:
    book = a_book()
    gone = Kept(settings=msgspec.structs.replace(OWN, strategy="gone:away"), revision=4)
    book.keep({"700": gone})
    assert (book.line("700").settings.strategy, book.line("700").revision) == ("longest_idle", 4)


def test_a_line_is_open_and_silent_until_somebody_switches_it() -> None:
    assert a_book().switch("700") == Switch(is_open=True, message="")


@virtual_time
async def test_a_change_holds_at_once_for_those_who_wait() -> None:
    book = a_book()
    async with a_house(lines=[book["700"]], queue=[engine_line("700", OWN, book.defaults)]) as house:
        busy(house, "1003")
        anna, call_id = await waits(house)
        await asyncio.sleep(10)
        both = msgspec.structs.replace(OWN, agents=("1003", "1004"))
        house.dispatcher.change_line(engine_line("700", both, book.defaults))
        await house.settles()
        assert house.phones["1004"].rung, "a new agent is free"
        assert house.dispatcher.line_of(call_id) == "700"
        await gives_up(house, anna)
        free(house, "1003")


@virtual_time
async def test_who_rings_while_they_are_taken_off_the_line_may_still_answer() -> None:
    book = a_book()
    async with a_house(lines=[book["700"]], queue=[engine_line("700", OWN, book.defaults)]) as house:
        anna, _ = await waits(house)
        anna.phone.answer_to(anna)
        assert house.phones["1003"].rung
        others = msgspec.structs.replace(OWN, agents=("1004",))
        house.dispatcher.change_line(engine_line("700", others, book.defaults))
        await house.settles()
        assert house.phones["1004"].rung == []
        await house.phones["1003"].says(200)
        assert len(house.dispatcher) == 0
        await gives_up(house, anna)


@virtual_time
async def test_an_agent_who_learns_is_rung_at_once() -> None:
    book = a_book()
    asks = msgspec.structs.replace(OWN, skills={"english": 2})
    async with a_house(lines=[book["700"]], queue=[engine_line("700", asks, book.defaults)]) as house:
        anna, _ = await waits(house)
        assert house.phones["1003"].rung == []
        house.dispatcher.skilled("1003", {"english": 2})
        await house.settles()
        assert house.phones["1003"].rung
        await gives_up(house, anna)


@virtual_time
async def test_what_an_agent_can_do_is_known_in_a_line_that_is_new_to_them() -> None:
    book = a_book()
    asks = msgspec.structs.replace(OWN, skills={"english": 2}, agents=())
    async with a_house(lines=[book["700"]], queue=[engine_line("700", asks, book.defaults)]) as house:
        house.dispatcher.skilled("1004", {"english": 2})
        anna, _ = await waits(house)
        house.dispatcher.change_line(engine_line("700", msgspec.structs.replace(asks, agents=("1004",)), book.defaults))
        await house.settles()
        assert house.phones["1004"].rung
        await gives_up(house, anna)
