"""Who calls, and who may know: Privacy (RFC 3323), P-Asserted-Identity (RFC 3325), Diversion and History-Info.

Identity headers of a stranger prove nothing: callers of this module believe them from trusted trunks only, and show an
asserted number to trusted trunks only.
"""

from __future__ import annotations

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request
from pbx.sip.uri import NameAddr

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""RFC 3323 §4.1.1.3: what From says for a caller who must not be known."""

MAX_IDENTITIES = 4
MAX_DIVERSIONS = 10
_HIDES = frozenset({"id", "user", "header", "full"})  # "full" is of the older drafts, and lives
_HIDDEN_HOST = "anonymous.invalid"
_HIDDEN_USERS = frozenset({"", "anonymous", "restricted", "unavailable", "private", "unknown"})


def wants_privacy(request: Request) -> bool:
    """Whether the sender asks that nobody be told who called (RFC 3323 §4.2; RFC 3325 §9.3 adds "id")."""
    try:
        values = lexical.elements([";".join(request.headers.all("privacy"))], MAX_IDENTITIES, "privacy values")
    except RemoteProtocolError:
        return True  # what cannot be read asks for something, and hiding too much does less harm than too little
    wanted = {word.strip().lower() for value in values for word in value.split(";")}
    return bool(wanted & _HIDES)


def is_anonymous(address: NameAddr) -> bool:
    return address.uri.host.lower() == _HIDDEN_HOST or (address.uri.user or "").lower() in _HIDDEN_USERS


def asserted(request: Request) -> NameAddr | None:
    """The number that P-Asserted-Identity names: of two values, the one that is a telephone number (RFC 3325 §9.1).

    None when there is none to be read. Ask only for requests of a trusted peer.
    """
    try:
        values = lexical.elements(request.headers.all("p-asserted-identity"), MAX_IDENTITIES, "identities")
        addresses = [NameAddr.parse(value) for value in values]
    except RemoteProtocolError:
        return None
    known = [address for address in addresses if address.uri.user and not is_anonymous(address)]
    return min(known, key=lambda address: not _is_number(address.uri.number), default=None)


def diverted_by(request: Request) -> str | None:
    """The number that last sent this call on: Diversion (RFC 5806), else History-Info (RFC 7044). Hostile text, made
    readable."""
    try:
        diversions = lexical.elements(request.headers.all("diversion"), MAX_DIVERSIONS, "diversions")
        if diversions:
            return _user(diversions[0])
        history = lexical.elements(request.headers.all("history-info"), MAX_DIVERSIONS, "history entries")
        # The last entry is where the call goes now; the one before it is who sent it on.
        return _user(history[-2]) if len(history) > 1 else None
    except RemoteProtocolError:
        return None


def _user(value: str) -> str | None:
    return lexical.readable(NameAddr.parse(value).uri.number) or None


def _is_number(user: str) -> bool:
    return user.lstrip("+").isdigit() and user.isascii()
