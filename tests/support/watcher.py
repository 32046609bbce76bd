"""What a fake phone does besides calls: watch others, say how its user is, send text messages."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from pbx.sip.message import Request, Response
from tests.support.deadlines import DEADLINE, until
from tests.support.phone import FakePhone

PIDF = "{urn:ietf:params:xml:ns:pidf}"
INFO = "{urn:ietf:params:xml:ns:dialog-info}"
PRESENCE = (
    '<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
    'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:me">'
    "<tuple id='t'><status><basic>open</basic></status></tuple>"
    "<dm:person id='p'><rpid:activities>{activities}</rpid:activities></dm:person></presence>"
)


async def ask(
    phone: FakePhone,
    method: str,
    number: str,
    *,
    headers: Sequence[tuple[str, str]] = (),
    body: str = "",
    to_tag: str = "",
    identity: tuple[str, str] | None = None,
    cseq: int = 1,
) -> Response:
    """The final response to a request with credentials. `identity`: Call-ID and From tag, for a dialog that lives."""
    uri = f"sip:{number}@{phone.domain}"
    sip_call_id, tag = identity or (secrets.token_hex(8), secrets.token_hex(4))
    me, to = f"<sip:{phone.user}@{phone.domain}>", f"<{uri}>" + (f";tag={to_tag}" if to_tag else "")

    def again(number: int, proof: Sequence[tuple[str, str]]) -> Request:
        fields = (*headers, *proof)
        plain = phone.request(
            method, uri, me, tag, to, sip_call_id, number, headers=fields, contact=method != "MESSAGE"
        )
        return Request(method, uri, plain.headers, body.encode())

    response = await phone.ask(again(cseq, ()))
    proof = phone.credentials(response, method, uri)
    return response if proof is None else await phone.ask(again(cseq + 1, [proof]))


class Watch:
    """A subscription of a fake phone."""

    def __init__(self, phone: FakePhone, number: str, package: str) -> None:
        self.phone, self.number, self.package = phone, number, package
        self.identity = (secrets.token_hex(8), secrets.token_hex(4))
        self._to_tag = ""
        self._cseq = -1

    async def subscribe(self, expires: int = 120) -> Response:
        """Begin, refresh, or with 0 end it."""
        self._cseq += 2
        response = await ask(
            self.phone, "SUBSCRIBE", self.number, headers=[("Event", self.package), ("Expires", str(expires))],
            to_tag=self._to_tag, identity=self.identity, cseq=self._cseq,
        )  # fmt: skip
        self._to_tag = response.to.tag or ""
        return response

    @property
    def notifies(self) -> list[Request]:
        """What came, each once."""
        found: dict[int, Request] = {}
        for entry in self.phone.log.received("NOTIFY", self.identity[0]):
            assert isinstance(entry.message, Request)
            found.setdefault(entry.message.cseq.number, entry.message)
        return [found[number] for number in sorted(found)]

    @property
    def state(self) -> str:
        return self.notifies[-1].headers.get("Subscription-State") or "" if self.notifies else ""

    @property
    def notes(self) -> list[str | None]:
        """Of a presence: the words of each document."""
        return [ElementTree.fromstring(notify.body).findtext(f".//{PIDF}note") for notify in self.notifies]

    @property
    def lamps(self) -> dict[str, str]:
        """Of dialogs: the states that live, by the id of the dialog, as a phone puts the documents together."""
        states: dict[str, str] = {}
        for version, notify in enumerate(self.notifies):
            root = ElementTree.fromstring(notify.body)
            assert root.get("version") == str(version), "a document was lost"
            if root.get("state") == "full":
                states.clear()
            for dialog in root:
                states[dialog.get("id") or ""] = dialog.findtext(f"{INFO}state") or ""
        return {name: state for name, state in states.items() if state != "terminated"}

    async def shows(self, what: str, holds: Callable[[Watch], object], seconds: float = DEADLINE) -> None:
        await until(f"{self.number}: {what}", lambda: holds(self), seconds)

    async def note(self, note: str) -> None:
        await self.shows(note, lambda watch: watch.notes[-1:] == [note])

    async def lamp(self, *states: str) -> None:
        await self.shows(f"lamp {states}", lambda watch: sorted(watch.lamps.values()) == sorted(states))


async def publish(phone: FakePhone, activities: str, *, tag: str = "", expires: int = 120) -> Response:
    """Say what the phone's user does, in RPID's words; `tag`: in place of what was said under it."""
    headers = [("Event", "presence"), ("Expires", str(expires)), ("Content-Type", "application/pidf+xml")]
    if tag:
        headers.append(("SIP-If-Match", tag))
    return await ask(phone, "PUBLISH", phone.user, headers=headers, body=PRESENCE.format(activities=activities))


async def send_text(phone: FakePhone, number: str, text: str) -> Response:
    return await ask(phone, "MESSAGE", number, headers=[("Content-Type", "text/plain;charset=utf-8")], body=text)
