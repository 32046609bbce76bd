"""What a call becomes in the CRM: which Event, whose, and what it owes. Pure."""

from __future__ import annotations

from uuid import UUID

from callflow.facts import Direction, Outcome
from crm_core.calls.fold import CallRow
from crm_core.clients.phone_numbers import PhoneNumber

# Nobody was called: the dialled text led nowhere or was not allowed.
NOBODY_CALLED = (Outcome.UNKNOWN_NUMBER, Outcome.FORBIDDEN)


def is_logged(number: PhoneNumber, shortest: int) -> bool:
    """The short-number rule (R-CALL-31..36, O-18): a number with fewer digits than `shortest` leaves no Event.

    A withheld number is not a short one: whoever hides it is a customer all the same.
    """
    return number.withheld or number.digits >= shortest


def party_keys(number: PhoneNumber, *, extension: bool, client_id: UUID | None, call_id: UUID) -> list[str]:
    """Whose call it is, the surest name first: the client, the number, and for a withheld one this call alone."""
    if number.withheld:
        return [f"call:{call_id}"]
    if extension:
        return [f"ext:{number.raw}"]
    known = [f"client:{client_id}"] if client_id else []
    return [*known, number.e164 or f"raw:{number.raw}"]


def type_at_start(direction: Direction) -> str:
    """An internal call is one Event, of the callee's kind."""
    return "outgoing_call" if direction is Direction.OUTBOUND else "incoming_call"


def type_when_missed(call: CallRow) -> str:
    """R-CALL-07, R-CALL-08. An internal call that called nobody is the caller's own."""
    if call.direction is Direction.OUTBOUND or is_nobodys(call):
        return "missed_outgoing_call"
    return "missed_incoming_call"


def is_nobodys(call: CallRow) -> bool:
    """An extension dialled what does not exist: there is no callee who missed it."""
    return call.direction is Direction.INTERNAL and call.outcome in NOBODY_CALLED


def owes_follow_up(call: CallRow) -> bool:
    """R-CALL-42, R-CALL-35: a missed call to us that is logged."""
    return call.missed and call.event_id is not None and type_when_missed(call) == "missed_incoming_call"


def was_in_vain(call: CallRow) -> bool:
    """We called somebody outside and did not reach them."""
    return call.missed and call.direction is Direction.OUTBOUND


def keys_reached(call: CallRow, extension: str) -> list[str]:
    """Whom this answered call reached: the other side, and inside the company also the colleague who took it."""
    return [*call.party_keys, f"ext:{extension}"] if call.direction is Direction.INTERNAL else call.party_keys
