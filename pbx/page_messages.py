"""Text messages between our extensions (RFC 3428, page mode): delivered to the other's phones, and kept nowhere.

The text is in no log, fact or file. Whoever has no phone at hand does not get it, and the sender is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from pbx.endpoint import Endpoint, token
from pbx.leg import Identity
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.lexical import parse_parameters, readable
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.sip.transaction.effects import Reason
from pbx.transactions import Overloaded, ServerTransaction

LONGEST = 1300  # bytes: RFC 3428 §8
CHARSETS = frozenset({"utf-8", "us-ascii"})
PATIENCE = 20.0  # seconds for a phone to take it; the sender's own patience is 32
EACH, ALTOGETHER = 10, 1000  # messages on their way: of one sender, of all


class PageMessages:
    def __init__(
        self, endpoint: Endpoint, phones_of: Callable[[str], Sequence[Destination]], exists: Callable[[str], bool]
    ) -> None:
        self._endpoint = endpoint
        self._phones_of = phones_of
        self._exists = exists
        self._on_their_way: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._on_their_way.total()

    def message(self, request: Request, flow: Flow, user: str) -> None:
        """Answer an authenticated MESSAGE when a phone has taken it. Raises RemoteProtocolError and Overloaded."""
        _check(request)
        extension = readable(request.request_uri.user or "")
        if not self._exists(extension):
            raise RemoteProtocolError("nobody by that number", 404)
        phones = self._phones_of(extension)
        if not phones:
            raise RemoteProtocolError("no phone is registered", 480)
        if self._on_their_way[user] >= EACH or len(self) >= ALTOGETHER:
            raise Overloaded
        server = self._endpoint.transactions.accept(request, flow)
        self._on_their_way[user] += 1
        delivery = _Delivery(self, server, user, len(phones))
        self._endpoint.timers.start((delivery, "patience"), PATIENCE, partial(delivery.failed, 480))
        for phone in phones:
            delivery.send(self._copy(request, user, phone), phone.flow)

    def finished(self, delivery: _Delivery, status: int) -> None:
        self._endpoint.timers.stop((delivery, "patience"))
        self._on_their_way[delivery.user] -= 1
        if not self._on_their_way[delivery.user]:
            del self._on_their_way[delivery.user]
        delivery.server.respond(reply(delivery.server.request, status, to_tag=token()))

    @property
    def endpoint(self) -> Endpoint:
        return self._endpoint

    def _copy(self, request: Request, user: str, phone: Destination) -> Request:
        """The message to one phone. §8: no Contact in it. Who it is from is who has proven to be that."""
        sender = Identity(user, request.from_.readable_name)
        hops = request.max_forwards
        headers = Headers()
        headers.add("Via", self._endpoint.via(phone.flow))
        headers.add("Max-Forwards", str(70 if hops is None else hops - 1))
        headers.add("From", f"{sender.name_addr(self._endpoint.domain)};tag={token()}")
        headers.add("To", Identity(phone.number).name_addr(self._endpoint.domain))
        headers.add("Call-ID", self._endpoint.sip_call_id())
        headers.add("CSeq", "1 MESSAGE")
        headers.add("Content-Type", request.headers.get("content-type") or "text/plain")
        return Request("MESSAGE", phone.uri, headers, request.body)


class _Delivery:
    """One message on its way to all phones of an extension: the first that takes it decides."""

    def __init__(self, messages: PageMessages, server: ServerTransaction, user: str, phones: int) -> None:
        self.server = server
        self.user = user
        self._messages = messages
        self._left = phones
        self._refusal = 480
        self._done = False

    def send(self, copy: Request, flow: Flow) -> None:
        try:
            self._messages.endpoint.transactions.request(copy, flow, on_response=self._responded, on_end=self._ended)
        except Overloaded:
            self._one_less(503)

    def failed(self, status: int) -> None:
        self._finish(status)

    def _responded(self, response: Response) -> None:
        if response.is_success:
            self._finish(200)
        elif response.is_final:
            self._one_less(response.status)

    def _ended(self, reason: Reason) -> None:
        if reason is not Reason.DONE:
            self._one_less(480)

    def _one_less(self, status: int) -> None:
        # What a phone says of the message itself helps the sender more than that another phone is out of reach.
        if status in (405, 413, 415, 488, 603):
            self._refusal = status
        self._left -= 1
        if not self._left:
            self._finish(self._refusal)

    def _finish(self, status: int) -> None:
        if not self._done:
            self._done = True
            self._messages.finished(self, status)


def _check(request: Request) -> None:
    """Raises RemoteProtocolError: 413, 415, 483."""
    if request.max_forwards == 0:
        raise RemoteProtocolError("too many hops", 483)
    if len(request.body) > LONGEST:
        raise RemoteProtocolError("a message longer than 1300 bytes", 413)
    kind, _, parameters = (request.headers.get("content-type") or "").partition(";")
    charset = (parse_parameters(parameters).get("charset") or "utf-8").lower()
    if kind.strip().lower() != "text/plain" or charset not in CHARSETS:
        raise RemoteProtocolError("not plain text", 415, headers=[("Accept", "text/plain")])
    if (request.headers.get("content-encoding") or "identity").strip().lower() != "identity":
        raise RemoteProtocolError("an encoded body", 415, headers=[("Accept-Encoding", "identity")])
