"""Which calls the panel lists as missed, and what is still owed for them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from callflow.facts import Direction, Outcome
from crm_core.calls.rules import NOBODY_CALLED, is_logged, party_keys
from crm_core.clients.phone_numbers import normalise
from crm_core.follow_ups import MissedCall
from web_panel.live_calls import LiveCall, Party
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


def known(call: MissedCall, listed: dict[str, Missed], *, region: str) -> str:
    """As the CRM tells of a call that nobody here saw: from before this process, or of another server. The key of its
    entry, which stands last now."""
    number = normalise(call.phone, region=region)
    key = party_keys(number, extension=call.internal, client_id=None, call_id=call.call_id)[0]
    earlier = listed.pop(key, None)
    listed[key] = Missed(
        key=key,
        party=Party(
            number=call.phone,
            name=call.display_name,
            client_name=call.client_name,
            extension=call.internal,
            e164=number.e164,
        ),
        last_at=max(call.at, earlier.last_at) if earlier else call.at,
        line=call.line,
        outcome=call.outcome,
        calls=[*(earlier.calls if earlier else ()), call.call_id],
        rung=earlier.rung if earlier else frozenset(),
        event_id=call.event_id,
        follow_up=_follow_up(call),
    )
    return key


def _follow_up(call: MissedCall) -> FollowUpView | None:
    if call.follow_up_id is None or call.follow_up_state is None:
        return None
    return FollowUpView(
        id=call.follow_up_id,
        state=call.follow_up_state.value,
        owner_id=call.owner_id,
        owner_name=call.owner_name,
        due_at=call.due_at,
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
