"""A simulated SIP phone of the demo: registers, rings, talks, hangs up, on a UDP port of its own.

It uses the product's transactions, dialogs and offer/answer from the phone's side. It serves the demo only: the tests
have a phone of their own that shares less with the server.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from dzvin.demo_call import DemoCall
from dzvin.demo_voice import Voice
from pbx.endpoint import token
from pbx.net.transport import Flow, Sender
from pbx.net.udp import UdpTransport
from pbx.sip.digest import authorise
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.sip.sdp import CONTENT_TYPE
from pbx.timers import Timers
from pbx.transactions import ServerTransaction, Transactions

log = structlog.get_logger("demo.phone")

EXPIRES = 120  # seconds
AGAIN_AFTER = 5.0  # seconds after a registration that failed
MAX_CALLS = 4  # of one phone
LAST_WORDS = 1.0  # seconds


class DemoPhone:
    """`on_call` gets each call that comes in; it rings already. A phone without a password is a provider's trunk."""

    def __init__(
        self, number: str, *, server: Flow, domain: str, password: str, voice: Voice, chance: random.Random
    ) -> None:
        self.number, self.server, self.domain = number, server, domain
        self.voice, self.chance = voice, chance
        self.host = "127.0.0.1"
        self.on_call: Callable[[DemoCall], None] = lambda call: call.refuse(480)
        self.timers = Timers(asyncio.get_running_loop())
        self._senders: dict[str, Sender] = {}
        self.transactions = Transactions(self.timers, self._senders)
        self.transactions.user = self
        self._password = password
        self._transport: UdpTransport | None = None
        self._calls: dict[str, DemoCall] = {}
        self._registration = token()
        self._cseq = 0

    async def open(self, port: int = 0) -> None:
        """Raises OSError when the port is taken."""
        self._transport = await UdpTransport.bind(self.host, port, self.transactions.receive)
        self._senders["UDP"] = self._transport

    async def close(self) -> None:
        """Hang up and sign off, for as long as the server needs to answer that, but a second each at most."""
        calls = list(self._calls.values())
        for call in calls:
            call.hang_up()
        if calls:
            await asyncio.wait([call.ended for call in calls], timeout=LAST_WORDS)
        for call in calls:
            call.release()
        if self._transport is None:
            return
        if self._password:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._register(0)
        self.timers.close()
        self._transport.close()

    @property
    def is_free(self) -> bool:
        return not self._calls

    @property
    def contact(self) -> str:
        return f"<sip:{self.number}@{self._sender.sent_by(self.server)}>"

    @property
    def _sender(self) -> UdpTransport:
        assert self._transport is not None, "open() comes first"
        return self._transport

    def via(self) -> str:
        return f"SIP/2.0/UDP {self._sender.sent_by(self.server)};branch=z9hG4bK{token()};rport"

    # ---- registration ------------------------------------------------------------------------------------------

    async def stay_registered(self) -> None:
        """Register, and again before it lapses, until cancelled."""
        while True:
            response = await self._register(EXPIRES)
            done = response is not None and response.is_success
            if not done:
                log.warning("not registered", number=self.number, status=response.status if response else None)
            await asyncio.sleep(EXPIRES / 2 if done else AGAIN_AFTER)

    async def _register(self, expires: int) -> Response | None:
        response = await self._ask_registrar(expires, ())
        if response is not None and response.status == 401:
            proof = self.credentials(response, self._registrar_request(expires, ()))
            return await self._ask_registrar(expires, [proof]) if proof else response
        return response

    async def _ask_registrar(self, expires: int, credentials: Sequence[tuple[str, str]]) -> Response | None:
        final: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()

        def settle(response: Response | None) -> None:
            if not final.done() and (response is None or response.is_final):
                final.set_result(response)

        self._cseq += 1
        request = self._registrar_request(expires, credentials)
        self.transactions.request(request, self.server, on_response=settle, on_end=lambda _: settle(None))
        return await final

    def _registrar_request(self, expires: int, credentials: Sequence[tuple[str, str]]) -> Request:
        me = f"<sip:{self.number}@{self.domain}>"
        headers = [("Expires", str(expires)), *credentials]
        return self.request(
            "REGISTER",
            f"sip:{self.domain}",
            f"{me};tag={self._registration}",
            me,
            self._registration,
            self._cseq,
            headers,
        )

    # ---- calls -------------------------------------------------------------------------------------------------

    def call(self, number: str, *, caller: str = "", name: str = "") -> DemoCall:
        """Dial. `caller` and `name` are shown to the called."""
        call = DemoCall(self, token() + token())
        self._calls[call.sip_call_id] = call
        call.place(number, caller or self.number, name)
        return call

    def forget(self, call: DemoCall) -> None:
        self._calls.pop(call.sip_call_id, None)

    def request(
        self,
        method: str,
        uri: str,
        from_: str,
        to: str,
        sip_call_id: str,
        cseq: int,
        headers: Sequence[tuple[str, str]],
        body: bytes = b"",
    ) -> Request:
        fields = Headers([("Via", self.via()), ("Max-Forwards", "70"), ("From", from_), ("To", to)])
        for field, value in (
            ("Call-ID", sip_call_id), ("CSeq", f"{cseq} {method}"), ("Contact", self.contact),
            ("User-Agent", "Dzvin demo phone"), *headers, *((("Content-Type", CONTENT_TYPE),) if body else ()),
        ):  # fmt: skip
            fields.add(field, value)
        return Request(method, uri, fields, body)

    def credentials(self, response: Response, request: Request) -> tuple[str, str] | None:
        """The header that answers a challenge; None when it cannot be answered."""
        value = response.headers.get("WWW-Authenticate") or response.headers.get("Proxy-Authenticate") or ""
        try:
            answer = authorise(
                value, method=request.method, uri=request.uri, username=self.number, password=self._password,
                cnonce=token(),
            )  # fmt: skip
        except RemoteProtocolError:
            return None
        return "Authorization" if response.status == 401 else "Proxy-Authorization", answer

    # ---- transaction user --------------------------------------------------------------------------------------

    def on_request(self, request: Request, flow: Flow) -> None:
        server = self.transactions.accept(request, flow)
        call = self._calls.get(request.sip_call_id)
        if call is not None:
            call.receive(request, server)
        elif request.method == "INVITE" and not request.to.tag:
            self._called(request, server)
        else:
            server.respond(reply(request, 200 if request.method == "OPTIONS" else 481))

    def _called(self, invite: Request, server: ServerTransaction) -> None:
        if len(self._calls) >= MAX_CALLS:
            server.respond(reply(invite, 486))
            return
        call = self._calls[invite.sip_call_id] = DemoCall(self, invite.sip_call_id)
        call.arrived(server)
        self.on_call(call)

    def on_ack(self, ack: Request, flow: Flow, tag: str) -> None:
        if call := self._calls.get(ack.sip_call_id):
            call.acknowledged(ack)

    def on_stray_response(self, response: Response, flow: Flow) -> None:
        """A late response: its call is over."""
