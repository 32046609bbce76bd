"""A browser without a browser: SIP over a WebSocket by our fake phone, media by aiortc, which others wrote.

ICE, DTLS, SRTP and the session descriptions are aiortc's own.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

from aiortc import AudioStreamTrack, MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from pbx.sip.message import Request, Response
from tests.support import tones
from tests.support.deadlines import DEADLINE, deadline
from tests.support.phone import FakePhone
from tests.support.phone_call import Call

FRAME = 160
PACE = 0.02


class Microphone(AudioStreamTrack):
    """A tone in real time."""

    def __init__(self) -> None:
        super().__init__()
        self.frequency: float | None = None
        self._due: float | None = None
        self._at = 0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._due = loop.time() if self._due is None else self._due + PACE
        await asyncio.sleep(self._due - loop.time())
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        second = tones.tone(self.frequency) if self.frequency else bytes(2 * tones.RATE)
        at = self._at * 2 * FRAME % len(second)
        frame.planes[0].update(second[at : at + 2 * FRAME])
        frame.sample_rate, frame.pts, frame.time_base = tones.RATE, self._at * FRAME, Fraction(1, tones.RATE)
        self._at += 1
        return frame


class WebAudio:
    """What a test wants of a call's sound, as `AudioPort` has it."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self.microphone = Microphone()
        self.remote = None
        self._heard = bytearray()
        self._progress = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        connection.addTrack(self.microphone)
        connection.on("track", self._track)

    def play(self, frequency: float | None) -> None:
        self.microphone.frequency = frequency

    def start(self) -> None:
        """aiortc starts by itself."""

    async def listen(self, seconds: float = 1.0) -> bytes:
        """The next seconds of sound as PCM. Raises NotInTime."""
        start, wanted = len(self._heard), round(seconds * tones.RATE) * 2
        async with deadline(lambda: f"{len(self._heard) - start} of {wanted} octets of sound came", seconds + DEADLINE):
            while len(self._heard) - start < wanted:
                self._progress.clear()
                await self._progress.wait()
        return bytes(self._heard[start : start + wanted])

    def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()

    def _track(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                assert (frame.sample_rate, frame.layout.name) == (tones.RATE, "mono"), frame
                self._heard += bytes(frame.planes[0])[: 2 * frame.samples]
                self._progress.set()
        except MediaStreamError:
            pass


class WebCall(Call):
    """A call whose descriptions aiortc writes and reads."""

    phone: WebPhone

    def __init__(self, phone: FakePhone, **names: Any) -> None:
        super().__init__(phone, **names)
        assert isinstance(phone, WebPhone)
        self.audio.close()
        self.connection = RTCPeerConnection()
        self.audio = WebAudio(self.connection)  # type: ignore[assignment]  # has what tests use of it
        self.described = asyncio.Event()  # both sides know each other's description
        phone.connections.append(self.connection)

    async def offered(self) -> bytes:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp.encode()

    async def answering(self, offer: bytes) -> bytes:
        await self.connection.setRemoteDescription(RTCSessionDescription(offer.decode(), "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.connection.localDescription.sdp.encode()

    async def answer(self) -> None:
        assert self.invite
        self._take_with(await self.answering(self.invite.body))
        async with self._soon("the ACK", DEADLINE):
            await asyncio.shield(self._acked)

    async def connected(self) -> None:
        """ICE and DTLS are done."""
        async with deadline(lambda: f"DTLS; it is {self.connection.connectionState}"):
            while self.connection.connectionState != "connected":
                assert self.connection.connectionState != "failed"
                await asyncio.sleep(0.02)

    async def statistics(self) -> set[str]:
        """The kinds of statistics that aiortc has (RTCStatsType)."""
        return {str(report.type) for report in (await self.connection.getStats()).values()}

    def _take_with(self, body: bytes) -> None:
        self._repeat_final(200, body)
        if not self._final.done():
            self._final.set_result(self.phone.log.sent("200 INVITE", self.sip_call_id)[-1].message)  # type: ignore[arg-type]  # a response by its name

    def _respond_with_session(self, invite: Request) -> None:
        async def respond() -> None:
            self._take_with(await self.answering(invite.body))

        self.phone.spawn(respond())

    def _established(self, response: Response) -> Request:
        if not self._final.done():
            assert response.contact
            self.remote_tag = response.to.tag or ""
            self._target = response.contact.uri_text
            self._routes = [f"<{route.uri_text}>" for route in reversed(response.record_routes)]
            self.phone.spawn(self._take_answer(response.body))
            self._final.set_result(response)
            self._provisional.set()
        return self.in_dialog("ACK", cseq=response.cseq.number)

    async def _take_answer(self, body: bytes) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(body.decode(), "answer"))
        self.described.set()


class WebPhone(FakePhone):
    """On a page of `origin`."""

    CALL = WebCall

    def __init__(self, user: str, *, origin: str, **how: Any) -> None:
        super().__init__(user, origin=origin, **how)
        self.connections: list[RTCPeerConnection] = []

    async def call(self, number: str) -> WebCall:
        """Dial as a page does: the offer first, then the INVITE."""
        call = self.CALL.outgoing(self, number, self.user, "", headers=())
        assert isinstance(call, WebCall)
        call.offer = await call.offered()
        self.calls.append(call)
        call.start()
        return call

    async def close(self) -> None:
        await super().close()
        for connection in self.connections:
            await connection.close()
