"""How people want to be reached: told by codes from the phone, and kept over a restart."""

from __future__ import annotations

import pytest

from tests.scenarios.call_control.people import desk
from tests.scenarios.company import LINE, Company
from tests.scenarios.test_watching import a_watch, over
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.panel import Row
from tests.support.phone import FakePhone
from tests.support.server import Server


async def dialled(phone: FakePhone, code: str) -> None:
    """The code is taken: answered, confirmed by a tone, hung up."""
    call = await phone.dial(code)
    await call.answered()
    assert tones.loudness(await call.audio.listen(0.4)) > 100, "no tone says that it is done"
    await call.ended()


async def wishes(server: Server, extension: str) -> Row:
    async with desk(server, extension) as mine:
        found: Row = (await mine.panel.ask("GET", "/api/phone")).json()
        return found


async def forwards(server: Server, extension: str) -> dict[str, str]:
    return (await wishes(server, extension))["forwards"]  # type: ignore[return-value]  # texts by kind


async def test_forwarding_by_codes(company: Company, server: Server) -> None:
    boris = await company.phone("1002")
    for code, kind in (("*21*1003#", "always"), ("**67*1001#", "busy"), ("*61*+380503337712#", "no_answer")):
        await dialled(boris, code)
        assert (await forwards(server, "1002"))[kind] in code
    await dialled(boris, "#67#")
    assert (await forwards(server, "1002"))["busy"] == ""
    await dialled(boris, "##002#")
    assert set((await forwards(server, "1002")).values()) == {""}


@pytest.mark.parametrize(("code", "status"), [("*21*5559999#", 404), ("*21*+380900123456#", 403), ("*21*1002#", 480)])
async def test_a_code_with_a_number_that_one_may_not_dial(
    company: Company, server: Server, code: str, status: int
) -> None:
    boris = await company.phone("1002")
    assert await (await boris.dial(code)).refused() == status
    assert set((await forwards(server, "1002")).values()) == {""}


async def test_do_not_disturb_by_code(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    await dialled(boris, "*78")
    assert await (await anna.dial("1002")).refused() == 486
    await dialled(boris, "*79")
    assert (await wishes(server, "1002"))["do_not_disturb"] is False


@pytest.mark.req("R-PANEL-08")
async def test_who_is_paused_stays_paused_when_a_core_is_killed(server: Server) -> None:
    """For the lines too, and not only on the panel: the dispatcher's word is what a lamp tells."""
    async with desk(server, "1003") as mine, Company(server) as company:
        await mine.panel.ask("PUT", "/api/agents/me", {"will": "paused", "reason": "break"})
        server.kill_core()
        await server.next_ready()
        carol, anna = await company.phone("1003"), await company.phone("1001")
        watch = await a_watch(anna, "1003", "presence")
        await watch.note("Away")
        call = await anna.dial(LINE)
        await call.ringing()
        await eventually("the caller waits", server.metrics, lambda metrics: metrics["dzvin_waiting"] == 1)
        assert carol.is_quiet
        await call.cancel()
        await over(watch)
    async with desk(server, "1003") as mine:
        await mine.panel.ask("PUT", "/api/agents/me", {"will": "ready"})


async def test_wishes_outlive_a_core_that_is_killed(server: Server) -> None:
    async with desk(server, "1002") as mine, desk(server, "1005") as lesia:
        await mine.panel.ask("PATCH", "/api/phone", {"do_not_disturb": True, "lines": 3, "ring_seconds": 12})
        await mine.panel.ask("PUT", "/api/phone/forwards/busy", {"number": "+380503337713"})
        await mine.panel.ask("PUT", "/api/phone/forwards/no_answer", {"number": "1003"})
        await lesia.panel.ask("PATCH", "/api/phone", {"do_not_disturb": False})  # other than the file says
        server.kill_core()
        await server.next_ready()
    expected = {
        "forwards": {"always": "", "busy": "+380503337713", "no_answer": "1003"},
        "do_not_disturb": True,
        "lines": 3,
        "ring_seconds": 12,
        "auto_answer": False,
    }
    assert await wishes(server, "1002") == expected
    assert (await wishes(server, "1005"))["do_not_disturb"] is False
    assert (await forwards(server, "1004"))["busy"] == "1003"
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        (agent,) = [each for each in live.snapshot["agents"] if each["extension"] == "1002"]  # type: ignore[union-attr,call-overload,index]  # rows
        assert agent["forwards"] == ["busy", "no_answer"]  # type: ignore[call-overload,index]  # a row
    async with desk(server, "1002") as mine, desk(server, "1005") as lesia:
        await mine.panel.ask("PATCH", "/api/phone", {"do_not_disturb": False, "lines": 5})
        for kind in ("busy", "no_answer"):
            await mine.panel.ask("PUT", f"/api/phone/forwards/{kind}", {"number": ""})
        await lesia.panel.ask("PATCH", "/api/phone", {"do_not_disturb": True})
