"""From a page of rows to the calls that are over, those that may get another row, and what makes no sense. Pure.

Hundreds of thousands of rows: this runs in a thread, for the core has calls to carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crm_core.outside_pbx import asterisk, contract
from crm_core.outside_pbx.asterisk import Cdr
from crm_core.outside_pbx.calls import BadRecord, OutsideCall
from crm_core.outside_pbx.sources import Page, Row
from crm_core.settings import Settings

SETTLED = timedelta(seconds=60)  # after its last row a call may still get another one
# Legs are written before the call is, which may still wait in a queue. Then it is taken as it stands.
LONGEST_WAIT = timedelta(hours=1)
MOST_ASIDE = 1000  # rows of a page that are told; the others are left out without a word


@dataclass(slots=True)
class Folded:
    """`calls` are over; `open` may go on in the next page; `bad`: rows by name; `last`: when the last row of a
    full page began."""

    calls: list[OutsideCall] = field(default_factory=list)
    open: list[Cdr] = field(default_factory=list)
    bad: list[tuple[str, BadRecord]] = field(default_factory=list)
    last: datetime | None = None


def fold(page: Page, before: Sequence[Cdr], parameters: Settings, now: datetime) -> Folded:
    """`before`: what the page before left open."""
    zone = ZoneInfo(parameters.timezone)
    folded = Folded(last=_last(page, parameters, zone) if page.is_full else None)
    if parameters.telephony_kind == "asterisk":
        _fold_records(page, before, parameters, zone, now, folded)
    else:
        _fold_calls(page, zone, now, folded)
    folded.calls.sort(key=lambda call: call.ended_at)
    return folded


def _fold_calls(page: Page, zone: ZoneInfo, now: datetime, folded: Folded) -> None:
    for row in page.rows:
        try:
            call = contract.call_of(row, zone)
        except BadRecord as error:
            _set_aside(folded, row, error)
            continue
        if call is not None and call.ended_at <= now - SETTLED:
            folded.calls.append(call)


def _fold_records(
    page: Page, before: Sequence[Cdr], parameters: Settings, zone: ZoneInfo, now: datetime, folded: Folded
) -> None:
    records = list(before)
    for row in page.rows:
        try:
            records.append(asterisk.record_of(row, zone))
        except BadRecord as error:
            _set_aside(folded, row, error)
    # Behind the last row of a full page there may be more of a call that had not ended by then.
    horizon = min(folded.last or now, now)
    for group in asterisk.groups_of(records):
        ended_at = max(record.ended_at for record in group)
        is_whole = any(record.is_first for record in group) or ended_at <= now - LONGEST_WAIT
        if ended_at > horizon - SETTLED or not is_whole:
            folded.open.extend(group)
        elif call := asterisk.call_of(group, internal_digits=parameters.telephony_internal_digits):
            folded.calls.append(call)


def _last(page: Page, parameters: Settings, zone: ZoneInfo) -> datetime | None:
    """None when no row tells."""
    started = asterisk.STARTED if parameters.telephony_kind == "asterisk" else contract.STARTED
    for row in reversed(list(page.rows)):
        try:
            return contract.moment(row.get(started, ""), zone)
        except BadRecord:
            pass
    return None


def _set_aside(folded: Folded, row: Row, error: BadRecord) -> None:
    if len(folded.bad) < MOST_ASIDE:
        key, at = row.get("uniqueid") or row.get("key") or "?", row.get("calldate") or row.get("started_at") or "?"
        folded.bad.append((f"{key[:100]} {at[:40]}", error))
