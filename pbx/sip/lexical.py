"""Small pieces of the SIP grammar (RFC 3261 §25.1) that every header shares.

Every regular expression here is linear: alternatives start with different characters and repetitions are possessive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pbx.sip.errors import RemoteProtocolError

MAX_ELEMENTS = 256  # of a comma-separated list in one header
MAX_PARAMETERS = 128

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
HOST = r"\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9._\-]++"
_UNQUOTED = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]++|\[?[0-9A-Fa-f]*+:[0-9A-Fa-f:.]++\]?")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LIST_ITEM = re.compile(r'(?:[^,"<]++|"(?:[^"\\]|\\.)*+"|<[^>]*+>)*+', re.DOTALL)
_PARAMETER = re.compile(r'(?:[^;"]++|"(?:[^"\\]|\\.)*+")*+', re.DOTALL)


def split_list(text: str) -> list[str]:
    """The elements of a comma-separated header, trimmed; commas in quotes and angle brackets do not count.

    Empty elements are dropped. Raises RemoteProtocolError when a quote or a bracket is left open, and for more than
    256 commas.
    """
    if text.count(",") > MAX_ELEMENTS:
        raise RemoteProtocolError("a list of more than 256 elements")
    if '"' not in text and "<" not in text:
        return [stripped for item in text.split(",") if (stripped := item.strip())]
    return _split(text, _LIST_ITEM, ",")


def elements(values: Iterable[str], maximum: int, what: str, status: int = 400) -> list[str]:
    """The elements of all lines of a header. Raises RemoteProtocolError as soon as there are more than maximum."""
    found: list[str] = []
    for value in values:
        found += split_list(value)
        if len(found) > maximum:
            raise RemoteProtocolError(f"more than {maximum} {what}", status)
    return found


def _split(text: str, item: re.Pattern[str], separator: str) -> list[str]:
    parts = []
    position = 0
    while True:
        match = item.match(text, position)
        end = match.end() if match else position
        if part := text[position:end].strip():
            parts.append(part)
        if end == len(text):
            return parts
        if text[end] != separator:
            raise RemoteProtocolError("an open quote or bracket")
        position = end + 1


def parse_parameters(text: str) -> dict[str, str | None]:
    """`;name=value;flag` as a mapping of lower-case names. Quoted values lose their quotes; the first of two wins.

    Raises RemoteProtocolError for an open quote, and for more than 128 semicolons.
    """
    if text.count(";") > MAX_PARAMETERS:
        raise RemoteProtocolError("more than 128 parameters")
    parameters: dict[str, str | None] = {}
    for item in _split(text, _PARAMETER, ";") if '"' in text else text.split(";"):
        name, equals, value = item.partition("=")
        name = name.strip().lower()
        if name and name not in parameters:
            parameters[name] = unquote(value.strip()) if equals else None
    return parameters


def format_parameters(parameters: Mapping[str, str | None]) -> str:
    """The reverse of `parse_parameters`: a value that is neither token nor IPv6 address goes in quotes."""
    return "".join(
        f";{name}" if value is None else f";{name}={value if _UNQUOTED.fullmatch(value) else quote(value)}"
        for name, value in parameters.items()
    )


def unquote(text: str) -> str:
    """The content of a quoted-string, or the text itself when it is not one."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def integer(text: str, maximum: int, what: str) -> int:
    """A number of ASCII digits from 0 to maximum (leading zeros are fine), else RemoteProtocolError.

    int() alone would take "١٢", "1_000" and a megabyte of digits.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 64:
        raise RemoteProtocolError(f"{what} is not a number")
    digits = text if len(text) <= 20 else text.lstrip("0") or "0"
    if len(digits) > 20 or (value := int(digits)) > maximum:
        raise RemoteProtocolError(f"{what} is out of range")
    return value


def unbracket(host: str) -> str:
    return host[1:-1] if host.startswith("[") else host


def bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def readable(text: str) -> str:
    """Header text made safe to store and show: valid Unicode, no control characters.

    Headers keep bytes that are not UTF-8 as lone surrogates, so that they go out as they came in. Such text here is
    read as Windows-1251, which is what old Ukrainian phones send.
    """
    if text.isprintable():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape").decode("cp1251", "replace")
    return "".join(character if character.isprintable() else " " for character in text).strip()
