"""The registrar's decision on one REGISTER (RFC 3261 §10.3, with RFC 3327's Path and RFC 5626's instances).

Pure: bindings in, bindings out. Domain, Require and credentials (steps 1 to 4) have been seen to by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request
from pbx.sip.uri import NameAddr, SipUri
from pbx.sip.via import MAX_VIAS

_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One contact of an address of record.

    contact: the URI as the phone wrote it. registered_at, expires_at: seconds of the caller's clock. received: the
    caller's opaque name of the flow on which the REGISTER came. path: Path values for requests to this contact.
    """

    contact: str
    sip_call_id: str
    cseq: int
    registered_at: float
    expires_at: float
    received: str = ""
    path: tuple[str, ...] = ()
    user_agent: str = ""
    q: float = 1.0
    instance: str | None = None
    reg_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds; and how many bindings one address of record may have. At that bound the least recent goes."""

    minimum: int = 60
    maximum: int = 3600
    default: int = 600
    max_contacts: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The bindings afterwards, what changed, and the headers of the 200."""

    bindings: tuple[Binding, ...]
    added: tuple[Binding, ...] = ()
    refreshed: tuple[Binding, ...] = ()
    removed: tuple[Binding, ...] = ()
    response_headers: tuple[tuple[str, str], ...] = ()


def address_of_record(request: Request) -> str:
    """The canonical form of the To URI: the key under which bindings are kept (step 5). Raises RemoteProtocolError."""
    uri = request.to.uri
    if not uri.is_sip:
        raise RemoteProtocolError("an address of record that is no SIP URI", request=request)  # RFC 4475 §3.3.4
    # "The URI MUST then be converted to a canonical form. To do that, all URI parameters MUST be removed (including the
    # user-param), and any escaped characters MUST be converted to their unescaped form."
    return str(SipUri(scheme="sip" if uri.scheme == "sips" else uri.scheme, user=uri.user, host=uri.host.lower()))


def register(bindings: tuple[Binding, ...], request: Request, *, now: float, source: str, limits: Limits) -> Registered:
    """What this REGISTER makes of the bindings of its address of record.

    "REGISTER requests MUST also be processed atomically, meaning that a particular REGISTER request is either processed
    completely or not at all."

    source: the flow on which the request came. Raises RemoteProtocolError: 400, or 423 with Min-Expires.
    """
    live = tuple(binding for binding in bindings if binding.expires_at > now)
    lapsed = tuple(binding for binding in bindings if binding.expires_at <= now)
    if request.is_wildcard:
        return _remove_all(live, lapsed, request)
    updates = [_update(contact, request, now, source, limits) for contact in request.contacts]
    kept, added, refreshed, removed = list(live), list[Binding](), list[Binding](), list(lapsed)
    for update in updates:
        old = next((binding for binding in kept if _same_binding(binding, update)), None)
        if old is not None:
            kept.remove(old)
            if old in live:
                _check_order(old, request)
        if update.expires_at > now:
            kept.append(update)
            (added if old is None else refreshed).append(update)
        elif old is not None:
            removed.append(old)
    kept = ordered(kept)
    while len(kept) > limits.max_contacts:
        oldest = min(kept, key=lambda binding: binding.registered_at)
        kept.remove(oldest)
        removed.append(oldest)
    return Registered(
        bindings=tuple(kept),
        added=tuple(binding for binding in added if binding in kept),
        refreshed=tuple(binding for binding in refreshed if binding in kept),
        removed=tuple(removed),
        response_headers=_response_headers(kept, request, now),
    )


def ordered(bindings: Iterable[Binding]) -> list[Binding]:
    """The order in which to try them: highest q first, among equals the one that registered last."""
    return sorted(bindings, key=lambda binding: (-binding.q, -binding.registered_at))


def _remove_all(live: tuple[Binding, ...], lapsed: tuple[Binding, ...], request: Request) -> Registered:
    # Step 6: "If the request has additional Contact fields or an expiration time other than zero, the request is
    # invalid, and the server MUST return a 400".
    if request.contacts or request.expires != 0:
        raise RemoteProtocolError("Contact: * with something else", request=request)
    for binding in live:
        _check_order(binding, request)
    return Registered(bindings=(), removed=lapsed + live)


def _check_order(binding: Binding, request: Request) -> None:
    # Step 7: "If they are the same, the registrar compares the CSeq value. If the value is higher than that of the
    # existing binding, it MUST update or remove the binding as above. If not, the update MUST be aborted and the
    # request fails." The RFC names no status; 400 makes a phone start over with a new Call-ID.
    if binding.sip_call_id == request.sip_call_id and request.cseq.number <= binding.cseq:
        raise RemoteProtocolError("REGISTER out of order", request=request)


def _update(contact: NameAddr, request: Request, now: float, source: str, limits: Limits) -> Binding:
    if not contact.uri.is_sip:
        raise RemoteProtocolError("a contact that cannot be called", request=request)
    return Binding(
        contact=contact.uri_text,
        sip_call_id=request.sip_call_id,
        cseq=request.cseq.number,
        registered_at=now,
        expires_at=now + _interval(contact, request, limits),
        received=source,
        # RFC 3327 §5.3: kept whether or not the phone says that it supports Path; without it nothing would reach it.
        path=tuple(lexical.elements(request.headers.all("path"), MAX_VIAS, "Path values")),
        user_agent=lexical.readable(request.headers.get("user-agent") or "")[:128],
        q=_q(contact.parameters.get("q")),
        instance=contact.parameters.get("+sip.instance"),
        reg_id=_reg_id(contact.parameters.get("reg-id")),
    )


def _interval(contact: NameAddr, request: Request, limits: Limits) -> int:
    """Seconds that this binding is given; 0 removes it."""
    # Step 7: "If the field value has an "expires" parameter, that value MUST be taken as the requested expiration. If
    # there is no such parameter, but the request has an Expires header field, that value MUST be taken …. If there is
    # neither, a locally-configured default value MUST be taken".
    asked = request.expires if request.expires is not None else limits.default
    if "expires" in contact.parameters:
        try:
            asked = lexical.integer(contact.parameters["expires"] or "", 2**32 - 1, "expires")
        except RemoteProtocolError:
            asked = 3600  # §10.2: "Malformed values SHOULD be treated as equivalent to 3600."
    # "If and only if the requested expiration interval is greater than zero AND smaller than one hour AND less than a
    # registrar-configured minimum, the registrar MAY reject the registration with a response of 423".
    if 0 < asked < min(3600, limits.minimum):
        raise RemoteProtocolError(
            "expires too soon", 423, headers=[("Min-Expires", str(limits.minimum))], request=request
        )
    return min(asked, limits.maximum)


def _same_binding(binding: Binding, update: Binding) -> bool:
    # RFC 5626 §6: with instance and reg-id, these and not the URI tell whether it is the same flow.
    if update.instance and update.reg_id and binding.instance and binding.reg_id:
        return (binding.instance, binding.reg_id) == (update.instance, update.reg_id)
    # "For each address, the registrar then searches the list of current bindings using the URI comparison rules."
    return SipUri.parse(binding.contact).matches(SipUri.parse(update.contact))


def _q(text: str | None) -> float:
    # §20.10 gives no default; all of the field takes 1.
    return float(text) if text and _QVALUE.fullmatch(text) else 1.0


def _reg_id(text: str | None) -> int | None:
    try:
        return lexical.integer(text, 2**31 - 1, "reg-id") if text else None
    except RemoteProtocolError:
        return None


def _response_headers(bindings: list[Binding], request: Request, now: float) -> tuple[tuple[str, str], ...]:
    # Step 8: "The response MUST contain Contact header field values enumerating all current bindings. Each Contact
    # value MUST feature an "expires" parameter indicating its expiration interval chosen by the registrar."
    contacts = [("Contact", _contact_value(binding, now)) for binding in bindings]
    # RFC 3327 §5.3: the Path goes back, so that the UA sees which proxies put themselves in the way.
    paths = [("Path", value) for value in request.headers.all("path")]
    return (*contacts, *paths, *((("Require", "outbound"),) if _keeps_its_flow(request) else ()))


def _keeps_its_flow(request: Request) -> bool:
    """Whether a phone that came straight to us is told that its flow will be used (RFC 5626 §6): "the registrar MUST
    include the option-tag outbound in a Require header field" when instance-id and reg-id make the binding."""
    return (
        "outbound" in request.supported
        and len(request.vias) == 1
        and any(
            contact.parameters.get("+sip.instance") and _reg_id(contact.parameters.get("reg-id"))
            for contact in request.contacts
        )
    )


def _contact_value(binding: Binding, now: float) -> str:
    parameters: dict[str, str | None] = {"expires": str(max(0, round(binding.expires_at - now)))}
    if binding.q != 1.0:
        parameters["q"] = f"{binding.q:.3f}".rstrip("0").rstrip(".") or "0"
    if binding.reg_id is not None:
        parameters["reg-id"] = str(binding.reg_id)
    value = f"<{binding.contact}>{lexical.format_parameters(parameters)}"
    # RFC 3840 §9: the instance is a quoted string, whatever it holds.
    return f"{value};+sip.instance={lexical.quote(binding.instance)}" if binding.instance else value
