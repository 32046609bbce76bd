"""MESSAGE between extensions (RFC 3428): delivered, or refused for a reason that the sender understands."""

from __future__ import annotations

import asyncio

import pytest

from pbx.net.transport import Flow
from pbx.outbound_leg import Destination
from pbx.page_messages import EACH, PageMessages
from pbx.sip.message import Request
from pbx.sip.reply import reply
from tests.pbx.switch import Switch, a_request
from tests.support.virtual_time import virtual_time

DESK = Destination("sip:1002@192.0.2.12:5062", Flow("UDP", "192.0.2.12", 5062), "1002")
MOBILE = Destination("sip:1002@192.0.2.13:5062", Flow("UDP", "192.0.2.13", 5062), "1002")


class Post:
    def __init__(self, *phones: Destination) -> None:
        self.switch = Switch()
        self.messages = PageMessages(
            self.switch.endpoint,
            lambda number: phones if number == "1002" else (),
            lambda number: number in ("1001", "1002", "1003"),
        )
        self.switch.user_agent.answers("MESSAGE", self.messages.message)

    def send(
        self,
        text: str = "Привіт",
        *,
        number: str = "1002",
        kind: str = "text/plain",
        headers: str = "",
        name: str = "m1",
    ) -> int:
        """The status of the last response."""
        body = text.encode()
        request = a_request(
            "MESSAGE", f"sip:{number}@example.com", headers=f"Content-Type: {kind}\r\n{headers}", sip_call_id=name,
            branch=f"z9hG4bK{name}",
        ).replace("Content-Length: 0", f"Content-Length: {len(body)}")  # fmt: skip
        self.switch.hears_authenticated(request + text)
        return self.switch.last_response().status

    @property
    def copies(self) -> list[Request]:
        return [request for request in self.switch.requests if request.method == "MESSAGE"]


@virtual_time
async def test_it_reaches_every_phone_and_the_first_that_takes_it_decides() -> None:
    post = Post(DESK, MOBILE)
    assert post.send() == 401  # nothing is answered before a phone has taken it
    desk, mobile = post.copies
    assert [flow for message, flow in post.switch.sender.sent if message in (desk, mobile)] == [DESK.flow, MOBILE.flow]
    assert desk.body.decode() == "Привіт"
    assert (desk.from_.uri.user, desk.to.uri.user, desk.uri) == ("1001", "1002", DESK.uri)
    assert desk.contacts == []
    post.switch.hears(reply(mobile, 200), MOBILE.flow)
    assert post.switch.last_response().status == 200
    post.switch.hears(reply(desk, 486), DESK.flow)
    assert post.switch.statuses.count(200) == 1
    assert len(post.messages) == 0


@virtual_time
async def test_when_no_phone_takes_it_the_most_telling_reason_goes_back() -> None:
    post = Post(DESK, MOBILE)
    post.send()
    desk, mobile = post.copies
    post.switch.hears(reply(desk, 415), DESK.flow)
    post.switch.hears(reply(mobile, 480), MOBILE.flow)
    assert post.switch.last_response().status == 415


@virtual_time
async def test_a_phone_that_stays_silent_is_waited_for_only_so_long() -> None:
    post = Post(DESK)
    post.send()
    await asyncio.sleep(21)
    assert post.switch.last_response().status == 480
    await asyncio.sleep(60)
    assert (len(post.messages), len(post.switch.timers), len(post.switch.transactions)) == (0, 0, 0)


@virtual_time
async def test_a_retransmission_is_not_delivered_twice() -> None:
    post = Post(DESK)
    post.send()
    post.switch.hears(post.switch.heard)
    assert len(post.copies) == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"number": "5555"}, 404),
        ({"number": "1003"}, 480),
        ({"kind": "text/html"}, 415),
        ({"kind": "text/plain;charset=koi8-u"}, 415),
        ({"headers": "Content-Encoding: gzip\r\n"}, 415),
        ({"text": "x" * 1301}, 413),
    ],
)
def test_what_is_refused(more: dict[str, str], status: int) -> None:
    @virtual_time
    async def refused() -> None:
        post = Post(DESK)
        assert post.send(**more) == status
        assert post.copies == []

    refused()


@virtual_time
async def test_a_sender_has_only_so_many_on_their_way() -> None:
    post = Post(DESK)
    for number in range(EACH):
        post.send(name=f"m{number}")
    assert post.send(name="more") == 503
    assert len(post.copies) == EACH


@virtual_time
async def test_a_message_that_has_gone_too_far_goes_no_further() -> None:
    post = Post(DESK)
    post.switch.hears_authenticated(
        a_request("MESSAGE", headers="Content-Type: text/plain\r\n").replace("Max-Forwards: 70", "Max-Forwards: 0")
    )
    assert post.switch.last_response().status == 483
