"""What phones do with a switchboard, one play for each thing that a phone may want."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pbx.net.transport import Flow
from tests.fuzz.corpus import PIDF
from tests.fuzz.office import DID, LINE, MENU, OUTSIDE, USERS, Office
from tests.fuzz.phones import SDP_TYPE, GaveUp, Phone, Talk
from tests.fuzz.wire import Wire
from tests.pbx.switch import SDP, TRUNK

HELD = SDP.encode() + b"a=sendonly\r\n"
RELAY = "application/dtmf-relay"


class Stage:
    def __init__(self, office: Office, wire: Wire) -> None:
        self._office, self._wire = office, wire
        self.phones: dict[Flow, Phone] = {}

    async def phone(self, user: str, *, registered: bool = True) -> Phone:
        flow = Flow("UDP", f"192.0.2.{10 + len(self.phones)}", 5062)
        phone = self.phones[flow] = Phone(self._office, self._wire, user, flow, USERS[user])
        if registered:
            await phone.register()
        return phone

    def provider(self) -> Phone:
        phone = self.phones[TRUNK] = Phone(self._office, self._wire, "+380671112233", TRUNK)
        return phone

    def carries(self, data: bytes, flow: Flow) -> None:
        """Something that the switchboard sends."""
        phone = self.phones.get(flow)
        if phone is not None:
            self._wire.carry(data, flow, phone.hears)


Play = Callable[[Stage], Awaitable[None]]


async def connected(stage: Stage) -> tuple[Phone, Phone, Talk, Talk]:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    talk = await anna.dial("1002")
    return anna, boris, talk, await boris.rings()


async def register(stage: Stage) -> None:
    anna = await stage.phone("1001")
    await asyncio.sleep(150)
    await anna.register()
    await anna.register(0)


async def call(stage: Stage) -> None:
    anna, _, talk, _ = await connected(stage)
    await asyncio.sleep(5)
    await anna.hang_up(talk)


async def call_ended_by_callee(stage: Stage) -> None:
    _, boris, _, theirs = await connected(stage)
    await asyncio.sleep(2)
    await boris.hang_up(theirs)


async def late_offer(stage: Stage) -> None:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    talk = await anna.dial("1002", body=b"")
    await boris.rings()
    await anna.hang_up(talk)


async def reliable_ringing(stage: Stage) -> None:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    boris.manner = "reliable"
    talk = await anna.dial("1002", [("Supported", "100rel, timer, replaces"), ("Session-Expires", "90")])
    await asyncio.sleep(100)
    await anna.hang_up(talk)


async def hold(stage: Stage) -> None:
    anna, boris, talk, theirs = await connected(stage)
    await anna.inside(talk, "INVITE", body=HELD, kind=SDP_TYPE[1])
    await boris.inside(theirs, "UPDATE", body=HELD, kind=SDP_TYPE[1])
    await anna.inside(talk, "INVITE", body=SDP.encode(), kind=SDP_TYPE[1])
    await anna.hang_up(talk)


async def digits(stage: Stage) -> None:
    anna, _, talk, _ = await connected(stage)
    await anna.inside(talk, "INFO", body=b"Signal=1\r\nDuration=100\r\n", kind=RELAY)
    await asyncio.sleep(3)
    await anna.hang_up(talk)


async def menu(stage: Stage) -> None:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    dialled = asyncio.ensure_future(anna.dial(MENU))
    try:
        talk = await dialled
        await anna.inside(talk, "INFO", body=b"1", kind="application/dtmf")
        await boris.rings(20)
        await anna.hang_up(talk)
    finally:
        dialled.cancel()


async def cancel(stage: Stage) -> None:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    boris.manner = "ring"
    dialled = asyncio.ensure_future(anna.dial("1002"))
    await asyncio.sleep(2)
    await anna.cancel()
    await _refused(dialled)


async def busy(stage: Stage) -> None:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    boris.manner = "busy"
    await _refused(asyncio.ensure_future(anna.dial("1002")))


async def redirected(stage: Stage) -> None:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    await stage.phone("1003")
    boris.manner = "1003"
    talk = await anna.dial("1002")
    await anna.hang_up(talk)


async def no_answer(stage: Stage) -> None:
    anna, boris = await stage.phone("1001"), await stage.phone("1002")
    boris.manner = "ring"
    await _refused(asyncio.ensure_future(anna.dial("1002")))


async def blind_transfer(stage: Stage) -> None:
    anna, boris, talk, _ = await connected(stage)
    clara = await stage.phone("1003")
    headers = [("Refer-To", "<sip:1003@example.com>"), ("Referred-By", "<sip:1001@example.com>")]
    answer = await anna.inside(talk, "REFER", headers)
    if answer.is_success:
        theirs = await clara.rings()
        await asyncio.sleep(3)
        await clara.hang_up(theirs)
    await boris.register(0)


async def failed_transfer(stage: Stage) -> None:
    anna, boris, talk, theirs = await connected(stage)
    clara = await stage.phone("1003")
    clara.manner = "busy"
    await anna.inside(talk, "REFER", [("Refer-To", "<sip:1003@example.com>")])
    await asyncio.sleep(5)
    await boris.hang_up(theirs)


async def attended_transfer(stage: Stage) -> None:
    anna, boris, talk, _ = await connected(stage)
    clara = await stage.phone("1003")
    await anna.inside(talk, "INVITE", body=HELD, kind=SDP_TYPE[1])
    second = await anna.dial("1003")
    theirs = await clara.rings()
    dialog = second.dialog
    replaces = f"{dialog.sip_call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"
    await anna.inside(talk, "REFER", [("Refer-To", f"<sip:1003@example.com?Replaces={replaces}>")])
    await asyncio.sleep(5)
    await clara.hang_up(theirs)
    await boris.register(0)


async def pickup_by_replaces(stage: Stage) -> None:
    anna, boris, clara = await stage.phone("1001"), await stage.phone("1002"), await stage.phone("1003")
    boris.manner = "ring"
    dialled = asyncio.ensure_future(anna.dial("1002"))
    try:
        replaces = await boris.early()
        taken = await clara.dial("1002", [("Replaces", replaces), ("Require", "replaces")])
        talk = await dialled
        await clara.hang_up(taken)
        await anna.hang_up(talk)
    finally:
        dialled.cancel()


async def watch(stage: Stage) -> None:
    anna, boris, clara = await stage.phone("1001"), await stage.phone("1002"), await stage.phone("1003")
    for event in ("dialog", "presence", "message-summary"):
        subscribe = clara.request(
            "SUBSCRIBE", "sip:1003@example.com" if event == "message-summary" else "sip:1001@example.com",
            headers=[("Event", event), ("Expires", "120")],
        )  # fmt: skip
        await clara.ask(subscribe)
    talk = await anna.dial("1002")
    await boris.rings()
    await anna.hang_up(talk)


async def publish(stage: Stage) -> None:
    anna = await stage.phone("1001")
    headers = [("Event", "presence"), ("Expires", "60"), ("Content-Type", "application/pidf+xml")]
    answer = await anna.ask(anna.request("PUBLISH", "sip:1001@example.com", headers=headers, body=PIDF))
    headers = [("Event", "presence"), ("Expires", "0"), ("SIP-If-Match", answer.headers.get("sip-etag") or "x")]
    await anna.ask(anna.request("PUBLISH", "sip:1001@example.com", headers=headers))


async def message(stage: Stage) -> None:
    anna, _ = await stage.phone("1001"), await stage.phone("1002")
    await anna.ask(
        anna.request("MESSAGE", "sip:1002@example.com", headers=[("Content-Type", "text/plain")], body=b"hi")
    )


async def options(stage: Stage) -> None:
    anna = await stage.phone("1001", registered=False)
    await anna.ask(anna.request("OPTIONS", "sip:example.com"))


async def outside(stage: Stage) -> None:
    anna, provider = await stage.phone("1001"), stage.provider()
    talk = await anna.dial(OUTSIDE)
    await provider.rings()
    await anna.hang_up(talk)


async def from_outside(stage: Stage) -> None:
    agent, provider = await stage.phone("1003"), stage.provider()
    talk = await provider.dial(DID)
    await agent.rings()
    await asyncio.sleep(3)
    await provider.hang_up(talk)


async def abandoned_in_line(stage: Stage) -> None:
    agent, anna = await stage.phone("1003"), await stage.phone("1001")
    agent.manner = "ring"
    dialled = asyncio.ensure_future(anna.dial(LINE))
    await asyncio.sleep(20)
    await anna.cancel()
    await _refused(dialled)


async def _refused(dialled: asyncio.Task[Talk]) -> None:
    try:
        await dialled
    except GaveUp:
        return
    raise GaveUp("it was answered")


PLAYS: dict[str, Play] = {
    play.__name__: play
    for play in (
        register, call, call_ended_by_callee, late_offer, reliable_ringing, hold, digits, menu, cancel, busy,
        redirected, no_answer, blind_transfer, failed_transfer, attended_transfer, pickup_by_replaces, watch,
        publish, message, options, outside, from_outside, abandoned_in_line,
    )
}  # fmt: skip
