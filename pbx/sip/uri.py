"""SIP URIs and name-addr values (RFC 3261 §19.1, §20.10, §25.1; RFC 3966 for tel:).

Parsing is liberal where phones are sloppy and a mistake cannot mislead (`#` or non-ASCII in the user part, odd
schemes), strict where it could (who is the host). What goes out is always well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import split_list
from pbx.sip.memo import remembered

__all__ = ["NameAddr", "SipUri", "escape", "split_list", "unescape"]

MAX_PORT = 65535
_NO_SEPARATORS = {ord(separator): None for separator in "-.()"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,63}+):")
# userinfo ends at the first "@": inside userinfo it must be escaped, whatever else may stand there unescaped.
_SIP = re.compile(rf"(?:([^@]*+)@)?({lexical.HOST})(?::([0-9]{{1,5}}+))?(;[^?]*+)?(?:\?(.*+))?", re.DOTALL)
_NEVER_IN_URI = re.compile(r'[\x00-\x20"<>\x7f]')
_USER_SAFE = "-_.!~*'()&=+$,;?/"  # §25.1: unreserved and user-unreserved; all else goes out escaped
_PASSWORD_SAFE = "-_.!~*'()&=+$,"
_PARAMETER_SAFE = "-_.!~*'()[]/:&+$"
_HEADER_SAFE = "-_.!~*'()[]/?:+$"
# §19.1.4: these must match when either URI has them; any other parameter counts only when both have it. That transport
# is one of them stands apart from the list, under "components with a default value".
_SIGNIFICANT = ("user", "ttl", "method", "maddr", "transport")


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUri:
    """A sip:, sips: or tel: URI in its parts, unescaped; any other scheme is kept whole in `opaque`.

    host: without the brackets of an IPv6 reference. For tel: the number is `user` and there is no host.
    parameters: names in lower case. headers: (name, value) pairs, since one name may come twice.
    """

    scheme: str = "sip"
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    parameters: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    headers: tuple[tuple[str, str], ...] = ()
    opaque: str = ""

    @staticmethod
    def parse(text: str) -> SipUri:
        """Raises RemoteProtocolError for text that is no URI. An unknown scheme is no error here."""
        return _uri(text)

    @classmethod
    def _parse(cls, text: str) -> SipUri:
        scheme_match = _SCHEME.match(text)
        if not scheme_match or _NEVER_IN_URI.search(text):
            raise RemoteProtocolError("not a URI")
        scheme = scheme_match[1].lower()
        rest = text[scheme_match.end() :]
        if scheme == "tel":
            return _parse_tel(rest)
        if scheme not in ("sip", "sips"):
            return cls(scheme=scheme, opaque=rest)
        match = _SIP.fullmatch(rest)
        if not match or match[1] == "":
            raise RemoteProtocolError("not a SIP URI")
        userinfo, host, port, parameters, headers = match.groups()
        user: str | None = None
        password: str | None = None
        if userinfo is not None:
            user, colon, secret = userinfo.partition(":")
            user = unescape(user)
            password = unescape(secret) if colon else None
        return cls(
            scheme=scheme,
            user=user,
            password=password,
            host=lexical.unbracket(host),
            port=lexical.integer(port, MAX_PORT, "port") if port else None,
            parameters=_parse_parameters(parameters) if parameters else {},
            headers=_parse_headers(headers) if headers else (),
        )

    @property
    def is_sip(self) -> bool:
        return self.scheme in ("sip", "sips")

    @property
    def number(self) -> str:
        """The user part as something to dial. RFC 3966 §5.1.1: the visual separators of a telephone number "serve only
        to improve readability"; §19.1.6 of RFC 3261 marks such a number in a SIP URI by user=phone."""
        user = self.user or ""
        is_telephone = self.scheme == "tel" or (self.parameters.get("user") or "").lower() == "phone"
        return user.translate(_NO_SEPARATORS) if is_telephone else user

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case."""
        value = self.parameters.get("transport")
        return value.lower() if value else None

    def header(self, name: str) -> str | None:
        """The value of a URI header (`?Replaces=…`), unescaped."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def matches(self, other: SipUri) -> bool:
        """Equality by RFC 3261 §19.1.4: not transitive, so it is not `==`."""
        if self.scheme != other.scheme:
            return False  # "A SIP and SIPS URI are never equivalent."
        if not self.is_sip:
            return (self.user, self.opaque, self.parameters) == (other.user, other.opaque, other.parameters)
        # "A URI omitting any component with a default value will not match a URI explicitly containing that component
        # with its default value. For instance, a URI omitting the optional port component will not match a URI
        # explicitly declaring port 5060."
        if (self.user, self.password, self.host.lower(), self.port) != (
            other.user,
            other.password,
            other.host.lower(),
            other.port,
        ):
            return False
        return _parameters_match(self.parameters, other.parameters) and _headers_match(self.headers, other.headers)

    def __str__(self) -> str:
        if self.scheme == "tel":
            return f"tel:{self.user}{_format_uri_parameters(self.parameters)}"
        if not self.is_sip:
            return f"{self.scheme}:{self.opaque}"
        userinfo = ""
        if self.user is not None:
            userinfo = escape(self.user, _USER_SAFE)
            if self.password is not None:
                userinfo += f":{escape(self.password, _PASSWORD_SAFE)}"
            userinfo += "@"
        port = f":{self.port}" if self.port is not None else ""
        query = "&".join(f"{escape(name, _HEADER_SAFE)}={escape(value, _HEADER_SAFE)}" for name, value in self.headers)
        tail = _format_uri_parameters(self.parameters) + (f"?{query}" if query else "")
        return f"{self.scheme}:{userinfo}{lexical.bracket(self.host)}{port}{tail}"


def _parse_tel(rest: str) -> SipUri:
    number, _, parameters = rest.partition(";")
    if not number:
        raise RemoteProtocolError("a tel: URI without a number")
    return SipUri(scheme="tel", user=number, parameters=_parse_parameters(parameters))


def _parse_parameters(text: str) -> Mapping[str, str | None]:
    parameters = lexical.parse_parameters(text)
    if "%" not in text:
        return parameters
    # RFC 4475 §3.1.1.3: names may be escaped too.
    return {unescape(name).lower(): value if value is None else unescape(value) for name, value in parameters.items()}


def _parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.partition("=") for item in text.split("&"))
    return tuple((unescape(name), unescape(value)) for name, _, value in pairs if name)


def _format_uri_parameters(parameters: Mapping[str, str | None]) -> str:
    return "".join(
        f";{escape(name, _PARAMETER_SAFE)}" + ("" if value is None else f"={escape(value, _PARAMETER_SAFE)}")
        for name, value in parameters.items()
    )


def _parameters_match(ours: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> bool:
    for name in {*ours, *theirs}:
        if name in ours and name in theirs:
            # "Any uri-parameter appearing in both URIs must match." Case makes no difference.
            if (ours[name] or "").lower() != (theirs[name] or "").lower():
                return False
        elif name in _SIGNIFICANT:
            return False
    return True


def _headers_match(ours: tuple[tuple[str, str], ...], theirs: tuple[tuple[str, str], ...]) -> bool:
    # "URI header components are never ignored. Any present header component MUST be present in both URIs and match".
    return sorted((name.lower(), value) for name, value in ours) == sorted(
        (name.lower(), value) for name, value in theirs
    )


def unescape(text: str) -> str:
    """%HH decoded; bytes that are not UTF-8 survive as lone surrogates."""
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def escape(text: str, safe: str) -> str:
    if text.isascii() and text.isalnum():
        return text
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAddr:
    """`"display name" <uri>;parameters`, the value of From, To, Contact, Route and the like.

    display_name: unquoted; may hold lone surrogates (bytes that were not UTF-8): use `readable_name` to show or store.
    parameters: the header's own, lower-case names, unquoted values.
    uri_text: the URI as it arrived, which is how it must go back (a phone may compare it letter by letter).
    """

    display_name: str = ""
    uri: SipUri
    parameters: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    uri_text: str = field(default="", compare=False)

    @staticmethod
    def parse(text: str) -> NameAddr:
        """Raises RemoteProtocolError."""
        return _name_addr(text)

    @classmethod
    def _parse(cls, text: str) -> NameAddr:
        text = text.strip()
        display_name, start = _display_name(text)
        if start < 0:
            # §20: without angle brackets everything after the first semicolon belongs to the header, and "if the URI
            # contains a comma, question mark or semicolon, the URI MUST be enclosed in angle brackets".
            uri_text, _, parameters = text.partition(";")
            uri_text = uri_text.strip()
            if "?" in uri_text:
                raise RemoteProtocolError("a question mark outside angle brackets")
        else:
            end = text.find(">", start)
            if end < 0:
                raise RemoteProtocolError("an open angle bracket")
            uri_text = text[start + 1 : end].strip()
            if " " in uri_text or "\t" in uri_text:
                # A header folded inside its URI, as RFC 7118 prints one: space beside a semicolon misleads nobody.
                uri_text = ";".join(part.strip() for part in uri_text.split(";"))
            parameters = text[end + 1 :].lstrip()
            if parameters and parameters[0] != ";":
                raise RemoteProtocolError("text after the angle bracket")
        return cls(
            display_name=display_name,
            uri=SipUri.parse(uri_text),
            parameters=lexical.parse_parameters(parameters) if parameters else {},
            uri_text=uri_text,
        )

    @property
    def tag(self) -> str | None:
        return self.parameters.get("tag")

    @property
    def readable_name(self) -> str:
        """The display name as text for people: valid Unicode without control characters."""
        return lexical.readable(self.display_name)

    def __str__(self) -> str:
        name = f"{lexical.quote(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri_text or self.uri}>{lexical.format_parameters(self.parameters)}"


def _display_name(text: str) -> tuple[str, int]:
    """The display name and where the angle bracket opens, -1 when there is none."""
    if text.startswith('"'):
        match = lexical.QUOTED.match(text)
        if not match:
            raise RemoteProtocolError("an open quote")
        start = match.end()
        while start < len(text) and text[start] in " \t":
            start += 1
        if text[start : start + 1] != "<":
            raise RemoteProtocolError("no angle bracket after a display name")
        return lexical.unquote(match[0]), start
    start = text.find("<")
    name = text[:start] if start > 0 else ""
    # A quote before the bracket means that the bracket stands in a parameter: sip:a@b;x="<".
    return ("", -1) if '"' in name else (name.strip(), start)


_uri = remembered(SipUri._parse)
_name_addr = remembered(NameAddr._parse)
