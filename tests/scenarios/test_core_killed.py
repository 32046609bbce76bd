"""`kill -9` of the core in the middle of its work: nothing that was told is lost, nothing is told twice, nobody is left
talking into a call that no longer exists."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.scenarios.company import DID, HEARD, LINE, Company, Talk, connect, hear_each_other
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.leaks import open_files
from tests.support.panel import Json, Panel, Row, dig
from tests.support.phone import FakePhone
from tests.support.phone_lines import Transport
from tests.support.server import Server, running_dzvin

CALLS = 10
SPOKEN = 2.0  # seconds
NO_DATABASE = -1  # port: a media worker has none


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of its own: nobody else's scenario shall meet a core that dies."""
    with running_dzvin(tmp_path_factory.mktemp("killed") / "data") as server:
        yield server


async def talking(company: Company, number: int) -> Talk:
    caller, callee = f"u{2 * number:05d}", f"u{2 * number + 1:05d}"
    one, other = await company.phone(caller), await company.phone(callee)
    talk = await connect(one, other, callee)
    talk.caller.audio.play(300 + 50 * number)
    talk.callee.audio.play(1000 + 50 * number)
    await asyncio.gather(talk.caller.audio.listen(SPOKEN), talk.callee.audio.listen(SPOKEN))
    return talk


async def facts(server: Server) -> dict[str, int]:
    """How many facts of each kind are in the ledger, and under `ids` how many different ones."""
    async with server.database() as conn:
        rows = await conn.fetch("SELECT kind, count(*) AS told, count(DISTINCT id) AS ids FROM ledger GROUP BY kind")
    assert all(row["told"] == row["ids"] for row in rows)
    return {row["kind"]: row["told"] for row in rows}


@pytest.mark.req("R-PHONE-43")
async def test_ten_calls_end_in_order_after_the_core_was_killed(server: Server) -> None:
    async with Company(server) as company:
        talks = await asyncio.gather(*(talking(company, number) for number in range(CALLS)))
        epoch_before = server.pids
        server.kill_core()
        # The next core says BYE to both sides of each call, from what the media worker kept of it.
        await asyncio.gather(*(call.ended(30) for talk in talks for call in (talk.caller, talk.callee)))
        await server.next_ready()
        assert server.pids.core != epoch_before.core
        assert server.pids.media == epoch_before.media, "the media worker carried on"
        told = await eventually(
            "the calls and their recordings are closed in the ledger",
            lambda: facts(server),
            lambda told: (told.get("CallEnded"), told.get("RecordingReady")) == (CALLS, CALLS),
        )
        assert {told[kind] for kind in ("CallStarted", "CallAnswered", "RecordingStarted")} == {CALLS}
        async with server.sign_in("admin") as panel:
            events = await eventually(
                "ten events with recordings", panel.events,
                lambda rows: sum(bool(row["recording_id"]) and bool(row["ended_at"]) for row in rows) == CALLS,
            )  # fmt: skip
            calls = {str(row["phone"]): row for row in events if row["recording_id"]}
            for number in range(CALLS):
                event = calls[f"u{2 * number:05d}"]
                left, right = await panel.recording(str(event["recording_id"]))
                assert len(left) / 16000 > SPOKEN - 0.5
                assert clearest(left[4000:], 300 + 50 * number) > -6
                assert clearest(right[4000:], 1000 + 50 * number) > -6
        async with server.database() as conn:
            outcomes = await conn.fetch("SELECT outcome, count(*) AS calls FROM call GROUP BY outcome")
        assert [(row["outcome"], row["calls"]) for row in outcomes] == [("interrupted", CALLS)]
        await no_leg_is_left(server)


async def no_leg_is_left(server: Server) -> None:
    """Media workers give a leg back after its phone was told."""
    await eventually("no leg is left", server.metrics, lambda metrics: metrics["dzvin_media_legs"] == 0)


def clearest(pcm: bytes, frequency: float) -> float:
    """The level of the tone in the quarter of a second that has most of it: whose recording this is. Twenty phones of
    one process keep no time on a busy machine, so that the whole has gaps."""
    window = 2 * (tones.RATE // 4)
    return max(tones.level(pcm[at : at + window], frequency) for at in range(0, len(pcm) - window, window))


async def registered(server: Server, *phones: FakePhone) -> None:
    """Returns when the database knows their registrations."""
    contacts = [phone.contact.strip("<>") for phone in phones]
    async with server.database() as conn:
        kept = "SELECT count(*) FROM sip_binding WHERE contact = ANY($1)"

        async def bindings() -> int:
            return int(await conn.fetchval(kept, contacts))

        await eventually("registrations are kept", bindings, lambda count: count == len(phones))


async def test_phones_stay_registered_over_a_kill(server: Server) -> None:
    """Registrations are the database's: nobody has to sign on again to be called."""
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        await registered(server, anna, boris)
        server.kill_core()
        await server.next_ready()
        talk = await connect(anna, boris, "1002")
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()


async def test_a_ringing_call_ends_for_both_when_the_core_was_killed(server: Server) -> None:
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        call = await anna.dial("1002")
        incoming = await boris.rings()
        incoming.ring()
        await call.ringing()
        server.kill_core()
        await server.next_ready()
        assert await call.refused(40) >= 400
        await incoming.cancelled(40)


async def test_people_hear_each_other_while_there_is_no_core_and_no_port_is_left_behind(server: Server) -> None:
    async with Company(server) as company:
        (worker,) = server.pids.media
        ports_before = await udp_sockets(worker)
        anna, boris = await company.phone("1001"), await company.phone("1002")
        talk = await connect(anna, boris, "1002")
        await hear_each_other(talk.caller, talk.callee)
        assert await udp_sockets(worker) == ports_before + 4, "RTP and RTCP of two legs"
        marks = talk.caller.audio.samples_heard, talk.callee.audio.samples_heard
        server.kill_core()
        await asyncio.gather(talk.caller.ended(30), talk.callee.ended(30))
        for call, mark, frequency in zip((talk.caller, talk.callee), marks, (1000, 440), strict=True):
            meanwhile = call.audio.heard_since(mark)
            assert len(meanwhile) / 16000 > 0.5, "no core starts sooner"
            assert tones.level(meanwhile, frequency) > HEARD
        await server.next_ready()
        await eventually("the ports are given back", lambda: udp_sockets(worker), lambda count: count == ports_before)


async def udp_sockets(pid: int) -> int:
    return dict(await asyncio.to_thread(open_files, pid, NO_DATABASE)).get("udp", 0)


async def test_calls_end_though_their_media_worker_answers_the_next_core_late(server: Server) -> None:
    """A starved machine: the next core is ready before the worker has said which legs it keeps."""
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        talk = await connect(anna, boris, "1002")
        ringing = await (await company.phone("1003")).dial("u00000")
        (worker,) = server.pids.media
        os.kill(worker, signal.SIGSTOP)
        try:
            server.kill_core()
            await server.next_ready()
        finally:
            os.kill(worker, signal.SIGCONT)
        await asyncio.gather(talk.caller.ended(30), talk.callee.ended(30))
        await ringing.released(30)
        await no_leg_is_left(server)


async def test_phones_on_connections_come_back_to_the_same_ports(server: Server) -> None:
    """Their connections end with the core; the next one is to be found where the last one was."""
    ways: dict[str, Transport] = {"1001": "tcp", "1002": "tls", "1003": "wss", "u00000": "ws"}
    async with Company(server) as company:
        phones = [await company.phone(user, transport=transport) for user, transport in ways.items()]
        before = dict(server.ready.sip)
        server.kill_core()
        await asyncio.gather(*(phone.connection_lost() for phone in phones))
        await server.next_ready()
        assert server.ready.sip == before
        for phone in phones:
            phone.reconnect()
            await phone.register()
        for caller, callee in zip(phones, phones[1:] + phones[:1], strict=True):
            talk = await connect(caller, callee, callee.user)
            await talk.caller.hang_up()
            await talk.callee.ended()


@pytest.mark.parametrize("transport", ["tcp", "wss"])
async def test_a_phone_that_comes_back_on_another_connection_is_told_that_its_call_is_over(
    server: Server, transport: Transport
) -> None:
    async with Company(server) as company:
        anna, boris = await company.phone("1001", transport=transport), await company.phone("1002")
        talk = await connect(anna, boris, "1002")
        await registered(server, anna)
        server.kill_core()
        await anna.connection_lost()
        await server.next_ready()
        await talk.callee.ended()
        anna.reconnect()
        await anna.register()
        await talk.caller.ended()


async def test_a_room_ends_for_everybody_when_the_core_was_killed(server: Server) -> None:
    """A conference of three."""
    async with Company(server) as company:
        anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
        talk = await connect(anna, boris, "1002")
        async with server.sign_in("agent2") as panel, panel.live() as live:
            call_id = str((await live.call("talking"))["call_id"])
            await panel.ask("POST", f"/api/calls/{call_id}/invite", {"number": "1003"}, status=204)
            third = await carol.rings()
            await third.answer()
            await hear_each_other(talk.caller, third)
        server.kill_core()
        await asyncio.gather(*(call.ended(40) for call in (talk.caller, talk.callee, third)))
        await server.next_ready()
        await no_leg_is_left(server)


async def changed_line(server: Server, **changes: Json) -> None:
    """The line's settings from now on."""
    async with server.sign_in("supervisor") as panel:
        (line,) = (await panel.ask("GET", "/api/lines")).json()
        settings = {**line["settings"], **changes}
        await panel.ask("PUT", "/api/lines/7000", {"settings": settings, "revision": line["revision"]})


async def why(panel: Panel, extension: str) -> tuple[Json, float]:
    """What keeps that agent from a call, and for how many seconds more."""
    state = dig((await panel.ask("GET", f"/api/waiting/agents/{extension}/why")).json(), "state")
    return dig(state, "key"), float(str(dig(state, "values", "seconds") or 0))


async def last_word(desk: Panel) -> list[Json]:
    """Will, reason, and since when."""
    period = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    said = (await desk.client.get(f"/api/agents/{desk.me['id']}/statuses", params=period)).json()
    return [said[-1][name] for name in ("will", "reason", "since")] if said else []


def missed(number: str) -> Callable[[Row], bool]:
    return lambda row: (row["e164"], row["type"]) == (number, "missed_incoming_call")


SAID = ["paused", "lunch"]


@pytest.mark.req("R-CALL-42", "R-PANEL-08")
async def test_pauses_and_wrap_ups_go_on_after_a_kill_and_who_waited_is_owed_a_call(server: Server) -> None:
    """An agent is in wrap-up, another paused for lunch, and two callers wait, when the core is killed."""
    await changed_line(server, wrap_up=120)
    waiting = ["+380502229101", "+380502229102"]
    async with Company(server) as company, server.sign_in("supervisor") as panel, server.sign_in("agent2") as lunch:
        provider, agent = await company.provider(), await company.phone("1003")
        talk = await provider.dial(DID, caller="+380502229100")
        await (await agent.rings()).answer()
        await talk.answered()
        await talk.hang_up()
        await eventually("wrap-up begins", lambda: why(panel, "1003"), lambda found: found[0] == "wrap_up")
        await lunch.ask("PUT", "/api/agents/me", {"will": "paused", "reason": "lunch"})
        paused = await eventually("it is written", lambda: last_word(lunch), lambda found: found[:2] == SAID)
        calls = [await provider.dial(DID, caller=number) for number in waiting]
        for call in calls:
            await call.ringing()
        asked, before, told = time.monotonic(), await why(panel, "1003"), time.monotonic()
        server.kill_core()
        await server.next_ready()
        asked_again, after, told_again = time.monotonic(), await why(panel, "1003"), time.monotonic()
        assert after[0] == "wrap_up"
        shortest, longest = asked_again - told, told_again - asked
        assert shortest - 2.0 <= before[1] - after[1] <= longest + 2.0, "it has gone on meanwhile"
        assert agent.log.times_rung == 1, "nobody is offered to who is in wrap-up"
        assert await last_word(lunch) == paused
        for number in waiting:
            await panel.event(missed(number))
        async with server.database() as conn:
            outcomes = await conn.fetch("SELECT outcome FROM call WHERE caller IS NULL AND line = $1 AND missed", LINE)
        assert [row["outcome"] for row in outcomes] == ["interrupted"] * 2
        owed = [row["e164"] for row in await panel.follow_ups()]
        assert [owed.count(number) for number in waiting] == [1, 1]
        for call in calls:
            await call.drop()
        async with server.sign_in("agent3") as desk:
            await desk.ask("DELETE", "/api/agents/me/wrap-up")
        assert (await why(panel, "1003"))[0] == "free"
    await changed_line(server, wrap_up=0)


async def callbacks_owed(server: Server) -> list[Row]:
    async with server.sign_in("supervisor") as panel:
        owed: list[Row] = (await panel.ask("GET", "/api/callbacks")).json()
        return owed


async def test_a_callback_has_its_place_again_after_a_kill_and_is_kept(server: Server) -> None:
    """Who came later, and waits on the telephone, is served after it."""
    await changed_line(server, callback={"key": "5"})
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        asks = await anna.dial(LINE)
        await asks.answered()
        await asks.audio.listen(0.3)
        await asks.audio.press("5")
        await asks.audio.listen(0.5)
        await asks.audio.press("1")
        (before,) = await eventually("a call is promised", lambda: callbacks_owed(server))
        await asks.hang_up()
        server.kill_core()
        await server.next_ready()
        (after,) = await callbacks_owed(server)
        same = ("id", "line", "phone", "joined_at", "promised_at", "expires_at", "tries")
        assert [after[name] for name in same] == [before[name] for name in same]
        waits = await boris.dial(LINE)
        await eventually(
            "the callback stands first",
            lambda: callbacks_owed(server),
            lambda owed: owed[0]["position"] == 1,
            seconds=30,
        )
        agent = await company.phone("1003")
        rings = await agent.rings()
        assert rings.caller == "1001"
        await rings.answer()
        called = await anna.rings()
        await called.answer()
        await hear_each_other(called, rings)
        await eventually("the promise is kept", lambda: callbacks_owed(server), lambda owed: not owed)
        await called.hang_up()
        await rings.ended()
        after_that = await agent.rings()
        assert after_that.caller == "1002"
        await waits.hang_up()
        await after_that.cancelled()
