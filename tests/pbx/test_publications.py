"""PUBLISH against the wire: for the own account only, until it lapses."""

from __future__ import annotations

import asyncio

from pbx.publications import Publications
from pbx.sip.pidf import Published
from tests.pbx.sip.test_presence_documents import a_presence
from tests.pbx.switch import Switch, a_request
from tests.support.virtual_time import virtual_time

AWAY, BUSY = a_presence("<r:away/>").decode(), a_presence("<r:busy/>").decode()


class Desk:
    def __init__(self) -> None:
        self.switch = Switch()
        self.heard: list[tuple[str, Published | None]] = []
        self.publications = Publications(self.switch.endpoint, lambda *change: self.heard.append(change))
        self.switch.user_agent.answers("PUBLISH", self.publications.publish)

    def publish(self, document: str, *more: str, number: str = "1001", name: str = "one") -> int:
        headers = "".join(f"{line}\r\n" for line in ("Event: presence", *more))
        request = a_request(
            "PUBLISH", f"sip:{number}@example.com", headers=headers, body=document, sip_call_id=name,
            branch=f"z9hG4bK{name}",
        ).replace("application/sdp", "application/pidf+xml")  # fmt: skip
        self.switch.hears_authenticated(request)
        return self.switch.last_response().status

    @property
    def tag(self) -> str:
        return self.switch.last_response().headers.get("SIP-ETag") or ""


@virtual_time
async def test_what_a_phone_says_holds_until_it_lapses() -> None:
    desk = Desk()
    assert desk.publish(AWAY, "Expires: 60") == 200
    assert desk.publications.says("1001") == Published(is_away=True)
    await asyncio.sleep(61)
    assert desk.publications.says("1001") is None
    assert desk.heard == [("1001", Published(is_away=True)), ("1001", None)]
    assert len(desk.publications) == 0


@virtual_time
async def test_a_refresh_prolongs_it_and_tells_nobody() -> None:
    desk = Desk()
    desk.publish(AWAY, "Expires: 60")
    await asyncio.sleep(40)
    assert desk.publish("", "Expires: 60", f"SIP-If-Match: {desk.tag}", name="two") == 200
    await asyncio.sleep(40)
    assert desk.heard == [("1001", Published(is_away=True))]


@virtual_time
async def test_a_change_and_taking_it_back_are_told() -> None:
    desk = Desk()
    desk.publish(AWAY)
    desk.publish(BUSY, f"SIP-If-Match: {desk.tag}", name="two")
    assert desk.publish("", "Expires: 0", f"SIP-If-Match: {desk.tag}", name="three") == 200
    assert [says for _, says in desk.heard] == [Published(is_away=True), Published(do_not_disturb=True), None]
    await asyncio.sleep(40)
    assert len(desk.switch.timers) == 0


@virtual_time
async def test_another_users_presence_is_not_to_be_published() -> None:
    desk = Desk()
    assert desk.publish(AWAY, number="1002") == 403
    assert desk.publish("<html/>", name="two") == 400
    assert len(desk.publications) == 0
