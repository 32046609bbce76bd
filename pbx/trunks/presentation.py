"""How a call through a trunk presents its caller, and how a call from there is read. Pure.

RFC 3323 (privacy), RFC 3325 (P-Asserted-Identity, P-Preferred-Identity), RFC 7315 (P-Called-Party-ID).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.identity import asserted, wants_privacy
from pbx.sip.lexical import readable
from pbx.sip.message import Request
from pbx.sip.uri import NameAddr, SipUri
from pbx.trunks.settings import CalledFrom, IdentityForm, TrunkSettings

LONGEST = 64  # characters of a number or name
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
_NAMELESS = frozenset({"", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld"})


@dataclass(frozen=True, slots=True)
class Shown:
    """Whom the other side is to see: a number of ours as the provider writes it, and a name or none."""

    number: str
    name: str = ""
    withheld: bool = False


def dress(headers: Headers, settings: TrunkSettings, shown: Shown, *, domain: str, tag: str) -> None:
    """Rewrite From and the identity of our INVITE as the provider wants them. `domain` is of our own From.

    §4.1.1.3 of RFC 3323: a user who wants to stay unknown is "Anonymous" at anonymous.invalid; the network is told who
    it is in the header that it strips.
    """
    is_anonymous = shown.withheld or not shown.number
    from_ = ANONYMOUS if is_anonymous else str(_address(settings.from_user or shown.number, shown.name, domain))
    headers.set("From", f"{from_};tag={tag}")
    if shown.withheld:
        headers.set("Privacy", "id")
    if shown.number:
        address = _address(shown.number, shown.name, domain)
        _identify(headers, settings.identity, address, withheld=shown.withheld)


def _identify(headers: Headers, form: IdentityForm, shown: NameAddr, *, withheld: bool) -> None:
    match form:
        case IdentityForm.FROM:
            pass
        case IdentityForm.ASSERTED:
            headers.set("P-Asserted-Identity", str(shown))
        case IdentityForm.PREFERRED:
            headers.set("P-Preferred-Identity", str(shown))
        case IdentityForm.REMOTE_PARTY:
            privacy = "full" if withheld else "off"
            headers.set("Remote-Party-ID", f"{shown};party=calling;screen=yes;privacy={privacy}")


def _address(number: str, name: str, domain: str) -> NameAddr:
    """Whatever the number and the name hold, they stay inside it."""
    return NameAddr(
        display_name=readable(name)[:LONGEST].strip(),
        uri=SipUri(scheme="sip", user=readable(number)[:LONGEST] or "anonymous", host=domain),
    )


def called_number(request: Request, settings: TrunkSettings) -> str:
    """Which of our numbers the provider's call is for, as it writes it."""
    uri = readable(request.request_uri.number)
    to = readable(request.to.uri.number)
    match settings.called_from:
        case CalledFrom.REQUEST_URI:
            return uri[:LONGEST]
        case CalledFrom.TO:
            return to[:LONGEST]
        case CalledFrom.CALLED_PARTY:
            return (_called_party(request) or uri)[:LONGEST]
        case CalledFrom.AUTO:
            # §10.2 of RFC 3261: a registrar's calls go to the Contact that we gave; who was called stands elsewhere.
            registered = settings.register and uri == settings.our_account
            return ((_called_party(request) or to) if registered else uri)[:LONGEST]


def _called_party(request: Request) -> str:
    with suppress(RemoteProtocolError):
        if value := request.headers.get("p-called-party-id"):
            return readable(NameAddr.parse(value).uri.number)
    return ""


def caller_of(request: Request, *, trusted: bool) -> tuple[str, str, bool]:
    """Number, name and whether the caller wants to stay unknown, as the provider says or, untrusted, as From says.

    A caller who is to stay unknown has neither number nor name here, though the network told us.
    """
    given = (asserted(request) or _remote_party(request)) if trusted else None
    address = given or request.from_
    number = readable(address.uri.number)[:LONGEST]
    name = address.readable_name[:LONGEST]
    if number.lower() in _NAMELESS or (trusted and _wants_privacy(request)):
        return "", "", True
    return number, name, False


def _remote_party(request: Request) -> NameAddr | None:
    with suppress(RemoteProtocolError):
        for value in request.headers.all("remote-party-id"):
            address = NameAddr.parse(value)
            if address.uri.user and (address.parameters.get("party") or "calling").lower() == "calling":
                return address
    return None


def _wants_privacy(request: Request) -> bool:
    if wants_privacy(request):
        return True
    party = _remote_party(request)
    return party is not None and (party.parameters.get("privacy") or "off").lower() not in ("off", "no")
