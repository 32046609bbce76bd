"""Which calls the panel lists as missed, and what is still owed for them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from callflow.facts import Direction, Outcome
from crm_core.calls.rules import NOBODY_CALLED, is_logged, party_keys
from crm_core.clients.phone_numbers import normalise
from web_panel.live_calls import LiveCall
from web_panel.live_entries import Missed
from web_panel.live_messages import CallLinked, FollowUpTold
from web_panel.wire import FollowUpView


def is_missed(call: LiveCall) -> bool:
    """R-CALL-07, as `crm_core.calls.rules` decides it: a call to us that joined nobody with the caller. Who inside the
    company dialled what does not exist was missed by nobody."""
    nobodys = call.direction is Direction.INTERNAL and call.outcome in NOBODY_CALLED
    # One that a menu or a conference took is answered, though nobody was joined with the caller.
    unanswered = call.answered_at is None and call.outcome is not Outcome.ANSWERED
    return call.direction is not Direction.OUTBOUND and unanswered and not nobodys


def still_open(earlier: Missed | None) -> FollowUpView | None:
    follow_up = earlier.follow_up if earlier else None
    return follow_up if follow_up and follow_up.state != "closed" else None


def missed_by(call: LiveCall, at: datetime, listed: dict[str, Missed], *, region: str, shortest: int) -> Missed | None:
    """R-CALL-44: one entry for each caller, however often that caller rang: the earlier one is taken out of `listed`,
    so that the newest stands last. R-CALL-35: short numbers have none."""
    number = normalise(call.party.number, region=region)
    if not is_logged(number, shortest):
        return None
    key = party_keys(number, extension=call.party.extension, client_id=None, call_id=call.call_id)[0]
    earlier = listed.pop(key, None)
    return Missed(
        key=key,
        party=call.party,
        last_at=at,
        line=call.line,
        outcome=call.outcome or Outcome.NO_ANSWER,
        calls=[*(earlier.calls if earlier else []), call.call_id],
        rung=(earlier.rung if earlier else frozenset()) | call.rung,
        event_id=call.event_id,
        follow_up=still_open(earlier),
    )


def linked(message: CallLinked, listed: dict[str, Missed]) -> Iterator[str]:
    """Note the Event and the client of a missed call; the keys of the entries that hold it."""
    for missed in listed.values():
        if message.call_id in missed.calls:
            missed.event_id = message.event_id
            missed.party.client_id, missed.party.client_name = message.client_id, message.client_name
            yield missed.key


def concerned(message: FollowUpTold, listed: dict[str, Missed], *, region: str) -> Iterator[Missed]:
    """The entries that this follow-up is for."""
    number = normalise(message.phone, region=region).e164
    for missed in listed.values():
        told = missed.follow_up is not None and missed.follow_up.id == message.id
        same = missed.key == message.party_key or (number is not None and missed.key == number)
        if told or same or (message.call_id is not None and message.call_id in missed.calls):
            yield missed
