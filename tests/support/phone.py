"""A SIP phone for tests, on a socket or connection of its own: registers, calls, is called, speaks and hears tones.

It also plays a provider: a trunk is a phone without a password on the port that the server's configuration names. It
shares the parser and the digest with the product, but none of its transactions, dialogs and media.

    async with FakePhone("1001", server=server.sip, password="pw1") as anna, FakePhone(…) as boris:
        await anna.register()
        call = await anna.dial("1002")
        incoming = await boris.rings()
        …
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import uuid
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Self

from pbx.sip.digest import Algorithm, Challenge, authorise
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from tests.support.audio import AudioPort
from tests.support.deadlines import DEADLINE, NotInTime, deadline
from tests.support.message_log import MessageLog
from tests.support.network import CLEAR, Address, UdpPort, Weather
from tests.support.phone_call import Call
from tests.support.phone_lines import ListeningLine, StreamLine, Transport, contact_host
from tests.support.phone_transactions import Asking, NoAnswer
from tests.support.tones import Law

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, INFO"
CLEAN_END = 15.0  # seconds that a clean end may take: some retransmissions, on a busy machine


class Refused(AssertionError):
    """A final response that is no success."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.reason} to {response.cseq.method}")
        self.response = response
        self.status = response.status


class FakePhone:
    """`laws`: codecs, preferred first. `algorithms`: what the phone can prove its password with. `advertised`: the
    address that it writes into Contact, Via and SDP in place of its own, as a phone behind a NAT does."""

    CALL: ClassVar[type[Call]] = Call

    def __init__(
        self,
        user: str,
        *,
        server: Address,
        password: str | None = None,
        domain: str = "dzvin",
        port: int = 0,
        laws: Sequence[Law] = (Law.ALAW, Law.ULAW),
        algorithms: Iterable[Algorithm] = tuple(Algorithm),
        advertised: str | None = None,
        weather: Weather = CLEAR,
        audio_weather: Weather = CLEAR,
        transport: Transport = "udp",
        tls: ssl.SSLContext | None = None,
        listens: bool = False,
        origin: str | None = None,
    ) -> None:
        """`transport`: another than UDP is one connection to `server`, kept by RFC 5626; it asks again while nobody
        answers, as over UDP. `tls`: whom it believes. `listens`: it waits for connections instead, as a provider does,
        and `tls` has its certificate. `origin`: of the page that it would be in."""
        self.user, self.password, self.domain, self.server = user, password, domain, server
        self.laws = tuple(laws)
        self.log = MessageLog(user)
        self.calls: list[Call] = []
        self.on_call: Callable[[Call], None] | None = None
        """Takes each new call instead of `rings()`."""
        self.answering: dict[str, Callable[[Request], Response]] = {}
        """What answers requests of these methods that come outside of calls."""
        self._algorithms = frozenset(algorithms)
        self._transport, self._tls, self._origin = transport, tls, origin
        self._port: UdpPort | StreamLine | ListeningLine
        self._lines: list[StreamLine | ListeningLine] = []  # all that there were
        if transport == "udp":
            host = "::1" if ":" in server[0] else "127.0.0.1"
            self._port = UdpPort(self._received, host=host, port=port, weather=weather)
        elif listens:
            self._port = ListeningLine(port, self._received, certificate=tls)
            self._lines.append(self._port)
        else:
            self._port = self._connect()
        self._host = advertised or self._port.address[0]
        self._contact_host = contact_host(transport, self.address)
        self._instance = f"<urn:uuid:{uuid.UUID(bytes=secrets.token_bytes(16))}>"
        self._audio_weather = audio_weather
        self._asking: dict[tuple[str | None, str], Asking] = {}
        self._answered: dict[tuple[str | None, str], Response] = {}
        self._ringing: asyncio.Queue[Call] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._counts: dict[str, int] = {}
        self._registration = (secrets.token_hex(8), secrets.token_hex(4))
        self._cseq = 0
        self._registered = False
        self._refresh: asyncio.Task[None] | None = None

    # ---- life --------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.log.ladder())
        await self.close()

    async def close(self) -> None:
        """Hang up, sign off, close the sockets. Never raises for a server that does not answer any more."""
        with suppress(NotInTime, NoAnswer, Refused):
            async with deadline("a clean end", CLEAN_END):
                await asyncio.gather(*(call.drop() for call in self.calls), return_exceptions=True)
                if self._registered:
                    await self.unregister()
        self.vanish()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._lines:
            await line.closed()
        assert not self.log.broken, f"the server sent what is no SIP: {self.log.broken[:3]!r}"

    def vanish(self) -> None:
        """Be gone without a word, as a phone whose battery is empty."""
        for task in self._tasks:
            task.cancel()
        for asking in self._asking.values():
            asking.stop()
        for call in self.calls:
            call.release()
        self._registered = False
        self._port.close()

    @property
    def address(self) -> Address:
        """What the phone says of itself."""
        return self._host, self._port.port

    @property
    def media_host(self) -> str:
        """What its descriptions name: its audio is IPv4, whatever carries its signalling."""
        return "127.0.0.1" if ":" in self._host else self._host

    @property
    def port(self) -> int:
        return self._port.port

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self._contact_host}>"

    def lose_connection(self) -> StreamLine:
        """As when a cable is pulled and the server is told; the line that was."""
        assert isinstance(self._port, StreamLine)
        self._port.close()
        return self._port

    async def connection_lost(self) -> None:
        """Returns when its connection has ended. Raises NotInTime."""
        assert isinstance(self._port, StreamLine)
        async with deadline(f"{self.user} has lost its connection"):
            await self._port.lost.wait()

    def reconnect(self) -> None:
        """Another connection. The server does not know of it until the phone registers."""
        self._port = self._connect()

    def _connect(self) -> StreamLine:
        line = StreamLine(self._transport, self.server, self._received, tls=self._tls, origin=self._origin)
        self._lines.append(line)
        return line

    def new_audio(self) -> AudioPort:
        return AudioPort(weather=self._audio_weather)

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run until done or until the phone closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ---- registration ------------------------------------------------------------------------------------------

    async def register(self, expires: int = 300, *, refresh: bool = False) -> int:
        """Seconds granted. `refresh` keeps it alive. Raises Refused."""
        response = await self._register(expires)
        me = self.contact.strip("<>")
        ours = [contact for contact in response.contacts if contact.uri_text == me]
        granted = int((ours[0].parameters.get("expires") if ours else None) or response.expires or expires)
        self._registered = bool(ours)
        if refresh and self._refresh is None:
            self._refresh = self.spawn(self._keep_registered(granted))
        return granted

    async def unregister(self) -> None:
        """Raises Refused."""
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        await self._register(0)
        self._registered = False

    async def forget_all(self) -> None:
        """Unregister every phone of this user. Raises Refused."""
        await self._register(0, contact="*")

    async def _keep_registered(self, granted: int) -> None:
        while True:
            await asyncio.sleep(granted / 2)
            granted = await self.register(granted)

    async def _register(self, expires: int, *, contact: str = "") -> Response:
        uri = f"sip:{self.domain}"
        me = f"<sip:{self.user}@{self.domain}>"
        sip_call_id, tag = self._registration
        # RFC 5626 §4.2: who keeps a connection says which phone and which of its ways this is.
        kept = "" if self._transport == "udp" else f';+sip.instance="{self._instance}";reg-id=1'
        extra = [("Contact", contact or self.contact + kept), ("Expires", str(expires))]
        if kept:
            extra.append(("Supported", "path, outbound"))

        def again(credentials: Sequence[tuple[str, str]]) -> Request:
            self._cseq += 1
            return self.request(
                "REGISTER", uri, me, tag, me, sip_call_id, self._cseq, headers=[*extra, *credentials], contact=False
            )

        response = await self.ask(again(()))
        for _ in range(2):
            if response.status not in (401, 407) or not (proof := self.credentials(response, "REGISTER", uri)):
                break
            response = await self.ask(again([proof]))
        if not response.is_success:
            raise Refused(response)
        return response

    # ---- calls -------------------------------------------------------------------------------------------------

    async def dial(
        self,
        number: str,
        *,
        caller: str | None = None,
        name: str = "",
        late_offer: bool = False,
        offer: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
        uri: str | None = None,
    ) -> Call:
        """Send an INVITE. `caller` and `name` go into From; `offer` in place of the phone's own description; `uri` is
        called in place of the number, which then stands in To only. What comes of it: see `Call`."""
        call = self.CALL.outgoing(self, number, caller or self.user, name, headers=headers)
        call.offer = b"" if late_offer else offer
        call.aim(uri)
        self.calls.append(call)
        call.start()
        return call

    async def rings(self, seconds: float = DEADLINE) -> Call:
        """The next call that comes in (180 is for the test to send). Raises NotInTime."""
        async with deadline(f"{self.user} is called", seconds):
            return await self._ringing.get()

    @property
    def is_quiet(self) -> bool:
        """No call waits that `rings` has not given out."""
        return self._ringing.empty()

    # ---- requests ----------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        uri: str,
        from_: str,
        from_tag: str,
        to: str,
        sip_call_id: str,
        cseq: int,
        *,
        headers: Iterable[tuple[str, str]] = (),
        branch: str | None = None,
        contact: bool = True,
        body: bytes = b"",
    ) -> Request:
        """A request with all that RFC 3261 §8.1.1 asks for."""
        fields = Headers()
        branch = branch or f"z9hG4bK{secrets.token_hex(8)}"
        sent_by = self._contact_host.partition(";")[0]
        fields.add("Via", f"SIP/2.0/{self._transport.upper()} {sent_by};branch={branch};rport")
        fields.add("Max-Forwards", "70")
        fields.add("From", f"{from_};tag={from_tag}")
        fields.add("To", to)
        fields.add("Call-ID", sip_call_id)
        fields.add("CSeq", f"{cseq} {method}")
        if contact:
            fields.add("Contact", self.contact)
        fields.add("Allow", ALLOW)
        fields.add("User-Agent", "Dzvin test phone")
        for field, value in headers:
            fields.add(field, value)
        if body and "content-type" not in fields:
            fields.add("Content-Type", "application/sdp")
        return Request(method, uri, fields, body)

    def credentials(self, response: Response, method: str, uri: str) -> tuple[str, str] | None:
        """The header that answers the first challenge that this phone can answer; None when there is no such."""
        asked, given = ("WWW-Authenticate", "Authorization")
        if response.status == 407:
            asked, given = ("Proxy-Authenticate", "Proxy-Authorization")
        for value in response.headers.all(asked):
            with suppress(RemoteProtocolError):
                challenge = Challenge.parse(value)
                if self.password is not None and challenge.algorithm in self._algorithms:
                    self._counts[challenge.nonce] = count = self._counts.get(challenge.nonce, 0) + 1
                    answer = authorise(
                        value, method=method, uri=uri, username=self.user, password=self.password,
                        cnonce=secrets.token_hex(8), nc=count,
                    )  # fmt: skip
                    return given, answer
        return None

    async def ask(self, request: Request) -> Response:
        """The final response. Raises NoAnswer after 32 s."""
        return await self.begin(Asking(request, self.send)).final

    def begin(self, asking: Asking) -> Asking:
        """Let that request hear its responses."""
        self._asking[asking.request.via.branch, asking.request.method] = asking
        return asking

    def send(self, message: Request | Response) -> None:
        self.log.add(message, sent=True)
        self._port.send(message.serialise(), self.server)

    def answer(self, request: Request, status: int, **more: str | bytes | Iterable[tuple[str, str]]) -> Response:
        """Send a response, and again whenever the request comes again."""
        response = reply(request, status, **more)  # type: ignore[arg-type]  # the caller's words are reply's own
        self._answered[request.via.branch, request.method] = response
        self.send(response)
        return response

    # ---- from the network --------------------------------------------------------------------------------------

    def _received(self, data: bytes, source: Address) -> None:
        if not data.strip(b"\r\n\0"):
            return  # a keep-alive
        try:
            message = parse(data)
        except RemoteProtocolError:
            # A port that was another test's before may still get what is meant for that one (its RTCP).
            if source == self.server:
                self.log.broken.append(data)
            return
        self.log.add(message, sent=False)
        if isinstance(message, Response):
            if asking := self._asking.get((message.via.branch, message.cseq.method)):
                asking.receive(message)
        else:
            self._requested(message)

    def _requested(self, request: Request) -> None:
        before = self._answered.get((request.via.branch, request.method))
        if before is not None:
            self.send(before)
            return
        call = self._call_of(request)
        if call is not None:
            call.receive(request)
        elif request.method in self.answering:
            self.send(self.answering[request.method](request))
        elif request.method == "INVITE" and not request.to.tag:
            self._called(request)
        elif request.method in ("OPTIONS", "NOTIFY", "MESSAGE"):
            self.answer(request, 200)
        elif request.method != "ACK":
            self.answer(request, 481)

    def _call_of(self, request: Request) -> Call | None:
        for call in self.calls:
            if call.owns(request):
                return call
        return None

    def _called(self, invite: Request) -> None:
        call = self.CALL.incoming(self, invite)
        self.calls.append(call)
        self.answer(invite, 100)
        if self.on_call is not None:
            self.on_call(call)
        else:
            self._ringing.put_nowait(call)
