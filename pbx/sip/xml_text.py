"""XML documents of SIP bodies: ours written safely, theirs read without what XML can do to a reader."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.sax.saxutils import escape as _escape

from pbx.sip.errors import RemoteProtocolError

LONGEST = 16 * 1024  # bytes of a document that we read
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def text(value: str) -> str:
    """Any text as the content of an element or the value of an attribute."""
    # XML 1.0 has no way to write control characters; lone surrogates cannot be encoded.
    return _escape("".join(character for character in value if character.isprintable()), {'"': "&quot;"})


def read(body: bytes) -> ElementTree.Element:
    """The root of a document. Raises RemoteProtocolError: 413 when it is too long, 400 when it is none.

    A document type can declare entities that grow without end or name our files: none of ours needs one.
    """
    if len(body) > LONGEST:
        raise RemoteProtocolError("a document longer than 16 KiB", 413)
    try:
        document = body.decode("utf-8-sig")
        if "<!DOCTYPE" in document or "<!ENTITY" in document:
            raise RemoteProtocolError("a document type")
        # Given as text, the parser cannot be led to another encoding, in which the words above would not be seen.
        return ElementTree.fromstring(document)
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError) as error:
        raise RemoteProtocolError("not XML") from error


def local_name(element: ElementTree.Element) -> str:
    """Its name without the namespace."""
    return str(element.tag).rpartition("}")[2]
