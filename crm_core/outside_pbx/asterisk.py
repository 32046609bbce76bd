"""Rows of Asterisk's call-detail records to calls. Pure.

Asterisk writes a row for each pair of channels, so a call that rang three phones has three. Rows with one `linkedid`
are one call here. It was answered when a row says so *and* names the channel that answered: the application that plays
music to a caller who waits answers too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from callflow.facts import Direction, Outcome
from crm_core.outside_pbx.calls import BadRecord, OutsideCall
from crm_core.outside_pbx.contract import LONGEST, moment

# https://docs.asterisk.org: the order of cdr_csv; linkedid and sequence only where they are switched on.
CSV_COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "calldate",
    "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
OUTCOMES: Mapping[str, Outcome] = {"BUSY": Outcome.BUSY, "FAILED": Outcome.FAILED, "CONGESTION": Outcome.FAILED}

_channel = re.compile(r"(?:SIP|PJSIP|IAX2|SCCP|DAHDI)/([^@/]+)-[0-9a-f]+(?:;[12])?", re.ASCII | re.IGNORECASE)
_not_digits = re.compile(r"[^0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdr:
    key: str
    src: str
    dst: str
    channel: str
    dstchannel: str
    lastapp: str
    disposition: str
    started_at: datetime
    duration: int
    billsec: int

    @property
    def is_answered(self) -> bool:
        return self.disposition == "ANSWERED" and bool(self.dstchannel)

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.duration)


def record_of(row: Mapping[str, str], zone: ZoneInfo) -> Cdr:
    """Raises BadRecord."""
    key = row.get("linkedid") or row.get("uniqueid") or ""
    if not key or len(key) > LONGEST:
        raise BadRecord(f"neither linkedid nor uniqueid: {key[:40]!r}")
    try:
        duration, billsec = int(row.get("duration") or 0), int(row.get("billsec") or 0)
    except ValueError:
        raise BadRecord(f"{key}: no seconds") from None
    if not 0 <= billsec <= duration <= 10_000_000:
        raise BadRecord(f"{key}: {billsec} of {duration} seconds")
    return Cdr(
        key=key,
        src=row.get("src", "")[:LONGEST],
        dst=row.get("dst", "")[:LONGEST],
        channel=row.get("channel", ""),
        dstchannel=row.get("dstchannel", ""),
        lastapp=row.get("lastapp", ""),
        disposition=row.get("disposition", "").upper(),
        started_at=moment(row.get("calldate", ""), zone),
        duration=duration,
        billsec=billsec,
    )


def calls_of(records: Iterable[Cdr], *, internal_digits: int) -> Iterator[OutsideCall]:
    """One for each linkedid. Numbers with at most `internal_digits` digits are the company's own; calls between those
    are nobody's outside, and left out."""
    groups: dict[str, list[Cdr]] = {}
    for record in records:
        groups.setdefault(record.key, []).append(record)
    for key, group in groups.items():
        group.sort(key=lambda record: record.started_at)
        first = group[0]
        from_inside, to_inside = _is_internal(first.src, internal_digits), _is_internal(first.dst, internal_digits)
        if from_inside and not to_inside:
            yield _call(key, group, Direction.OUTBOUND, first.dst, _device(first.channel) or first.src)
        elif not from_inside:
            answering = next((record for record in group if record.is_answered), group[-1])
            rung = _device(answering.dstchannel) or (answering.dst if to_inside else "")
            yield _call(key, group, Direction.INBOUND, first.src, rung)


def _call(key: str, group: Sequence[Cdr], direction: Direction, number: str, extension: str) -> OutsideCall:
    answered = next((record for record in group if record.is_answered), None)
    waited = next((record.dst for record in group if record.lastapp == "Queue"), "")
    return OutsideCall(
        key=key,
        direction=direction,
        number=number,
        extension=extension,
        line=waited if direction is Direction.INBOUND else "",
        started_at=group[0].started_at,
        answered_at=answered.ended_at - timedelta(seconds=answered.billsec) if answered else None,
        ended_at=max(record.ended_at for record in group),
        outcome=Outcome.ANSWERED if answered else OUTCOMES.get(group[-1].disposition, Outcome.NO_ANSWER),
    )


def _is_internal(number: str, digits: int) -> bool:
    only = _not_digits.sub("", number)
    return 0 < len(only) <= digits and not number.startswith("+")


def _device(channel: str) -> str:
    """`PJSIP/1003-0000002a` is the phone of 1003."""
    found = _channel.fullmatch(channel)
    return found[1] if found else ""
