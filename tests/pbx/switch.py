"""A switchboard without a network: datagrams are handed in, what it sends is kept; media are promises only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, cast
from uuid import UUID, uuid5

from pbx.admission import Admission, Rates
from pbx.authentication import Authenticator
from pbx.endpoint import Endpoint
from pbx.inbound_leg import InboundLeg
from pbx.media.client import LegStatistics, MediaLeg, MediaPool, NoMedia, Playback, RecordingClosed, RecordingCut, Room
from pbx.net.own_address import OwnAddress
from pbx.net.transport import Flow
from pbx.net.transports import Transports
from pbx.ports import Account, Door
from pbx.registrations import Registrations
from pbx.sip.digest import Algorithm, authorise, ha1
from pbx.sip.message import Request, Response, parse
from pbx.sip.nonces import Nonces
from pbx.sip.registrar import Binding, Limits
from pbx.timers import Timers
from pbx.trace.tap import Traces
from pbx.transactions import Transactions
from pbx.trunks.settings import TrunkSettings
from pbx.user_agent import UserAgent

PHONE = Flow("UDP", "192.0.2.11", 5062)
TRUNK = Flow("UDP", "198.51.100.5", 5060)
CITY = TrunkSettings(name="city", host=TRUNK.host, port=TRUNK.port)
SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\n"
    "m=audio 30000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class KeptSender:
    def __init__(self, sent: list[tuple[Request | Response, Flow]] | None = None, *, reliable: bool = False) -> None:
        self.reliable = reliable
        self.sent: list[tuple[Request | Response, Flow]] = [] if sent is None else sent
        self.broken = False
        self.lost: set[Flow] = set()

    def send(self, data: bytes, flow: Flow) -> None:
        if self.broken or flow in self.lost:
            raise OSError("network is unreachable")
        self.sent.append((parse(data), flow))

    def sent_by(self, flow: Flow) -> str:
        return "203.0.113.1:5060"


class PromisedRecording:
    """Stands for a Recording: `on` is who speaks into it now, by channel."""

    def __init__(self, recording_id: UUID, path: str, worker: str) -> None:
        self.recording_id, self.path, self.worker = recording_id, path, worker
        self.on: dict[int, tuple[object, str]] = {}
        self.puts: list[tuple[object, int, str]] = []
        self.legs: list[PromisedLeg] = []
        self.pauses: list[bool] = []
        self.closed: asyncio.Future[RecordingClosed] = asyncio.get_running_loop().create_future()
        self.on_cut: Callable[[RecordingCut], None] | None = None
        self.is_lost = False

    @property
    def who(self) -> list[str]:
        return [name for _, (_, name) in sorted(self.on.items())]

    def put(self, leg: PromisedLeg, channel: int, who: str = "") -> None:
        assert not self.closed.done()
        self.on[channel] = (leg, who)
        self.puts.append((leg, channel, who))
        leg.recorded = (self, channel, who)
        self.legs.append(leg)

    def speakers(self) -> dict[str, int]:
        """Who speaks into it now, and on which channel."""
        return {leg.recorded[2]: leg.recorded[1] for leg in self.legs if leg.recorded and leg.recorded[0] is self}

    def pause(self, on: bool) -> None:
        self.pauses.append(on)

    async def stop(self) -> RecordingClosed:
        if not self.closed.done():
            closed = RecordingClosed(recording_id=self.recording_id, seconds=1.5, cut=False, path=self.path)
            self.closed.set_result(closed)
        return self.closed.result()

    def lose(self) -> None:
        self.is_lost = True
        lost = RecordingClosed(recording_id=self.recording_id, seconds=0.0, cut=True, path=self.path)
        self.closed.set_result(lost)


class PromisedLeg:
    """Stands for a MediaLeg: remembers what it was told."""

    def __init__(self, number: int, near: object = None) -> None:
        self.near = near
        self.address, self.port = "203.0.113.1", 40000 + 2 * number
        self.on_event: object = None
        self.worker = "a worker"
        self.told: list[tuple[str, object]] = []
        self.cookie = b""
        self.on_cookie: Callable[[], object] = lambda: None
        self.closed = False
        self.figures: LegStatistics | None = None  # at its end
        self.recordings: list[PromisedRecording] = []
        self.playbacks: list[Playback] = []
        self.recorded: tuple[PromisedRecording, int, str] | None = None

    def record(
        self, recording_id: UUID, other: PromisedLeg | None, path: str, who: tuple[str, str] = ("", "")
    ) -> PromisedRecording:
        recording = PromisedRecording(recording_id, path, self.worker)
        recording.put(self, 0, who[0])
        if other is not None:
            recording.put(other, 1, who[1])
        self.recordings.append(recording)
        return recording

    def unrecord(self) -> None:
        self.told.append(("unrecord", None))
        self.recorded = None

    def play(self, files: Sequence[str], *, loop: bool = False) -> Playback:
        self.told.append(("play", (*files, loop)))
        self.playbacks.append(Playback(0))
        return self.playbacks[-1]

    def update(self, **values: object) -> None:
        self.told.append(("update", values))

    def secure(self, **values: object) -> None:
        self.told.append(("secure", values))

    @property
    def fingerprint(self) -> str:
        return "sha-256 " + ":".join(["AB"] * 32)

    def set_cookie(self, cookie: bytes) -> None:
        self.cookie = cookie
        self.on_cookie()

    def bridge(self, other: object) -> None:
        self.told.append(("bridge", other))

    def unbridge(self) -> None:
        self.told.append(("unbridge", None))

    def send_digits(self, digits: str, milliseconds: int) -> None:
        self.told.append(("send_digits", (digits, milliseconds)))

    def keep_secret(self, *, on: bool) -> None:
        self.told.append(("keep_secret", on))

    @property
    def updates(self) -> list[dict[str, object]]:
        """What it was told of the stream, oldest first."""
        return [values for what, values in self.told if what == "update" and isinstance(values, dict)]

    def stop_playing(self) -> None:
        self.told.append(("stop_playing", None))

    async def report(self) -> LegStatistics | None:
        return self.figures

    async def close(self) -> LegStatistics | None:
        self.closed = True
        self.recorded = None
        return self.figures


class PromisedRoom:
    """Stands for a Room. `gains`: how loud, by listener and talker. `played`: the first file of each playback, and
    whether it was for one member alone."""

    def __init__(self) -> None:
        self.members: list[PromisedLeg] = []
        self.gains: dict[tuple[PromisedLeg, PromisedLeg], float] = {}
        self.muted: set[PromisedLeg] = set()
        self.played: list[tuple[str, bool]] = []
        self.playing: list[Playback] = []
        self.is_closed = False

    def join(self, leg: PromisedLeg, *, hears: float = 1.0, heard: float = 1.0) -> None:
        assert not self.is_closed
        for other in self.members:
            self.gains[leg, other] = hears
            self.gains[other, leg] = heard
        self.members.append(leg)
        leg.told.append(("room", self))

    def leave(self, leg: PromisedLeg) -> None:
        if leg in self.members:
            self.members.remove(leg)
            leg.told.append(("leave", self))

    def set_gain(self, gain: float, *, listener: PromisedLeg, talker: PromisedLeg) -> None:
        assert {listener, talker} <= set(self.members)
        self.gains[listener, talker] = gain

    def mute(self, leg: PromisedLeg, on: bool = True) -> None:
        (self.muted.add if on else self.muted.discard)(leg)

    def play(
        self,
        files: Sequence[str],
        *,
        loop: bool = False,
        gain: float = 1.0,
        only: PromisedLeg | None = None,
        duck: float = 1.0,
    ) -> Playback:
        self.played.append((files[0], only is not None))
        playback = Playback(len(self.played))
        if loop:
            self.playing.append(playback)
        else:
            playback.finish("done")
        return playback

    def stop(self, playback: Playback) -> None:
        if playback in self.playing:
            self.playing.remove(playback)
            playback.finish("stopped")

    def close(self) -> None:
        self.is_closed = True


class PromisedMedia:
    def __init__(self) -> None:
        self.legs: list[PromisedLeg] = []
        self.rooms: list[PromisedRoom] = []
        self.is_full = False

    async def open_room(self, *, near: MediaLeg) -> Room:
        if self.is_full:
            raise NoMedia
        self.rooms.append(PromisedRoom())
        return cast(Room, self.rooms[-1])

    async def open(self, *, call_id: UUID, address: str, cookie: bytes = b"", near: MediaLeg | None = None) -> MediaLeg:
        if self.is_full:
            raise NoMedia
        self.legs.append(PromisedLeg(len(self.legs), near))
        return cast(MediaLeg, self.legs[-1])


class Switch:
    """`calls` are the legs that arrived; `sent` is what left, oldest first. `made`: all of the running test."""

    made: ClassVar[list[Switch]] = []

    def __init__(
        self,
        *,
        users: Mapping[str, str] = {"1001": "pw1", "1002": "pw2"},
        trusted: Sequence[str] = ("0.0.0.0/0",),
        rates: Rates | None = None,
        digests: Mapping[str, Sequence[Algorithm]] = {},
    ) -> None:
        """`trusted`: everybody, unless the test is about strangers. `digests`: of users who differ from the others."""
        self.made.append(self)
        self._accounts = {
            user: Account(
                user,
                {
                    algorithm: ha1(user, "dzvin", password, algorithm)
                    for algorithm in digests.get(user, (Algorithm.MD5, Algorithm.SHA_256))
                },
            )
            for user, password in users.items()
        }
        self.sender = KeptSender()
        self.media = PromisedMedia()
        self.timers = Timers(asyncio.get_running_loop())
        self.traces: list[bytes] = []
        """What was handed over of each call that has ended, transactions and all."""
        self.tap = Traces(self.timers.now, lambda _, trace: self.traces.append(trace))
        self.lockouts: list[tuple[str, str, float]] = []
        self.admission = Admission(
            self.timers.now,
            trusted=trusted,
            friends=[TRUNK.host],
            scanners=["friendly-scanner", "sipcli"],
            rates=rates,
            on_lockout=lambda *lockout: self.lockouts.append(lockout),
        )
        self.transports = Transports(self.timers, OwnAddress())
        self.transports.senders |= {"UDP": self.sender, "WS": KeptSender(self.sender.sent, reliable=True)}
        self.transactions = Transactions(
            self.timers,
            self.transports.senders,
            self.tap,
            admits=self.admission.admits,
            may_answer=self.admission.may_answer,
        )
        self.endpoint = Endpoint(
            transactions=self.transactions,
            timers=self.timers,
            transports=self.transports,
            media=cast(MediaPool, self.media),
            media_address="203.0.113.1",
            domain="example.com",
        )
        self.kept: dict[str, tuple[Binding, ...]] = {}
        self.online: list[tuple[str, str]] = []
        self.registrations = Registrations(
            self.timers,
            self,
            Limits(),
            on_online=lambda aor, _: self.online.append((aor, "online")),
            on_offline=lambda aor, reason: self.online.append((aor, reason)),
            on_flow=lambda flow, known: self.admission.know(flow) if known else self.admission.forget(flow),
        )
        self.calls: list[InboundLeg] = []
        self.on_call: Callable[[InboundLeg], None] = self.calls.append
        """The room above takes calls that arrive; as long as there is none, `calls` keeps them."""
        self.heard = ""  # the last authorised request
        algorithms = (Algorithm.MD5, Algorithm.SHA_256)
        self.user_agent = UserAgent(
            self.endpoint,
            Authenticator(
                "dzvin",
                algorithms,
                Nonces(b"0" * 32),
                self,
                self.admission,
                offers=[tuple(account.ha1) for account in self._accounts.values()],
                only_md5=["JsSIP"],
            ),
            self.registrations,
            self,
            self.admission,
            on_call=lambda leg: self.on_call(leg),
        )
        self.transactions.user = self.user_agent

    # What the switchboard asks of the rooms above it.

    def account(self, user: str) -> Account | None:
        return self._accounts.get(user)

    def door(self, flow: Flow, number: str) -> Door | None:
        return Door("city", CITY) if flow == TRUNK else None

    def save(self, aor: str, bindings: tuple[Binding, ...]) -> None:
        self.kept[aor] = bindings

    # What a test does.

    @property
    def sent(self) -> list[Request | Response]:
        return [message for message, _ in self.sender.sent]

    @property
    def statuses(self) -> list[int]:
        return [message.status for message in self.sent if isinstance(message, Response)]

    @property
    def requests(self) -> list[Request]:
        return [message for message in self.sent if isinstance(message, Request)]

    def last_response(self) -> Response:
        return next(message for message in reversed(self.sent) if isinstance(message, Response))

    def hears(self, message: str | bytes | Request | Response, flow: Flow = PHONE) -> None:
        if isinstance(message, Request | Response):
            message = message.serialise()
        data = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message
        self.transactions.receive(data, flow)

    def hears_authenticated(self, request: str, user: str = "1001", password: str = "pw1", flow: Flow = PHONE) -> None:
        """The request, its challenge, and the request again with credentials."""
        self.hears(request, flow)
        challenge = self.last_response().headers.get("WWW-Authenticate")
        assert challenge is not None
        method, uri = request.split(" ")[:2]
        value = authorise(challenge, method=method, uri=uri, username=user, password=password, cnonce="c")
        head, gap, body = request.partition("\r\n\r\n")
        again = head.replace("branch=z9hG4bK", "branch=z9hG4bKauth").replace(f"CSeq: 1 {method}", f"CSeq: 2 {method}")
        self.heard = f"{again}\r\nAuthorization: {value}{gap}{body}"
        self.hears(self.heard, flow)


def a_request(
    method: str,
    uri: str = "sip:1002@example.com",
    *,
    cseq: int = 1,
    branch: str = "z9hG4bKone",
    from_user: str = "1001",
    to_tag: str = "",
    sip_call_id: str = "",
    headers: str = "",
    body: str = "",
) -> str:
    call_id = sip_call_id or str(uuid5(UUID(int=0), method + uri))
    tag = f";tag={to_tag}" if to_tag else ""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.11:5062;branch={branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        f"From: <sip:{from_user}@example.com>;tag=caller\r\n"
        f"To: <{uri}>{tag}\r\n"
        f"Call-ID: {call_id}\r\n"
        f"CSeq: {cseq} {method}\r\n"
        f"Contact: <sip:{from_user}@192.0.2.11:5062>\r\n"
        f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    )
