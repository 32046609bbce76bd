"""What a foreign phone and the product say to each other over UDP: a relay between them that takes notes."""

from __future__ import annotations

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import parse
from tests.support.message_log import MessageLog
from tests.support.network import CLEAR, Address, BadRelay


class Wire(BadRelay):
    """`log`: as the phone sees it. The product's Contact is replaced, so that requests inside a call pass here too."""

    def __init__(self, server: Address) -> None:
        super().__init__(server, CLEAR)
        self.log = MessageLog("the foreign phone")
        self._theirs, self._ours = (f"{host}:{port}>".encode() for host, port in (server, self.address))

    def _from_phone(self, data: bytes, source: Address) -> None:
        self._note(data, sent=True)
        super()._from_phone(data, source)

    def _from_server(self, data: bytes, source: Address) -> None:
        self._note(data, sent=False)
        super()._from_server(data.replace(self._theirs, self._ours), source)

    def _note(self, data: bytes, *, sent: bool) -> None:
        try:
            self.log.add(parse(data), sent=sent)
        except RemoteProtocolError:
            pass  # a keep-alive, or what the other end will judge
