"""Takes out of a trace what nobody may keep: proofs of passwords, keys of media, pressed digits, private texts.

What is taken out is written over with "x", byte for byte: lengths, frames and retransmissions stay what they were, so a
masked trace replays as well as the original. A number that was dialled is no secret here; what is pressed after it is.
"""

from __future__ import annotations

import re

import msgspec

from pbx.trace.file import Received, Record, Sent, Trace

_Secret = re.Pattern[bytes]

# Authorization and its relatives, wherever they stand: in the head, on folded lines, or in a body of message/sipfrag.
# RFC 3261 §22.4, RFC 7616 §3.4: the response proves the password, and can be tried against dictionaries at leisure.
_PROOF = re.compile(rb"""\b(?:response|rspauth)\s*=\s*(?:"([^"]*)"|([^\s",;]+))""", re.IGNORECASE)
# Basic, Bearer and whatever else is no Digest is a secret as a whole (RFC 8898).
_OTHER_PROOF = re.compile(
    rb"^(?:proxy-)?authorization[ \t]*+:[ \t]*+(?!digest\b)([^\r\n]+)", re.IGNORECASE | re.MULTILINE
)
# RFC 3261 §19.1.1: "sip:user:password@host".
_URI_PASSWORD = re.compile(rb"\bsips?:[^\s:@<>\";,/?]+:([^\s@<>\";]+)@", re.IGNORECASE)
# RFC 2806 §2.5.5 and its users: digits to send after the answer.
_POST_DIAL = re.compile(rb";postd=([^\s;>\"?&]+)", re.IGNORECASE)
# RFC 4568: keys of SRTP. RFC 4566 §5.12: k=. RFC 4567: key management. RFC 8839 §5.4: ice-pwd.
_SDP_KEYS = re.compile(
    rb"\binline:([^\s|=]+)|^k=[a-z0-9]+:([^\r\n]+)|^a=key-mgmt:\S+[ \t]+([^\r\n]+)|^a=ice-pwd:([^\r\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
# RFC 4730: what was pressed, reported by NOTIFY.
_KPML_DIGITS = re.compile(rb"""\bdigits\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
# Bodies of INFO. A duration says nothing; everything else may be a digit.
_INFO_WORDS = re.compile(
    rb"^(?:[ \t]*dur(?:ation)?[ \t]*=[ \t]*[0-9]+[ \t\r]*$|[ \t]*(?:signal|d)[ \t]*=)|([^\r\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_PRIVATE_TEXT = re.compile(rb"([^\r\n]+)")
_METHOD = re.compile(rb"([A-Za-z]+) ")
_CSEQ = re.compile(rb"^cseq[ \t]*:[ \t]*[0-9]+[ \t]+([a-z]+)", re.IGNORECASE | re.MULTILINE)


def masked(trace: Trace) -> Trace:
    """The same trace without its secrets."""
    return msgspec.structs.replace(trace, records=[_masked_record(record) for record in trace.records])


def _masked_record(record: Record) -> Record:
    if isinstance(record, Received | Sent):
        data = mask_message(record.data)
        return record if data is record.data else msgspec.structs.replace(record, data=data)
    return record


def mask_message(message: bytes) -> bytes:
    """One SIP message, as long as it was."""
    lowered = message.lower()
    if b"authori" in lowered or b"authentication-info" in lowered:
        message = _over(_PROOF, _over(_OTHER_PROOF, message))
    message = _over(_URI_PASSWORD, message)
    if b";postd=" in lowered:
        message = _over(_POST_DIAL, message)
    head, gap, body = message.partition(b"\r\n\r\n")
    return head + gap + _masked_body(_method(head), body) if body else message


def _method(head: bytes) -> bytes:
    """Of the request, or of the request that this answers."""
    found = _METHOD.match(head) if head[:4].upper() != b"SIP/" else _CSEQ.search(head)
    return found[1].upper() if found else b""


def _masked_body(method: bytes, body: bytes) -> bytes:
    if method == b"MESSAGE":
        return _over(_PRIVATE_TEXT, body)
    if method == b"INFO":
        return _over(_INFO_WORDS, body)
    lowered = body.lower()
    if b"digits" in lowered:
        body = _over(_KPML_DIGITS, body)
    if b"inline:" in lowered or b"ice-pwd" in lowered or b"key-mgmt" in lowered or b"k=" in lowered:
        body = _over(_SDP_KEYS, body)
    return body


def _over(secret: _Secret, text: bytes) -> bytes:
    return secret.sub(_write_over, text)


def _write_over(found: re.Match[bytes]) -> bytes:
    """The match with its groups written over; what stands around them is kept."""
    start, text = found.start(), found[0]
    for group in range(1, len(found.groups()) + 1):
        first, last = found.span(group)
        if first >= 0:
            text = text[: first - start] + b"x" * (last - first) + text[last - start :]
    return text
