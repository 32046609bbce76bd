"""Phones in virtual time: they answer, acknowledge and send again as a phone must, and otherwise do what they are told.

A phone never fails for what it hears: what makes no sense to it is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from itertools import count

from pbx.net.transport import Flow
from pbx.sip.dialog import Dialog
from pbx.sip.digest import authorise
from pbx.sip.errors import SipError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from pbx.sip.transaction import ack_for, cancel_for
from tests.fuzz.office import Office
from tests.fuzz.wire import Wire
from tests.pbx.switch import SDP

PATIENCE = 40.0  # seconds
Header = tuple[str, str]
SDP_TYPE: Header = ("Content-Type", "application/sdp")


class GaveUp(Exception):
    """What the play needs has not come."""


class Talk:
    """One dialog of a phone."""

    def __init__(self, dialog: Dialog, invite: Request) -> None:
        self.dialog = dialog
        self.invite = invite
        self.over = False


class Phone:
    def __init__(self, office: Office, wire: Wire, user: str, flow: Flow, password: str = "") -> None:
        self.user = user
        self.shown = user  # in From
        self.flow = flow
        self.manner = "answer"  # to an INVITE: answer, ring, busy, silent, reliable, or a number to redirect to
        self.talks: list[Talk] = []
        self.dead = False
        self._office, self._wire, self._password = office, wire, password
        self._names = count(1)
        self._waiting: dict[str, asyncio.Queue[Response]] = {}
        self._acks: dict[str, Request] = {}
        self._acknowledged: dict[str, asyncio.Event] = {}
        self._rung: dict[str, Request] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._placed: Request | None = None

    # ---- the wire --------------------------------------------------------------------------------------------------

    def send(self, message: Request | Response) -> None:
        if not self.dead:
            self._wire.carry(message.serialise(), self.flow, lambda data, flow: self._office.hears(data, flow))

    def hears(self, data: bytes, flow: Flow) -> None:
        if self.dead:
            return
        with suppress(SipError):
            message = parse(data)
            if isinstance(message, Response):
                self._responded(message)
            else:
                self._requested(message)

    def dies(self) -> None:
        """Its battery is empty."""
        self.dead = True
        for task in self._tasks:
            task.cancel()

    def _do(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.ensure_future(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- what it asks ----------------------------------------------------------------------------------------------

    def request(
        self, method: str, uri: str, *, to: str = "", headers: Sequence[Header] = (), body: bytes = b"", cid: str = ""
    ) -> Request:
        name = f"{self.user.lstrip('+')}x{next(self._names)}"
        ours = Headers([("Via", self._via()), ("Max-Forwards", "70")])
        ours.add("From", f"<sip:{self.shown}@example.com>;tag=t{name}")
        ours.add("To", to or f"<{uri}>")
        ours.add("Call-ID", cid or f"c{name}")
        ours.add("CSeq", f"1 {method}")
        ours.add("Contact", f"<sip:{self.user}@{self.flow.host}:{self.flow.port}>")
        for header in headers:
            ours.add(*header)
        return Request(method, uri, ours, body)

    async def ask(self, request: Request) -> Response:
        """The final response; a challenge is answered first. Raises GaveUp."""
        response = await self._once(request)
        if response.status not in (401, 407):
            return response
        return await self._once(self._authorised(request, response))

    def _authorised(self, request: Request, challenged: Response) -> Request:
        value = authorise(
            challenged.headers.get("www-authenticate") or "", method=request.method, uri=request.uri,
            username=self.user, password=self._password, cnonce="c",
        )  # fmt: skip
        headers = Headers([("Via", self._via())])
        for name, old in request.headers:
            if name.lower() not in ("via", "authorization"):
                headers.add(name, f"{request.cseq.number + 1} {request.method}" if name == "CSeq" else old)
        headers.add("Authorization", value)
        return Request(request.method, request.uri, headers, request.body)

    async def _once(self, request: Request) -> Response:
        branch = request.via.branch or ""
        heard = self._waiting[branch] = asyncio.Queue()
        if request.method == "INVITE":
            self._placed = request
        again = asyncio.ensure_future(self._send_again(request))
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    response = await heard.get()
                    again.cancel()
                    if response.status > 100 and request.method == "INVITE":
                        self._early(request, response)
                    if response.is_final:
                        return response
        except TimeoutError:
            raise GaveUp(request.method) from None
        finally:
            again.cancel()
            self._waiting.pop(branch, None)

    async def _send_again(self, request: Request) -> None:
        """RFC 3261 §17.1: after T1, and then after twice as long each time; any response stops it here."""
        wait = 0.5
        while not self.dead:
            self.send(request)
            await asyncio.sleep(wait)
            wait = min(2 * wait, 4.0)

    def _early(self, invite: Request, response: Response) -> None:
        if "100rel" in response.require and response.is_provisional:
            dialog = Dialog.from_uac(invite, response)
            rack = ("RAck", f"{response.headers.get('rseq')} {invite.cseq.number} INVITE")
            self._do(self.ask(dialog.request("PRACK", via=self._via(), headers=[rack])))

    def _responded(self, response: Response) -> None:
        if response.is_success and response.cseq.method == "INVITE" and response.sip_call_id in self._acks:
            self.send(self._acks[response.sip_call_id])
        heard = self._waiting.get(response.via.branch or "")
        if heard is not None:
            heard.put_nowait(response)

    def _via(self) -> str:
        branch = f"z9hG4bK{self.user.lstrip('+')}n{next(self._names)}"
        return f"SIP/2.0/UDP {self.flow.host}:{self.flow.port};branch={branch};rport"

    # ---- what it is told to do -------------------------------------------------------------------------------------

    async def register(self, expires: int = 300) -> Response:
        to = f"<sip:{self.user}@example.com>"
        return await self.ask(self.request("REGISTER", "sip:example.com", to=to, headers=[("Expires", str(expires))]))

    async def dial(self, number: str, headers: Sequence[Header] = (), body: bytes = SDP.encode()) -> Talk:
        """Raises GaveUp for a refusal, too."""
        invite = self.request("INVITE", f"sip:{number}@example.com", headers=[SDP_TYPE, *headers], body=body)
        response = await self._once(invite)
        if response.status == 401:
            self.send(ack_for(invite, response))
            invite = self._authorised(invite, response)
            response = await self._once(invite)
        if not response.is_success:
            self.send(ack_for(invite, response))
            raise GaveUp(str(response.status))
        talk = Talk(Dialog.from_uac(invite, response), invite)
        self._acks[invite.sip_call_id] = ack = talk.dialog.ack(invite.cseq.number, via=self._via())
        self.send(ack)
        self.talks.append(talk)
        return talk

    async def cancel(self) -> None:
        """The INVITE that it sent last. Raises GaveUp."""
        if self._placed is not None:
            await self._once(cancel_for(self._placed))

    async def inside(
        self, talk: Talk, method: str, headers: Sequence[Header] = (), body: bytes = b"", kind: str | None = None
    ) -> Response:
        request = talk.dialog.request(
            method, via=self._via(), contact=f"<sip:{self.user}@{self.flow.host}:{self.flow.port}>", headers=headers,
            body=body, content_type=kind,
        )  # fmt: skip
        response = await self._once(request)
        if method == "INVITE":
            if response.is_success:
                self._acks[request.sip_call_id] = ack = talk.dialog.ack(request.cseq.number, via=self._via())
                self.send(ack)
            else:
                self.send(ack_for(request, response))
        return response

    async def hang_up(self, talk: Talk) -> None:
        if not talk.over:
            talk.over = True
            await self.inside(talk, "BYE")

    async def rings(self, seconds: float = PATIENCE) -> Talk:
        """The call that it answers. Raises GaveUp."""
        for _ in range(round(seconds * 10)):
            if self.talks:
                return self.talks[-1]
            await asyncio.sleep(0.1)
        raise GaveUp("no call")

    async def early(self) -> str:
        """The dialog of a call that rings here, as a Replaces header names it. Raises GaveUp."""
        for _ in range(round(PATIENCE * 10)):
            for request in self._rung.values():
                return f"{request.sip_call_id};to-tag={request.from_.tag};from-tag={self._tag(request)}"
            await asyncio.sleep(0.1)
        raise GaveUp("nobody calls")

    # ---- what it is asked ------------------------------------------------------------------------------------------

    def _requested(self, request: Request) -> None:
        match request.method:
            case "INVITE":
                self._invited(request)
            case "ACK":
                self._acknowledged.setdefault(request.sip_call_id, asyncio.Event()).set()
            case "CANCEL":
                self.send(reply(request, 200))
                rung = self._rung.pop(request.sip_call_id, None)
                if rung is not None:
                    self.send(reply(rung, 487, to_tag=self._tag(rung)))
            case "BYE":
                for talk in self.talks:
                    talk.over = talk.over or talk.dialog.sip_call_id == request.sip_call_id
                self.send(reply(request, 200))
            case "UPDATE" if request.body:
                self.send(reply(request, 200, headers=[self._contact], body=SDP.encode(), content_type=SDP_TYPE[1]))
            case _:
                self.send(reply(request, 200, headers=[self._contact]))

    @property
    def _contact(self) -> Header:
        return "Contact", f"<sip:{self.user}@{self.flow.host}:{self.flow.port}>"

    def _tag(self, request: Request) -> str:
        return f"p{self.user.lstrip('+')}{request.sip_call_id[:6]}"

    def _invited(self, request: Request) -> None:
        if request.to.tag:
            self._do(self._answer(request, first=False))
            return
        if request.sip_call_id in (*self._rung, *(talk.invite.sip_call_id for talk in self.talks)):
            return  # a copy
        self._rung[request.sip_call_id] = request
        self.send(reply(request, 100))
        match self.manner:
            case "silent":
                return
            case "ring":
                self._ring(request)
            case "busy":
                self._rung.pop(request.sip_call_id)
                self.send(reply(request, 486, to_tag=self._tag(request)))
            case "answer" | "reliable":
                self._do(self._take(request, reliable=self.manner == "reliable"))
            case number:
                self._rung.pop(request.sip_call_id)
                elsewhere = ("Contact", f"<sip:{number}@example.com>")
                self.send(reply(request, 302, to_tag=self._tag(request), headers=[elsewhere]))

    def _ring(self, request: Request, headers: Sequence[Header] = ()) -> None:
        self.send(reply(request, 180, to_tag=self._tag(request), headers=[self._contact, *headers]))

    async def _take(self, request: Request, *, reliable: bool) -> None:
        headers = [("Require", "100rel"), ("RSeq", "7")] if reliable else []
        self._ring(request, headers)
        await asyncio.sleep(1.0)
        if self._rung.pop(request.sip_call_id, None) is not None:
            await self._answer(request, first=True)

    async def _answer(self, request: Request, *, first: bool) -> None:
        """200, again and again until the ACK comes (RFC 3261 §13.3.1.4)."""
        headers = [self._contact, ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, INFO, REFER, NOTIFY, PRACK")]
        tag = self._tag(request) if first else None
        response = reply(request, 200, to_tag=tag, headers=headers, body=SDP.encode(), content_type=SDP_TYPE[1])
        if first:
            self.talks.append(Talk(Dialog.from_uas(request, response), request))
        acknowledged = self._acknowledged[request.sip_call_id] = asyncio.Event()
        wait = 0.5
        while wait < 32 and not acknowledged.is_set():
            self.send(response)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await acknowledged.wait()
            wait *= 2


async def _quietly(work: Coroutine[object, object, object]) -> None:
    """What a phone does by itself it gives up when it makes no sense."""
    with suppress(GaveUp, SipError):
        await work
