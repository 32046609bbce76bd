"""Call facts become rows: calls, segments, offers, recordings, Events, follow-ups. One transaction holds a batch.

Facts of a call whose start is not known (it was set aside) are kept in the ledger and project nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec
import structlog
from uuid_utils.compat import uuid7

from callflow.facts import (
    CallFact,
    CallForwarded,
    CallStarted,
    Direction,
    LegMeasured,
    RecordingReady,
    RecordingStarted,
    TransferEnded,
)
from crm_core import outbox
from crm_core.calls import rules, sound, waits
from crm_core.calls.fold import Answered, CallFold, CallRow, Ended, OfferRow, SegmentRow, Turn, started
from crm_core.calls.recordings import store_recordings
from crm_core.clients import parties, whose
from crm_core.clients.parties import Party
from crm_core.clients.phone_numbers import PhoneNumber
from crm_core.clients.whose import ClientMatch, only_matches
from crm_core.database import Connection
from crm_core.events import forwarding
from crm_core.events import telephony as events
from crm_core.events.telephony import EndedEvent, NewCallEvent, Reached
from crm_core.follow_ups import calls_back
from crm_core.follow_ups import opening as follow_ups
from crm_core.follow_ups.calls_back import Attempt
from crm_core.follow_ups.opening import MissedContact
from crm_core.settings import Settings

_log = structlog.get_logger()


async def project(conn: Connection, facts: Sequence[CallFact], settings: Settings) -> None:
    """Take in facts of any calls, in the order in which they happened."""
    if not facts:
        return
    folds = await _load(conn, {fact.call_id for fact in facts})
    beginnings = await _Beginnings.of(conn, [fact for fact in facts if isinstance(fact, CallStarted)], settings)
    turns: list[Turn] = []
    handed_on: list[tuple[UUID, CallForwarded | TransferEnded]] = []
    new_events: list[NewCallEvent] = []
    for fact in facts:
        fold = folds.get(fact.call_id)
        if isinstance(fact, CallStarted):
            if fold is None:  # told twice, it began once
                folds[fact.call_id], event = beginnings.begin(fact)
                new_events.extend([event] if event else [])
        elif fold is None:
            _log.warning("fact_of_unknown_call", call_id=str(fact.call_id), kind=type(fact).__name__)
        elif isinstance(fact, CallForwarded | TransferEnded):
            if fold.call.event_id is not None:
                handed_on.append((fold.call.event_id, fact))
        elif turn := fold.apply(fact):
            turns.append(turn)
    await events.add(conn, new_events)
    await whose.seen(
        conn, [(new.e164, new.display_name, new.started_at) for new in new_events if new.e164 and not new.client_id]
    )
    for event_id, way in handed_on:
        await forwarding.handed_on(conn, event_id, way)
    await _store(conn, folds.values())
    await store_recordings(conn, [fact for fact in facts if isinstance(fact, RecordingStarted | RecordingReady)])
    await waits.project(conn, [fact for fact in facts if fact.call_id in folds])
    await sound.store(conn, [fact for fact in facts if isinstance(fact, LegMeasured) and fact.call_id in folds])
    await _announce(conn, new_events)
    for answered, ended in _rounds(turns):
        await _take_turns(conn, answered, ended, settings)


class _Beginnings:
    """What is known of the other sides of the calls that begin in a batch."""

    def __init__(self, known: Mapping[UUID, Party], clients: Mapping[str, ClientMatch], shortest: int) -> None:
        self._known = known
        self._clients = clients
        self._shortest = shortest

    @classmethod
    async def of(cls, conn: Connection, facts: Sequence[CallStarted], settings: Settings) -> _Beginnings:
        known = await parties.load(conn, [fact.party for fact in facts])
        numbers = {party.number.e164 for party in known.values() if party.number.e164}
        return cls(known, await only_matches(conn, sorted(numbers)), settings.min_number_length)

    def begin(self, fact: CallStarted) -> tuple[CallFold, NewCallEvent | None]:
        party = self._known.get(fact.party) or _nobody(fact.party)
        number = party.number
        client = self._clients.get(number.e164) if number.e164 else None
        keys = rules.party_keys(
            number, extension=party.extension, client_id=client.id if client else None, call_id=fact.call_id
        )
        if not rules.is_logged(number, self._shortest):
            return started(fact, party_keys=keys, event_id=None), None
        event = NewCallEvent(
            id=uuid7(),
            type=rules.type_at_start(fact.direction),
            started_at=fact.at,
            phone=number.raw,
            e164=number.e164,
            display_name=party.name,
            client_id=client.id if client else None,
            client_name=client.name if client else None,
            contact_id=client.contact_id if client else None,
            contact_name=client.contact_name if client else None,
            placed_by=fact.caller if fact.direction is Direction.OUTBOUND else None,
            call_id=fact.call_id,
            internal=fact.direction is Direction.INTERNAL,
            party_key=keys[0],
        )
        return started(fact, party_keys=keys, event_id=event.id), event


def _nobody(party_id: UUID) -> Party:
    """A party whose introduction was set aside: the call is kept as a withheld one."""
    return Party(id=party_id, number=PhoneNumber(raw="", e164=None, withheld=True), name="", extension=False)


LOAD_CALLS = "SELECT * FROM call WHERE id = ANY($1::uuid[]) FOR UPDATE"
LOAD_SEGMENTS = """
    SELECT id, call_id, extension, started_at, ended_at, leg, wait_seconds, held_seconds
      FROM segment WHERE call_id = ANY($1::uuid[])
"""


async def _load(conn: Connection, call_ids: set[UUID]) -> dict[UUID, CallFold]:
    """The folds of calls that earlier batches began. Offers are only ever added to, so they stay where they are."""
    calls = await conn.fetch(LOAD_CALLS, list(call_ids))
    folds = {row["id"]: CallFold(msgspec.convert(dict(row), CallRow)) for row in calls}
    if folds:
        for row in await conn.fetch(LOAD_SEGMENTS, list(folds)):
            folds[row["call_id"]].segments[row["id"]] = msgspec.convert(dict(row), SegmentRow)
    return folds


STORE_CALLS = """
    INSERT INTO call SELECT * FROM jsonb_populate_recordset(NULL::call, $1::jsonb)
    ON CONFLICT (id) DO UPDATE
       SET target = excluded.target, target_number = excluded.target_number, line = excluded.line,
           rung = excluded.rung, taken_by = excluded.taken_by, answered_at = excluded.answered_at,
           ended_at = excluded.ended_at, outcome = excluded.outcome, ended_by = excluded.ended_by,
           talk_seconds = excluded.talk_seconds, missed = excluded.missed, held_by = excluded.held_by,
           held_since = excluded.held_since, held_seconds = excluded.held_seconds,
           waiting_since = excluded.waiting_since
"""
STORE_SEGMENTS = """
    INSERT INTO segment (id, call_id, extension, user_id, started_at, ended_at, leg, wait_seconds, held_seconds)
    SELECT s.id, s.call_id, s.extension, d.user_id, s.started_at, s.ended_at, s.leg, s.wait_seconds, s.held_seconds
      FROM jsonb_populate_recordset(NULL::segment, $1::jsonb) s LEFT JOIN device d ON d.number = s.extension
    ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, held_seconds = excluded.held_seconds
"""
STORE_OFFERS = """
    INSERT INTO offer (leg, call_id, extension, user_id, offered_at, ended_at, reason)
    SELECT o.leg, o.call_id, o.extension, d.user_id, o.offered_at, o.ended_at, o.reason
      FROM jsonb_populate_recordset(NULL::offer, $1::jsonb) o LEFT JOIN device d ON d.number = o.extension
    ON CONFLICT (leg) DO UPDATE SET ended_at = excluded.ended_at, reason = excluded.reason
"""


async def _store(conn: Connection, folds: Iterable[CallFold]) -> None:
    calls: list[CallRow] = []
    segments: list[SegmentRow] = []
    offers: list[OfferRow] = []
    for fold in folds:
        calls.append(fold.call)
        segments.extend(fold.segments.values())
        offers.extend(fold.offers.values())
    for statement, rows in ((STORE_CALLS, calls), (STORE_SEGMENTS, segments), (STORE_OFFERS, offers)):
        if rows:
            await conn.execute(statement, msgspec.json.encode(rows).decode())


async def _announce(conn: Connection, new_events: Sequence[NewCallEvent]) -> None:
    """Tell the panel which Event and which client belong to a running call (R-PHONE's card of the caller)."""
    await outbox.append_all(
        conn,
        "call.linked",
        [
            {
                "call_id": str(event.call_id),
                "event_id": str(event.id),
                "client_id": str(event.client_id) if event.client_id else None,
                "client_name": event.client_name,
                "contact_id": str(event.contact_id) if event.contact_id else None,
                "contact_name": event.contact_name,
            }
            for event in new_events
        ],
    )


def _rounds(turns: Sequence[Turn]) -> Iterator[tuple[Sequence[Answered], Sequence[Ended]]]:
    """Turns that can be taken in together, the answered calls first. That order makes a difference to one party only:
    to one that was missed and is reached after that, which ends the round."""
    answered: list[Answered] = []
    ended: list[Ended] = []
    missed: set[str] = set()
    for turn in turns:
        match turn:
            case Answered(call=call, extension=extension):
                if not missed.isdisjoint(rules.keys_reached(call, extension)):
                    yield answered, ended
                    answered, ended, missed = [], [], set()
                answered.append(turn)
            case Ended(call=call):
                ended.append(turn)
                if call.missed:
                    missed.update(call.party_keys)
    yield answered, ended


async def _take_turns(
    conn: Connection, answered: Sequence[Answered], ended: Sequence[Ended], settings: Settings
) -> None:
    await calls_back.reached(conn, await _reached(conn, answered))
    in_vain: list[Attempt] = []
    closed: list[EndedEvent] = []
    for turn in ended:
        call, follow_up = turn.call, None
        if rules.was_in_vain(call):
            in_vain.append(_attempt(turn))
        if rules.owes_follow_up(call):
            await calls_back.not_reached(conn, in_vain)  # what was tried before it does not count for it
            in_vain = []
            follow_up = await follow_ups.open_for_missed(conn, _missed(call), settings)
        if call.event_id:
            closed.append(
                EndedEvent(
                    event_id=call.event_id,
                    at=turn.at,
                    talk_seconds=call.talk_seconds,
                    missed_type=rules.type_when_missed(call) if call.missed else None,
                    caller=call.caller if rules.is_nobodys(call) else None,
                    rung=call.rung if call.missed else None,
                    follow_up=follow_up,
                )
            )
    await calls_back.not_reached(conn, in_vain)
    await events.calls_ended(conn, closed)


async def _reached(conn: Connection, answered: Sequence[Answered]) -> list[Reached]:
    """A call that a follow-up's button placed reaches the party of that follow-up, whatever number was dialled."""
    asked_for = await calls_back.parties_of(
        conn, [turn.call.follow_up_id for turn in answered if turn.call.follow_up_id is not None]
    )
    return [
        Reached(
            call_id=turn.call.id,
            event_id=turn.call.event_id,
            party_keys=[
                *rules.keys_reached(turn.call, turn.extension),
                *([asked_for[turn.call.follow_up_id]] if turn.call.follow_up_id in asked_for else []),
            ],
            at=turn.at,
            extension=turn.extension,
            outbound=turn.call.direction is Direction.OUTBOUND,
        )
        for turn in answered
    ]


def _attempt(turn: Ended) -> Attempt:
    call = turn.call
    assert call.outcome is not None, "what has ended has an outcome"
    return Attempt(follow_up=call.follow_up_id, party_keys=call.party_keys, at=turn.at, outcome=call.outcome)


def _missed(call: CallRow) -> MissedContact:
    assert call.event_id is not None, "only a logged call owes a follow-up"
    assert call.ended_at is not None, "missed is decided at the end"
    return MissedContact(
        call_id=call.id,
        event_id=call.event_id,
        party_keys=call.party_keys,
        rung=call.rung or (call.target_number if call.target == "extension" else None),
        line=call.line,
        at=call.ended_at,
    )
