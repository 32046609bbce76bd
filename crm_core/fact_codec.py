"""Facts as bytes for the spool and as rows for the ledger.

A record is msgpack `[kind, fields]`. Fields that a reader does not know are skipped; a kind that it does not know is
`UnknownKind`. Text from the wire is made storable here: PostgreSQL takes no NUL, UTF-8 takes no lone surrogate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from callflow import callback_facts, flow_facts, line_facts, line_orders, meeting_facts, room_facts, secret_facts
from callflow import facts as call_facts
from callflow.facts import Fact, PartyIntroduced
from queue_engine import facts as queue_facts
from queue_engine.facts import QueueFact

AnyFact: TypeAlias = Fact | QueueFact

KINDS: Mapping[str, type[AnyFact]] = MappingProxyType(
    {
        **call_facts.KINDS,
        **callback_facts.KINDS,
        **flow_facts.KINDS,
        **line_facts.KINDS,
        **line_orders.KINDS,
        **meeting_facts.KINDS,
        **room_facts.KINDS,
        **secret_facts.KINDS,
        **queue_facts.KINDS,
    }
)

_encoder = msgspec.msgpack.Encoder()
_envelope = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {
    name: msgspec.msgpack.Decoder(kind) for name, kind in KINDS.items()
}
_json = msgspec.json.Encoder()
_FIELDS: dict[type[AnyFact], tuple[str, ...]] = {
    kind: tuple(field.name for field in dataclasses.fields(kind)) for kind in KINDS.values()
}


class UnknownKind(Exception):
    """A newer program wrote this fact. `kind` is its name."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class UnreadableRecord(Exception):
    """The bytes are not a fact."""


def kind_of(fact: AnyFact) -> str:
    return type(fact).__name__


def encode(fact: AnyFact) -> bytes:
    """Never fails on text, however hostile."""
    try:
        return _encoder.encode((kind_of(fact), fact))
    except UnicodeEncodeError:
        return _encoder.encode((kind_of(fact), _storable(fact)))


def decode(record: bytes) -> AnyFact:
    """Raises UnknownKind or UnreadableRecord."""
    try:
        kind, fields = _envelope.decode(record)
    except msgspec.MsgspecError as error:
        raise UnreadableRecord(str(error)) from error
    if kind not in _decoders:
        raise UnknownKind(kind)
    try:
        fact: AnyFact = _decoders[kind].decode(fields)
    except msgspec.MsgspecError as error:
        raise UnreadableRecord(f"{kind}: {error}") from error
    return _storable(fact)


def payload(fact: AnyFact) -> str:
    """The ledger's JSON: what the fact says beyond id, v, at and call_id; of a person only the reference."""
    if isinstance(fact, PartyIntroduced):
        return _json.encode({"party": fact.party}).decode()
    rest = {name: getattr(fact, name) for name in _FIELDS[type(fact)] if name not in ("id", "v", "at", "call_id")}
    return _json.encode(rest).decode()


def _storable(fact: AnyFact) -> AnyFact:
    changed: dict[str, Any] = {
        name: text.replace("\0", "").encode(errors="replace").decode()
        for name in _FIELDS[type(fact)]
        if isinstance(text := getattr(fact, name), str) and not _is_storable(text)
    }
    return dataclasses.replace(fact, **changed) if changed else fact


def _is_storable(text: str) -> bool:
    return (text.isascii() and "\0" not in text) or text.isprintable()  # neither NUL nor a surrogate is printable
