"""Everything that a fake phone said and heard, retransmissions too, for assertions such as "was rung once"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from pbx.sip.message import Request, Response

Message = Request | Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """`at` is wall time in seconds: what a browser on the same machine can be compared with."""

    at: float
    sent: bool
    message: Message

    @property
    def what(self) -> str:
        message = self.message
        if isinstance(message, Request):
            return message.method
        return f"{message.status} {message.cseq.method}"

    def __str__(self) -> str:
        arrow = "->" if self.sent else "<-"
        return f"{self.at % 1000:8.3f} {arrow} {self.what:<16} {self.message.cseq.number} {self.message.sip_call_id}"


@dataclass(slots=True)
class MessageLog:
    name: str
    entries: list[Logged] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)  # what the server sent and nobody can read

    def add(self, message: Message, *, sent: bool) -> None:
        self.entries.append(Logged(at=time.time(), sent=sent, message=message))

    def sent(self, what: str, sip_call_id: str | None = None) -> list[Logged]:
        """Requests by method ("BYE"), responses by status and method ("200 INVITE")."""
        return list(self._find(what, sip_call_id, sent=True))

    def received(self, what: str, sip_call_id: str | None = None) -> list[Logged]:
        return list(self._find(what, sip_call_id, sent=False))

    @property
    def times_rung(self) -> int:
        """How many calls rang this phone: retransmissions and re-INVITEs are none."""
        return len({entry.message.sip_call_id for entry in self.received("INVITE") if not entry.message.to.tag})

    def ladder(self) -> str:
        return "\n".join([f"{self.name}:", *map(str, self.entries)])

    def _find(self, what: str, sip_call_id: str | None, *, sent: bool) -> Iterator[Logged]:
        for entry in self.entries:
            if entry.sent == sent and entry.what == what and sip_call_id in (None, entry.message.sip_call_id):
                yield entry
