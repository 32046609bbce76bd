"""Commands to calls and to one's own phone over HTTP: what reaches the control, how refusals look."""

from __future__ import annotations

import pytest

from callflow.control import Order
from callflow.facts import ForwardKind
from crm_core.spool import SpoolFull
from tests.web_panel.house import House
from tests.web_panel.story import named
from tests.web_panel.test_desk import me

CALL = named("a")


@pytest.mark.parametrize(
    ("command", "body", "told"),
    [
        ("transfer", {"number": "1003"}, ("transfer", CALL, "1003")),
        ("consult", {"number": "1003"}, ("consult", CALL, "1003")),
        ("complete", None, ("complete", CALL)),
        ("conference", None, ("confer", CALL)),
        ("invite", {"number": "1003"}, ("invite", CALL, "1003")),
        ("take-back", None, ("take_back", CALL)),
        ("swap", None, ("swap", CALL)),
        ("hold", None, ("hold", CALL)),
        ("resume", None, ("resume", CALL)),
        ("park", {}, ("park", CALL, None)),
        ("park", {"orbit": "*703"}, ("park", CALL, "*703")),
        ("recording", {"what": "start"}, ("record", CALL, Order.START)),
        ("recording", {"what": "stop"}, ("record", CALL, Order.STOP)),
        ("recording", {"what": "pause"}, ("record", CALL, Order.PAUSE)),
        ("recording", {"what": "resume"}, ("record", CALL, Order.RESUME)),
    ],
)
async def test_a_command_is_given_for_who_is_signed_in(
    house: House, command: str, body: dict[str, str] | None, told: tuple[object, ...]
) -> None:
    async with await house.signed_in("agent") as tab:
        answer = await tab.post(f"/api/calls/{CALL}/{command}", json=body)
    assert answer.status_code == 204, answer.text
    name, *rest = told
    assert house.control.done == [(name, me(house, "agent"), *rest)]


async def test_fetching_tells_which_call_will_ring(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        retrieved = await tab.post("/api/calls/retrieve", json={"orbit": "*701"})
        picked = await tab.post(f"/api/calls/{CALL}/pick-up")
        longest = await tab.post("/api/calls/pick-up")
    assert [answer.status_code for answer in (retrieved, picked, longest)] == [202, 202, 202]
    assert retrieved.json() == {"call_id": str(named("the parked call"))}
    assert picked.json() == {"call_id": str(CALL)}
    actor = me(house, "agent")
    assert house.control.done == [("retrieve", actor, "*701"), ("pick_up", actor, CALL), ("pick_up", actor, None)]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("not_now", 409), ("same_number", 409), ("orbit_taken", 409), ("nobody_rings", 409), ("failed", 409),
        ("forbidden", 403), ("unknown_call", 404), ("out_of_range", 400),
    ],
)  # fmt: skip
async def test_every_refusal_has_a_status_and_words(house: House, reason: str, status: int) -> None:
    house.control.refuse = reason
    async with await house.signed_in("agent") as tab:
        messages = []
        for language in ("uk", "en", "ru"):
            answer = await tab.post(f"/api/calls/{CALL}/hold", headers={"Accept-Language": language})
            assert (answer.status_code, answer.json()["error"]) == (status, reason)
            messages.append(answer.json()["message"])
    assert all(message.endswith(".") for message in messages)


@pytest.mark.parametrize(
    ("path", "body"), [(f"{CALL}/transfer", {}), (f"{CALL}/consult", {"number": ""}), ("retrieve", {})]
)
async def test_a_command_without_its_number_is_refused_by_name(house: House, path: str, body: dict[str, str]) -> None:
    async with await house.signed_in("agent") as tab:
        answer = await tab.post(f"/api/calls/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["field"] in ("number", "orbit")
    assert house.control.done == []


async def test_my_phone_is_read_changed_and_forwarded(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        before = (await tab.get("/api/phone")).json()
        changed = (await tab.patch("/api/phone", json={"do_not_disturb": True, "lines": 2})).json()
        forwarded = (await tab.put("/api/phone/forwards/no_answer", json={"number": "1003"})).json()
    assert before == {
        "forwards": {"always": "", "busy": "", "no_answer": ""},
        "do_not_disturb": False, "lines": 5, "ring_seconds": None, "auto_answer": False,
    }  # fmt: skip
    assert changed == before | {"do_not_disturb": True, "lines": 2}
    assert forwarded == changed | {"forwards": {"always": "", "busy": "", "no_answer": "1003"}}
    actor = me(house, "agent")
    assert house.control.done == [
        ("change_phone", actor, {"do_not_disturb": True, "lines": 2}),
        ("forward", actor, ForwardKind.NO_ANSWER, "1003"),
    ]


@pytest.mark.parametrize("kind", ["redirected", "never"])
async def test_there_are_three_kinds_of_forwarding(house: House, kind: str) -> None:
    async with await house.signed_in("agent") as tab:
        answer = await tab.put(f"/api/phone/forwards/{kind}", json={"number": "1003"})
    assert (answer.status_code, answer.json()["field"]) == (400, "kind")


async def test_a_wish_that_cannot_be_kept_is_refused_for_now(house: House) -> None:
    house.control.fails = SpoolFull("the disk is full")
    async with await house.signed_in("agent") as tab:
        answer = await tab.patch("/api/phone", json={"do_not_disturb": True})
        forwarded = await tab.put("/api/phone/forwards/always", json={"number": "1003"})
    assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (503, "spool_full", "5")
    assert forwarded.status_code == 503


async def test_who_has_no_phone_is_told_so(house: House) -> None:
    async with await house.signed_in("admin") as tab:
        answer = await tab.get("/api/phone")
    assert (answer.status_code, answer.json()["error"]) == (409, "no_phone")


async def test_the_commands_stand_in_the_description_of_the_api(house: House) -> None:
    async with house.visitor() as tab:
        paths = (await tab.get("/schema/openapi.json")).json()["paths"]
    commands = {
        path.rpartition("/")[2]
        for path, methods in paths.items()
        if path.startswith("/api/calls/{call_id}/") and "post" in methods
    }
    assert commands == {
        "transfer", "consult", "complete", "take-back", "swap", "hold", "resume", "park", "pick-up", "recording",
        "conference", "invite", "supervise", "take-over",
    }  # fmt: skip
    assert {"/api/calls/retrieve", "/api/calls/pick-up", "/api/phone", "/api/phone/forwards/{kind}"} <= set(paths)
