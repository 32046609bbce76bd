"""Rows of Asterisk's call-detail records to calls. Pure.

Asterisk writes a row for each pair of channels, so a call that rang three phones has three. Rows with one `linkedid`
are one call here. It was answered when a row says so *and* names the channel that answered: the application that plays
music to a caller who waits answers too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from callflow.facts import Direction, Outcome
from crm_core.outside_pbx.calls import BadRecord, Flaw, OutsideCall
from crm_core.outside_pbx.contract import LONGEST, moment

COLUMNS = (
    "calldate", "src", "dst", "channel", "dstchannel", "lastapp", "duration", "billsec", "disposition", "uniqueid",
    "linkedid",
)  # fmt: skip
STARTED = "calldate"
# https://docs.asterisk.org: the order of cdr_csv; linkedid and sequence only where they are switched on.
CSV_COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "calldate",
    "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
# cdr_pgsql writes numbers (enum ast_cdr_disposition) into a column of integers.
DISPOSITIONS: Mapping[str, str] = {
    "0": "NO ANSWER", "1": "NO ANSWER", "2": "FAILED", "4": "BUSY", "8": "ANSWERED", "16": "CONGESTION"
}  # fmt: skip
OUTCOMES: Mapping[str, Outcome] = {"BUSY": Outcome.BUSY, "FAILED": Outcome.FAILED, "CONGESTION": Outcome.FAILED}
LONGEST_CALL = 10_000_000  # seconds

_channel = re.compile(r"(?:SIP|PJSIP|IAX2|SCCP|DAHDI)/([^@/]+)-[0-9a-f]+(?:;[12])?", re.ASCII | re.IGNORECASE)
_local = re.compile(r"Local/([0-9]+)@.+-[0-9a-f]+;[12]", re.ASCII | re.IGNORECASE)
_not_digits = re.compile(r"[^0-9]+", re.ASCII)
_made = re.compile(r"(?:.*-)?([0-9]{9,11})\.[0-9]+", re.ASCII)  # perhaps behind the name of the system


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdr:
    key: str
    uniqueid: str
    src: str
    dst: str
    channel: str
    dstchannel: str
    lastapp: str
    disposition: str
    started_at: datetime
    duration: float
    billsec: float

    @property
    def is_answered(self) -> bool:
        return self.disposition == "ANSWERED" and bool(self.dstchannel)

    @property
    def is_first(self) -> bool:
        """The row of the channel with which the call began; that is written when the channel ends."""
        return self.uniqueid == self.key

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.duration)


def record_of(row: Mapping[str, str], zone: ZoneInfo) -> Cdr:
    """Raises BadRecord."""
    uniqueid = row.get("uniqueid", "")
    key = row.get("linkedid") or uniqueid
    if not key or len(key) > LONGEST:
        raise BadRecord(Flaw.NO_KEY, key)
    duration, billsec = _seconds(row.get("duration", "")), _seconds(row.get("billsec", ""))
    if billsec > duration:
        raise BadRecord(Flaw.NO_SECONDS, f"{billsec:g} > {duration:g}")
    disposition = row.get("disposition", "").upper()
    return Cdr(
        key=key,
        uniqueid=uniqueid,
        src=row.get("src", "")[:LONGEST],
        dst=row.get("dst", "")[:LONGEST],
        channel=row.get("channel", ""),
        dstchannel=row.get("dstchannel", ""),
        lastapp=row.get("lastapp", ""),
        disposition=DISPOSITIONS.get(disposition, disposition),
        started_at=_started(row.get("calldate", ""), uniqueid, zone),
        duration=duration,
        billsec=billsec,
    )


def groups_of(records: Iterable[Cdr]) -> Iterator[Sequence[Cdr]]:
    """The rows of each call in order of time; of those that began in one second, the one that began the call first."""
    groups: dict[str, list[Cdr]] = {}
    for record in records:
        groups.setdefault(record.key, []).append(record)
    for group in groups.values():
        yield sorted(group, key=lambda record: (record.started_at, not record.is_first))


def call_of(group: Sequence[Cdr], *, internal_digits: int) -> OutsideCall | None:
    """Numbers with at most `internal_digits` digits are the company's own; calls between those are nobody's outside:
    None. So is a leg that Asterisk made inside, where no linkedid says of what call."""
    first = group[0]
    device, to_inside = _device(first.channel), _is_internal(first.dst, internal_digits)
    # An extension that shows the company's number calls from inside all the same.
    by_extension = not to_inside and device.isdigit() and _is_internal(device, internal_digits)
    if by_extension or _is_internal(first.src, internal_digits):
        if to_inside or not _shown(first.dst):
            return None
        return _call(group, Direction.OUTBOUND, first.dst, device or first.src)
    if first.is_first and first.channel.lower().startswith("local/"):
        return None
    answering = [record for record in group if record.is_answered]
    rung = [record.dstchannel for record in answering or reversed(group)]
    fallback = (answering or group)[-1].dst if to_inside and first.lastapp != "Queue" else ""
    return _call(group, Direction.INBOUND, _shown(first.src), _first(_device, rung) or _first(_inner, rung) or fallback)


def _call(group: Sequence[Cdr], direction: Direction, number: str, extension: str) -> OutsideCall:
    answered = next((record for record in group if record.is_answered), None)
    waited = next((record.dst for record in group if record.lastapp == "Queue"), "")
    return OutsideCall(
        key=group[0].key,
        direction=direction,
        number=number,
        extension=extension,
        line=waited if direction is Direction.INBOUND else "",
        started_at=group[0].started_at,
        answered_at=answered.ended_at - timedelta(seconds=answered.billsec) if answered else None,
        ended_at=max(record.ended_at for record in group),
        outcome=Outcome.ANSWERED if answered else OUTCOMES.get(group[-1].disposition, Outcome.NO_ANSWER),
    )


def _seconds(text: str) -> float:
    """Also with a fraction, as `hrtime` has them."""
    try:
        seconds = float(text or 0)
    except ValueError:
        raise BadRecord(Flaw.NO_SECONDS, text) from None
    if not 0 <= seconds <= LONGEST_CALL:
        raise BadRecord(Flaw.NO_SECONDS, text)
    return seconds


def _started(text: str, uniqueid: str, zone: ZoneInfo) -> datetime:
    """Local time of the hour that comes twice a year says nothing; the uniqueid begins with the second in which the
    channel was made."""
    first, second = moment(text, zone), moment(text, zone, fold=1)
    found = _made.fullmatch(uniqueid) if first != second else None
    if found is None:
        return first
    made = datetime.fromtimestamp(int(found[1]), UTC)
    return min(first, second, key=lambda at: abs(at - made))


def _is_internal(number: str, digits: int) -> bool:
    only = _not_digits.sub("", number)
    return 0 < len(only) <= digits and not number.startswith("+")


def _shown(number: str) -> str:
    """`anonymous` and the like are no number."""
    return number if _not_digits.sub("", number) else ""


def _first(reading: Callable[[str], str], channels: Iterable[str]) -> str:
    return next((found for channel in channels if (found := reading(channel))), "")


def _device(channel: str) -> str:
    """`PJSIP/1003-0000002a` is the phone of 1003."""
    found = _channel.fullmatch(channel)
    return found[1] if found else ""


def _inner(channel: str) -> str:
    """`Local/1003@from-queue-0000002a;1` leads to 1003."""
    found = _local.fullmatch(channel)
    return found[1] if found else ""
