"""Dialogs: what two ends remember of each other between requests (RFC 3261 §12).

Pure and small, and a value: `to_state` gives a dictionary that outlives this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from pbx.sip import lexical
from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response
from pbx.sip.success_retransmission import GiveUp, StopWaiting, SuccessRetransmission, Wait
from pbx.sip.uri import NameAddr, SipUri
from pbx.sip.via import MAX_VIAS, Via

__all__ = [
    "Dialog",
    "DialogKey",
    "DialogState",
    "GiveUp",
    "StopWaiting",
    "SuccessRetransmission",
    "Wait",
    "request_key",
    "response_key",
]

DialogKey = tuple[str, str, str]
# §12.2: requests that may move the remote target. RFC 3311 §5 adds UPDATE, RFC 6665 §4.4 SUBSCRIBE and NOTIFY.
TARGET_REFRESH = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})


class DialogState(Enum):
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


def request_key(request: Request) -> DialogKey:
    """The key of the dialog that a request from the peer belongs to; its To tag is ours."""
    return request.sip_call_id, request.to.tag or "", request.from_.tag or ""


def response_key(response: Response) -> DialogKey:
    """The key of the dialog that a response to our request makes or belongs to; its From tag is ours."""
    return response.sip_call_id, response.from_.tag or "", response.to.tag or ""


@dataclass(slots=True, kw_only=True)
class Dialog:
    """One end's view. URIs and routes are the strings that arrived, since they must go back as they came.

    A tag is "" where an RFC 2543 peer gave none. local_cseq: the number of our last request, None before the first;
    remote_cseq likewise for the peer's.
    """

    sip_call_id: str
    local_tag: str
    remote_tag: str
    local_uri: str
    remote_uri: str
    local_cseq: int | None
    remote_cseq: int | None
    remote_target: str
    route_set: tuple[str, ...] = ()
    state: DialogState = DialogState.EARLY

    @classmethod
    def from_uas(cls, request: Request, response: Response) -> Dialog:
        """The dialog that our response (101-299, with our To tag) to the peer's request makes (§12.1.1)."""
        local_tag = response.to.tag
        if local_tag is None:
            raise LocalProtocolError("a response without a To tag makes no dialog")
        # "The remote target MUST be set to the URI from the Contact header field of the request." An RFC 2543 peer may
        # send none; then its From is all we know.
        contact = request.contact
        return cls(
            sip_call_id=request.sip_call_id,
            local_tag=local_tag,
            remote_tag=request.from_.tag or "",
            local_uri=request.to.uri_text,
            remote_uri=request.from_.uri_text,
            local_cseq=None,
            remote_cseq=request.cseq.number,
            remote_target=contact.uri_text if contact else request.from_.uri_text,
            # "The route set MUST be set to the list of URIs in the Record-Route header field from the request, taken in
            # order and preserving all URI parameters."
            route_set=_routes(request),
            state=DialogState.CONFIRMED if response.is_success else DialogState.EARLY,
        )

    @classmethod
    def from_uac(cls, request: Request, response: Response) -> Dialog:
        """The dialog that the peer's response (101-299) to our request makes (§12.1.2). Each To tag is another one.

        Raises RemoteProtocolError.
        """
        contact = response.contact
        return cls(
            sip_call_id=request.sip_call_id,
            local_tag=request.from_.tag or "",
            # "A UAC MUST be prepared to receive a response without a tag in the To field, in which case the tag is
            # considered to have a value of null."
            remote_tag=response.to.tag or "",
            local_uri=request.from_.uri_text,
            remote_uri=request.to.uri_text,
            local_cseq=request.cseq.number,
            remote_cseq=None,
            remote_target=contact.uri_text if contact else request.uri,
            # "taken in reverse order and preserving all URI parameters"
            route_set=_routes(response)[::-1],
            state=DialogState.CONFIRMED if response.is_success else DialogState.EARLY,
        )

    @property
    def key(self) -> DialogKey:
        return self.sip_call_id, self.local_tag, self.remote_tag

    def request(
        self,
        method: str,
        *,
        via: Via | str,
        contact: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Request:
        """Our next request within the dialog (§12.2.1.1). contact: a whole header value, for a target refresh."""
        if method in ("ACK", "CANCEL"):
            raise LocalProtocolError(f"{method} takes the number of its INVITE: see ack() and cancel_for()")
        # "Requests within a dialog MUST contain strictly monotonically increasing and contiguous CSeq sequence numbers
        # (increasing-by-one) in each direction (excepting ACK and CANCEL of course …)."
        self.local_cseq = (self.local_cseq or 0) + 1
        return self._request(method, self.local_cseq, via, contact, headers, body, content_type)

    def ack(
        self,
        invite_cseq: int,
        *,
        via: Via | str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Request:
        """The ACK for a 2xx (§13.2.2.4): a request of the dialog, with a Via branch of its own.

        headers: the INVITE's credentials go here, "The ACK MUST contain the same credentials as the INVITE."
        """
        return self._request("ACK", invite_cseq, via, None, headers, body, content_type)

    def receive(self, request: Request) -> None:
        """Take a request of the peer into account (§12.2.2). Raises RemoteProtocolError with 500 for one out of order.

        ACK and CANCEL carry the number of their INVITE and are always in order. Where it moves the remote target, tell
        `refresh` once it is accepted: a refused request changes nothing (§14.2).
        """
        if request.method in ("ACK", "CANCEL"):
            return
        number = request.cseq.number
        # "If the remote sequence number was not empty, but the sequence number of the request is lower than the remote
        # sequence number, the request is out of order and MUST be rejected with a 500". An equal one in a transaction
        # of its own breaks the order too.
        if self.remote_cseq is not None and number <= self.remote_cseq:
            raise RemoteProtocolError("CSeq out of order", 500, request=request)
        self.remote_cseq = number

    def confirm(self, response: Response | None = None) -> None:
        """A 2xx to the INVITE: ours as UAS (no argument), or the peer's."""
        if response is not None:
            # §13.2.2.4: "the dialog MUST be transitioned to the "confirmed" state, and the route set for the dialog
            # MUST be recomputed based on the 2xx response".
            if self.state is DialogState.EARLY:
                self.route_set = _routes(response)[::-1]
            self.refresh(response)
        if self.state is DialogState.EARLY:
            self.state = DialogState.CONFIRMED

    def refresh(self, message: Request | Response) -> None:
        """A target refresh request that we accepted (§12.2.2), or the peer's 2xx to one of ours (§12.2.1.2).

        "it MUST replace the dialog's remote target URI with the URI from the Contact header field …, if present."
        Another method moves nothing.
        """
        if message.cseq.method in TARGET_REFRESH and (contact := message.contact):
            self.remote_target = contact.uri_text

    def terminate(self) -> None:
        self.state = DialogState.TERMINATED

    def _request(
        self,
        method: str,
        number: int,
        via: Via | str,
        contact: str | None,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        content_type: str | None,
    ) -> Request:
        uri, routes = self._way()
        ours = Headers([("Via", str(via)), ("Max-Forwards", "70")])
        for route in routes:
            ours.add("Route", route)
        ours.add("From", _address(self.local_uri, self.local_tag))
        ours.add("To", _address(self.remote_uri, self.remote_tag))
        ours.add("Call-ID", self.sip_call_id)
        ours.add("CSeq", f"{number} {method}")
        if contact:
            ours.add("Contact", contact)
        for name, value in headers:
            ours.add(name, value)
        if content_type:
            ours.add("Content-Type", content_type)
        return Request(method, uri, ours, body)

    def _way(self) -> tuple[str, tuple[str, ...]]:
        """The Request-URI and the Route values (§12.2.1.1)."""
        # "If the route set is empty, the UAC MUST place the remote target URI into the Request-URI."
        if not self.route_set:
            return _as_request_uri(self.remote_target), ()
        first = NameAddr.parse(self.route_set[0])
        # "If the route set is not empty, and the first URI in the route set contains the lr parameter …, the UAC
        # MUST place the remote target URI into the Request-URI and MUST include a Route header field".
        if "lr" in first.uri.parameters:
            return _as_request_uri(self.remote_target), self.route_set
        # "If … its first URI does not contain the lr parameter, the UAC MUST place the first URI from the route set
        # into the Request-URI, stripping any parameters that are not allowed in a Request-URI. … The UAC MUST then
        # place the remote target URI into the Route header field as the last value."
        return _as_request_uri(first.uri_text), (*self.route_set[1:], f"<{self.remote_target}>")

    def to_state(self) -> dict[str, str | int | list[str]]:
        """Everything, as JSON can say it; what is None is left out."""
        state: dict[str, str | int | list[str]] = {
            "sip_call_id": self.sip_call_id,
            "local_tag": self.local_tag,
            "remote_tag": self.remote_tag,
            "local_uri": self.local_uri,
            "remote_uri": self.remote_uri,
            "remote_target": self.remote_target,
            "route_set": list(self.route_set),
            "state": self.state.value,
        }
        if self.local_cseq is not None:
            state["local_cseq"] = self.local_cseq
        if self.remote_cseq is not None:
            state["remote_cseq"] = self.remote_cseq
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, str | int | list[str]]) -> Dialog:
        """The reverse of `to_state`. Raises LocalProtocolError for a dictionary that `to_state` did not make."""
        try:
            return cls(
                sip_call_id=_text(state["sip_call_id"]),
                local_tag=_text(state["local_tag"]),
                remote_tag=_text(state["remote_tag"]),
                local_uri=_text(state["local_uri"]),
                remote_uri=_text(state["remote_uri"]),
                local_cseq=_number(state.get("local_cseq")),
                remote_cseq=_number(state.get("remote_cseq")),
                remote_target=_text(state["remote_target"]),
                route_set=_texts(state["route_set"]),
                state=DialogState(state["state"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LocalProtocolError("not the state of a dialog") from error


def _routes(message: Request | Response) -> tuple[str, ...]:
    _ = message.record_routes  # refuses what could not be used later
    return tuple(lexical.elements(message.headers.all("record-route"), MAX_VIAS, "routes"))


def _address(uri: str, tag: str) -> str:
    return f"<{uri}>;tag={tag}" if tag else f"<{uri}>"


def _as_request_uri(text: str) -> str:
    """§19.1.1, table 1: a Request-URI has no headers and no method parameter. Otherwise the text stays as it was."""
    if "?" not in text and ";method=" not in text.lower():
        return text
    uri = SipUri.parse(text)
    parameters = {name: value for name, value in uri.parameters.items() if name != "method"}
    return str(replace(uri, headers=(), parameters=parameters))


def _text(value: str | int | list[str]) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number(value: str | int | list[str] | None) -> int | None:
    if value is not None and not isinstance(value, int):
        raise TypeError("not a number")
    return value


def _texts(value: str | int | list[str]) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(_text(item) for item in value)
