"""A provider on the other end of a switchboard without a network: it answers requests as a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pbx.net.resolver import Answer, Resolver
from pbx.net.transport import Flow
from pbx.sip.digest import Algorithm, Credentials, challenge, ha1, verify
from pbx.sip.location import Question
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from pbx.trunks.settings import TrunkSettings
from pbx.trunks.trunk import Trunk
from tests.pbx.switch import Switch

HOST, PORT = "198.51.100.5", 5060
FLOW = Flow("UDP", HOST, PORT)
ACCOUNT, PASSWORD, REALM = "380441112233", "s3cret", "provider.example"

Answering = Callable[[Request], Response | None]


class Provider:
    """`answer(request)` is what it says; None: nothing at all. `heard` are the requests that reached it."""

    def __init__(self, switch: Switch, answer: Answering, flow: Flow = FLOW) -> None:
        self.answer = answer
        self.heard: list[Request] = []
        self._switch, self._flow = switch, flow
        sender = switch.sender
        put = sender.send

        def send(data: bytes, to: Flow) -> None:
            put(data, to)
            message = parse(data)
            if to == flow and isinstance(message, Request):
                self.heard.append(message)
                asyncio.get_running_loop().call_soon(self._say, message)

        sender.send = send  # type: ignore[method-assign, assignment]  # the wire is tapped

    def _say(self, request: Request) -> None:
        response = self.answer(request)
        if response is not None:
            self._switch.hears(response, self._flow)

    def got(self, method: str) -> list[Request]:
        return [request for request in self.heard if request.method == method]


def nothing(_: Request) -> None:
    return None


def registrar(expires: int = 120, *, realm: str = REALM, algorithm: Algorithm = Algorithm.MD5) -> Answering:
    """Challenges, checks the password, and grants what is asked for, at most `expires` seconds."""

    def answer(request: Request) -> Response:
        given = request.headers.get("Authorization")
        if given is None:
            return reply(request, 401, headers=[("WWW-Authenticate", challenge(realm, "n0nce", algorithm))])
        if not verify(Credentials.parse(given), request.method, ha1(ACCOUNT, realm, PASSWORD, algorithm)):
            return reply(request, 403)
        seconds = min(expires, request.expires or 0)
        contact = f"{request.headers.get('Contact')};expires={seconds}"
        return reply(request, 200, headers=[("Contact", contact)] if seconds else [])

    return answer


async def no_dns(question: Question) -> Answer:
    raise AssertionError(f"asked for {question}")


class Told:
    """What the trunk tells of itself: (up, reason)."""

    def __init__(self) -> None:
        self.changes: list[tuple[bool, str]] = []

    def __call__(self, trunk: str, up: bool, reason: str) -> None:
        self.changes.append((up, reason))


def a_trunk(switch: Switch, told: Told | None = None, **more: object) -> Trunk:
    values: dict[str, object] = {
        "name": "city", "host": HOST, "port": PORT, "username": ACCOUNT, "password": PASSWORD, "domain": REALM,
        "health": False,
    }  # fmt: skip
    settings = TrunkSettings(**{**values, **more})  # type: ignore[arg-type]  # a test's own words
    return Trunk(settings, switch.endpoint, Resolver(no_dns), on_change=told or Told())
